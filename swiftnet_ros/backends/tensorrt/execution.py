# Copyright 2026 The swiftnet_ros Authors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""A TensorRT engine on the GPU: its input and logits, and its work on a stream."""

from pathlib import Path
from typing import Dict, Tuple, TYPE_CHECKING

from swiftnet_ros.backends.cuda.device import CudaGpu
from swiftnet_ros.backends.cuda.driver import ENGINE
from swiftnet_ros.backends.cuda.memory import Memory
from swiftnet_ros.backends.tensorrt.log import make_logger, make_recorder, Messages
from swiftnet_ros.errors import (
    DeviceMemoryError,
    EngineFailedError,
    EngineFileError,
    InvalidModelError,
)
from swiftnet_ros.model_spec import ModelSpec

if TYPE_CHECKING:
    from swiftnet_ros.backends.tensorrt.api import TensorRt, tensorrt


class TensorRtNetwork:
    """
    An engine with memory for its edges; all of it happens inside the GPU's `current`.

    `image` and `logits` are addresses; the logits are halves where `is_half`.
    """

    def __init__(
        self, trt: 'TensorRt', gpu: CudaGpu, path: Path, content: bytes, spec: ModelSpec
    ) -> None:
        """Load an engine; EngineFileError where TensorRT refuses it."""
        self._trt, self._gpu, self._path, self._spec = trt, gpu, path, spec
        self._messages = Messages()
        # They must outlive what was made with them: `close` lets go in this order's reverse.
        self._logger = make_logger(trt, self._messages)
        self._recorder = make_recorder(trt, self._messages)
        self._memory = Memory(gpu)
        try:
            self._runtime = trt.Runtime(self._logger)
            self._runtime.error_recorder = self._recorder
            self._engine = self._load(content)
            edges = self._edges()
            self.image, self.logits = (
                self._memory.device(f"the network's {name}", size) for name, size in edges.items()
            )
            self._context = self._make_context()
            for name, address in zip(edges, (self.image, self.logits)):
                self._context.set_tensor_address(name, address)
        except BaseException:
            self.close()
            raise

    def enqueue(self) -> None:
        """Run it when the stream gets here."""
        self._messages.errors.clear()
        if not self._context.execute_async_v3(self._gpu.stream_handle):
            raise EngineFailedError(ENGINE, self._messages.reason('TensorRT does not say why'))

    def close(self) -> None:
        """Free everything: the context before its engine, that before its runtime."""
        for name in ('_context', '_engine', '_runtime'):
            if hasattr(self, name):
                delattr(self, name)
        self._memory.free()

    def _load(self, content: bytes) -> 'tensorrt.ICudaEngine':
        engine = self._runtime.deserialize_cuda_engine(content)
        if engine is None:
            reason = f'TensorRT refuses it ({self._messages.reason("it does not say why")})'
            raise EngineFileError(self._path, reason)
        return engine

    def _make_context(self) -> 'tensorrt.IExecutionContext':
        context = self._engine.create_execution_context()
        if context is None:
            free, total = self._gpu.cuda.mem_get_info()
            needed = _working_bytes(self._engine)
            if needed > free:
                raise DeviceMemoryError('the network', needed, free, total)
            raise EngineFailedError(ENGINE, self._messages.reason('it gives no context'))
        context.error_recorder = self._recorder
        return context

    def _edges(self) -> Dict[str, int]:
        """Hold the engine's edges to the contract; give name and bytes, the input first."""
        spec, types = self._spec, self._trt.DataType
        names = [self._engine.get_tensor_name(i) for i in range(self._engine.num_io_tensors)]
        inputs = [name for name in names if self._is_input(name)]
        outputs = [name for name in names if not self._is_input(name)]
        if (len(inputs), len(outputs)) != (1, 1):
            raise InvalidModelError(self._path, f'its edges are {names}, expected one in, one out')
        pixels = (1, spec.input_height, spec.input_width, 3)
        self._check(inputs[0], pixels, {'uint8': types.UINT8})
        logits = (1, *spec.logits_shape)
        width = {'float32': 4, 'float16': 2}
        kind = self._check(outputs[0], logits, {'float32': types.FLOAT, 'float16': types.HALF})
        self.is_half = kind == 'float16'
        return {inputs[0]: _product(pixels), outputs[0]: _product(logits) * width[kind]}

    def _is_input(self, name: str) -> bool:
        return self._engine.get_tensor_mode(name) == self._trt.TensorIOMode.INPUT

    def _check(
        self, name: str, shape: Tuple[int, ...], kinds: 'Dict[str, tensorrt.DataType]'
    ) -> str:
        """Give the name of a tensor's type; InvalidModelError for another shape or type."""
        found_shape = tuple(self._engine.get_tensor_shape(name))
        found_kind = self._engine.get_tensor_dtype(name)
        for kind, data_type in kinds.items():
            if (found_shape, found_kind) == (shape, data_type):
                return kind
        received = f'{found_kind} {list(found_shape)}'
        expected = f'{" or ".join(kinds)} {list(shape)}'
        raise InvalidModelError(self._path, f'{name} is {received}, expected {expected}')


def _working_bytes(engine: 'tensorrt.ICudaEngine') -> int:
    """Give what a context takes of the GPU; the first name is of TensorRT 10.1 and newer."""
    if hasattr(engine, 'device_memory_size_v2'):
        return engine.device_memory_size_v2
    return engine.device_memory_size


def _product(shape: Tuple[int, ...]) -> int:
    total = 1
    for side in shape:
        total *= side
    return total
