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

"""A deserialized TensorRT engine with its execution context and the memory of its I/O tensors."""

from pathlib import Path
from typing import Dict, List, Tuple, TYPE_CHECKING

import numpy as np
from swiftnet_ros.backends.cuda.device import CudaDevice
from swiftnet_ros.backends.cuda.driver import BACKEND
from swiftnet_ros.backends.cuda.memory import GpuMemory
from swiftnet_ros.backends.tensorrt.api import implement
from swiftnet_ros.backends.tensorrt.log import ErrorLog, make_error_recorder, make_logger
from swiftnet_ros.errors import (
    DeviceMemoryError,
    EngineFailedError,
    EngineFileError,
    InvalidModelError,
)
from swiftnet_ros.model_spec import ModelSpec

if TYPE_CHECKING:
    from swiftnet_ros.backends.tensorrt.api import TensorRt, tensorrt

_LOGITS_TYPES = {'float32': 'FLOAT', 'float16': 'HALF'}
_PROFILER_WARM_UP = 3

# layer -> milliseconds of each run
LayerTimes = Dict[str, List[float]]


class EngineExecution:
    """
    An engine that is ready to run.

    Call all methods with the CUDA context current (`with device.current():`).
    `input_address` and `logits_address` are on the GPU; `logits_dtype` is float32 or float16.
    """

    def __init__(
        self, trt: 'TensorRt', device: CudaDevice, path: Path, content: bytes, spec: ModelSpec
    ) -> None:
        """
        Deserialize an engine and allocate its memory.

        Raise EngineFileError if TensorRT rejects it, InvalidModelError if its I/O tensors are not
        those of the specification, DeviceMemoryError if the GPU is out of memory.
        """
        self._trt, self._device, self._path, self._spec = trt, device, path, spec
        self._log = ErrorLog()
        # They must outlive the objects that are created with them.
        self._logger = make_logger(trt, self._log)
        self._recorder = make_error_recorder(trt, self._log)
        self._memory = GpuMemory(device)
        try:
            self._runtime = trt.Runtime(self._logger)
            self._runtime.error_recorder = self._recorder
            self._engine = self._deserialize(content)
            sizes = self._checked_io_tensors()
            addresses = [
                self._memory.allocate(f"the network's {name}", size)
                for name, size in sizes.items()
            ]
            self.input_address, self.logits_address = addresses
            self._addresses = dict(zip(sizes, addresses))
            self._context = self._create_context()
            for name, address in self._addresses.items():
                self._context.set_tensor_address(name, address)
        except BaseException:
            self.close()
            raise

    def enqueue(self) -> None:
        """Enqueue one inference on the stream; raise EngineFailedError if TensorRT fails."""
        self._log.errors.clear()
        if not self._context.execute_async_v3(self._device.stream_handle):
            raise EngineFailedError(BACKEND, self._log.reason('TensorRT gave no reason'))

    def layer_ms(self, runs: int) -> Dict[str, float]:
        """Return the median milliseconds of every layer, by TensorRT's profiler."""
        context = self._create_context()
        times: LayerTimes = {}
        for name, address in self._addresses.items():
            context.set_tensor_address(name, address)
        # A context of its own: one with a profiler cannot be captured in a graph.
        context.profiler = implement(self._trt.IProfiler, _Profiler, times)
        for _ in range(_PROFILER_WARM_UP + runs):
            if not context.execute_async_v3(self._device.stream_handle):
                raise EngineFailedError(BACKEND, self._log.reason('TensorRT gave no reason'))
            self._device.stream.synchronize()
        return {name: float(np.median(ms[-runs:])) for name, ms in times.items()}

    def close(self) -> None:
        """Free everything: the context before its engine, the engine before its runtime."""
        for name in ('_context', '_engine', '_runtime'):
            if hasattr(self, name):
                delattr(self, name)
        self._memory.free()

    def _deserialize(self, content: bytes) -> 'tensorrt.ICudaEngine':
        engine = self._runtime.deserialize_cuda_engine(content)
        if engine is None:
            reason = f'TensorRT rejects it ({self._log.reason("no reason given")})'
            raise EngineFileError(self._path, reason)
        return engine

    def _create_context(self) -> 'tensorrt.IExecutionContext':
        context = self._engine.create_execution_context()
        if context is None:
            free, total = self._device.cuda.mem_get_info()
            needed = _context_bytes(self._engine)
            if needed > free:
                raise DeviceMemoryError('the network', needed, free, total)
            reason = self._log.reason('TensorRT could not create an execution context')
            raise EngineFailedError(BACKEND, reason)
        context.error_recorder = self._recorder
        return context

    def _checked_io_tensors(self) -> Dict[str, int]:
        """Return the names and bytes of input and logits; raise InvalidModelError for others."""
        names = [self._engine.get_tensor_name(i) for i in range(self._engine.num_io_tensors)]
        inputs = [name for name in names if self._is_input(name)]
        outputs = [name for name in names if not self._is_input(name)]
        if (len(inputs), len(outputs)) != (1, 1):
            reason = f'its I/O tensors are {names}, expected one input and one output'
            raise InvalidModelError(self._path, reason)
        input_shape = (1, self._spec.input_height, self._spec.input_width, 3)
        logits_shape = (1, *self._spec.logits_shape)
        self._check_tensor(inputs[0], input_shape, {'uint8': 'UINT8'})
        self.logits_dtype = np.dtype(self._check_tensor(outputs[0], logits_shape, _LOGITS_TYPES))
        return {
            inputs[0]: int(np.prod(input_shape)),
            outputs[0]: int(np.prod(logits_shape)) * self.logits_dtype.itemsize,
        }

    def _is_input(self, name: str) -> bool:
        return self._engine.get_tensor_mode(name) == self._trt.TensorIOMode.INPUT

    def _check_tensor(self, name: str, shape: Tuple[int, ...], types: Dict[str, str]) -> str:
        """Return which of `types` a tensor has; raise InvalidModelError for another."""
        found_shape = tuple(self._engine.get_tensor_shape(name))
        found_type = self._engine.get_tensor_dtype(name)
        for dtype, data_type in types.items():
            if found_shape == shape and found_type == getattr(self._trt.DataType, data_type):
                return dtype
        received = f'{found_type} {list(found_shape)}'
        expected = f'{" or ".join(types)} {list(shape)}'
        raise InvalidModelError(self._path, f'{name} is {received}, expected {expected}')


class _Profiler:
    """An IProfiler that collects the times of the layers."""

    def __init__(self, times: LayerTimes) -> None:
        self._times = times

    def report_layer_time(self, layer_name: str, ms: float) -> None:
        """Add the time of a layer in one run."""
        self._times.setdefault(layer_name, []).append(ms)


def _context_bytes(engine: 'tensorrt.ICudaEngine') -> int:
    """Return the GPU memory of an execution context, under its name from TensorRT 10.1 on."""
    if hasattr(engine, 'device_memory_size_v2'):
        return engine.device_memory_size_v2
    return engine.device_memory_size
