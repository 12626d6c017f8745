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

"""The classes of a fake TensorRT that run an engine on a fake GPU."""

import ctypes
import json
from typing import Any, Callable, Dict, List, NamedTuple, Tuple

from helpers.fake_cuda import with_c_methods
from helpers.fake_gpu import FakeGpu
from helpers.fake_tensorrt_builder import FakeInspector, FakeInterface, inspector_of
import numpy as np

_DTYPES = {'UINT8': np.uint8, 'FLOAT': np.float32, 'HALF': np.float16}


class IoTensor(NamedTuple):
    """An input or output of the network; `mode` and `dtype` are names of TensorRT."""

    name: str
    mode: str
    dtype: str
    shape: Tuple[int, ...]


class FakeNetwork:
    """
    A network's I/O tensors and its inference; `failing` maps a call to its error message.

    `open_engine` returns those of an engine's content, None for no engine; by default these.
    """

    def __init__(
        self, io_tensors: List[IoTensor], infer: Callable[[Any], Any], gpu: FakeGpu
    ) -> None:
        self.io_tensors, self.infer, self.gpu = io_tensors, infer, gpu
        self.open_engine: Callable[[bytes], Any] = lambda content: (io_tensors, infer)
        self.failing: Dict[str, str] = {}
        self.context_bytes = 0

    def fails(self, call: str, recorder: Any) -> bool:
        """Return whether a call fails, after its message was recorded."""
        self.gpu.call(call)
        if call in self.failing and recorder is not None:
            assert recorder.report_error(0, self.failing[call])
        return call in self.failing

    def execute(self, addresses: Dict[str, int], io_tensors: Any, infer: Any) -> None:
        """Read the input at its address, and write the logits at theirs."""
        by_name = {tensor.name: tensor for tensor in io_tensors}
        assert addresses.keys() == by_name.keys(), 'an I/O tensor has no address'
        arrays = {}
        for name, address in addresses.items():
            tensor = by_name[name]
            dtype = np.dtype(_DTYPES[tensor.dtype])
            memory = ctypes.c_char * int(np.prod(tensor.shape) * dtype.itemsize)
            arrays[tensor.mode] = np.frombuffer(memory.from_address(address), dtype).reshape(
                tensor.shape
            )
        arrays['OUTPUT'][0] = infer(arrays['INPUT'].copy())


def runtime_classes(network: FakeNetwork) -> Dict[str, Any]:
    """Return the classes of a runtime, in which every engine is `network`."""
    kinds = {
        'Runtime': _Runtime,
        'ICudaEngine': _Engine,
        'IExecutionContext': _Context,
        'ILogger': FakeInterface,
        'IErrorRecorder': FakeInterface,
        'IProfiler': FakeInterface,
    }
    counted = {name: _counted(kind, network) for name, kind in kinds.items()}
    return {**counted, 'EngineInspector': FakeInspector}


def _counted(kind: Any, network: FakeNetwork) -> Any:
    """Return a class whose objects the fake GPU counts until their last reference is gone."""
    gpu = network.gpu

    def count(self: Any, what: str) -> None:
        self._handle = gpu.create(what)

    def delete(self: Any) -> None:
        # An object that could not be created has no handle.
        if hasattr(self, '_handle'):
            gpu.call(f'free {gpu.alive[self._handle]}')
            gpu.destroy(self._handle)

    members = {**vars(kind), '_network': network, '_count': count, '__del__': delete}
    for unique in ('__dict__', '__weakref__'):
        members.pop(unique, None)
    return with_c_methods(type(kind.__name__, (), members))


class _Runtime:
    error_recorder = None

    def __init__(self, logger: Any) -> None:
        assert isinstance(logger, self.trt_module.ILogger) and logger._is_initialized
        self._network.gpu.call('Runtime')
        self._logger = logger
        self._count('runtime')

    def deserialize_cuda_engine(self, content: bytes) -> Any:
        if self._network.fails('deserialize_cuda_engine', self.error_recorder):
            return None
        opened = self._network.open_engine(content)
        if opened is None:
            return None
        engine = self.trt_module.ICudaEngine()
        engine._count('engine')
        engine._runtime, engine._content = self, content
        engine._io_tensors, engine._infer = opened
        return engine


class _Engine:
    num_io_tensors = property(lambda self: len(self._io_tensors))
    device_memory_size = device_memory_size_v2 = property(lambda self: self._network.context_bytes)

    def get_tensor_name(self, index: int) -> str:
        return self._io_tensors[index].name

    def get_tensor_mode(self, name: str) -> Any:
        return getattr(self.trt_module.TensorIOMode, self._tensor(name).mode)

    def get_tensor_dtype(self, name: str) -> Any:
        return getattr(self.trt_module.DataType, self._tensor(name).dtype)

    def get_tensor_shape(self, name: str) -> Any:
        return self._tensor(name).shape

    def create_engine_inspector(self) -> Any:
        return inspector_of(self.trt_module, json.loads(self._content))

    def create_execution_context(self) -> Any:
        if self._network.fails('create_execution_context', self._runtime.error_recorder):
            return None
        context = self.trt_module.IExecutionContext()
        context._count('execution context')
        context._engine, context._addresses = self, {}
        return context

    def _tensor(self, name: str) -> IoTensor:
        return next(tensor for tensor in self._io_tensors if tensor.name == name)


class _Context:
    error_recorder = profiler = None

    def set_tensor_address(self, name: str, memory: int) -> bool:
        self._network.gpu.call(f'set_tensor_address {name}')
        self._addresses[name] = memory
        return True

    def execute_async_v3(self, stream_handle: int) -> bool:
        assert stream_handle == 4711
        network, addresses = self._network, self._addresses
        is_captured = network.gpu.captured is not None
        call = 'execute while captured' if is_captured else 'execute_async_v3'
        if network.fails(call, self.error_recorder):
            return False
        tensors, infer = self._engine._io_tensors, self._engine._infer
        network.gpu.enqueue('network', lambda: network.execute(addresses, tensors, infer))
        if self.profiler is not None and not is_captured:
            self._report_times()
        return True

    def _report_times(self) -> None:
        """Report a millisecond for every layer that the builder wrote."""
        for layer in json.loads(self._engine._content)['layers']:
            self.profiler.report_layer_time(layer['name'], 1.0)
