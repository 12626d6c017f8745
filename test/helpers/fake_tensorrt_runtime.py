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

"""What the classes of the stand-in for TensorRT do to run an engine on a fake GPU."""

import ctypes
from typing import Any, Callable, Dict, List, NamedTuple, Tuple

from helpers.c_functions import with_c_methods
from helpers.fake_gpu import FakeGpu
import numpy as np


class Edge(NamedTuple):
    """An input or output of the network."""

    name: str
    mode: str
    kind: str
    shape: Tuple[int, ...]


class FakeNetwork:
    """Edges and what comes out, by what came in; `refusals` are calls that fail, with a text."""

    def __init__(self, edges: List[Edge], infer: Callable[[Any], Any], gpu: FakeGpu) -> None:
        """Run on a GPU."""
        self.edges, self.infer, self.gpu = edges, infer, gpu
        self.refusals: Dict[str, str] = {}
        self.working_bytes = 0

    def refuses(self, call: str, recorder: Any) -> bool:
        """Tell whether a call is to fail; report why."""
        self.gpu.call(call)
        if call in self.refusals and recorder is not None:
            assert recorder.report_error(0, self.refusals[call])
        return call in self.refusals

    def execute(self, addresses: Dict[str, int]) -> None:
        """Read the input where it was said to be, and write the logits where they were."""
        by_name = {edge.name: edge for edge in self.edges}
        assert addresses.keys() == by_name.keys(), 'an edge has no address'
        arrays = {}
        for name, address in addresses.items():
            kind = {'UINT8': np.uint8, 'FLOAT': np.float32, 'HALF': np.float16}[by_name[name].kind]
            size = int(np.prod(by_name[name].shape)) * np.dtype(kind).itemsize
            memory = (ctypes.c_char * size).from_address(address)
            arrays[by_name[name].mode] = np.frombuffer(memory, kind).reshape(by_name[name].shape)
        arrays['OUTPUT'][0] = self.infer(arrays['INPUT'].copy())


def runtime_classes(network: FakeNetwork) -> Dict[str, Any]:
    """Give the classes of a runtime whose every engine is that network."""
    kinds = {
        'Runtime': _Runtime,
        'ICudaEngine': _Engine,
        'IExecutionContext': _Context,
        'ILogger': _Interface,
        'IErrorRecorder': _Interface,
    }
    return {name: _of(kind, network) for name, kind in kinds.items()}


def _of(kind: Any, network: FakeNetwork) -> Any:
    """Make a class of a network, whose objects are counted until the last reference goes."""
    gpu = network.gpu

    def begin(self: Any, what: str) -> None:
        self._handle = gpu.make(what)

    def end(self: Any) -> None:
        # One that could not be made has none.
        if hasattr(self, '_handle'):
            gpu.call(f'free {gpu.alive[self._handle]}')
            gpu.drop(self._handle)

    content = {**vars(kind), '_net': network, '_begin': begin, '__del__': end}
    for unique in ('__dict__', '__weakref__'):
        content.pop(unique, None)
    return with_c_methods(type(kind.__name__, (), content))


class _Interface:
    """Something to derive from."""

    def __init__(self) -> None:
        self._is_begun = True


class _Runtime:
    error_recorder = None

    def __init__(self, logger: Any) -> None:
        assert isinstance(logger, self.trt_module.ILogger)
        self._net.gpu.call('Runtime')
        self._logger = logger
        self._begin('runtime')

    def deserialize_cuda_engine(self, content: bytes) -> Any:
        if self._net.refuses('deserialize_cuda_engine', self.error_recorder):
            return None
        engine = self.trt_module.ICudaEngine()
        engine._begin('engine')
        engine._runtime, engine._content = self, content
        return engine


class _Engine:
    num_io_tensors = property(lambda self: len(self._net.edges))
    device_memory_size = device_memory_size_v2 = property(lambda self: self._net.working_bytes)

    def get_tensor_name(self, index: int) -> str:
        return self._net.edges[index].name

    def get_tensor_mode(self, name: str) -> Any:
        return getattr(self.trt_module.TensorIOMode, self._edge(name).mode)

    def get_tensor_dtype(self, name: str) -> Any:
        return getattr(self.trt_module.DataType, self._edge(name).kind)

    def get_tensor_shape(self, name: str) -> Any:
        return self._edge(name).shape

    def create_execution_context(self) -> Any:
        if self._net.refuses('create_execution_context', self._runtime.error_recorder):
            return None
        context = self.trt_module.IExecutionContext()
        context._begin('execution context')
        context._engine, context._addresses = self, {}
        return context

    def _edge(self, name: str) -> Edge:
        return next(edge for edge in self._net.edges if edge.name == name)


class _Context:
    error_recorder = None

    def set_tensor_address(self, name: str, memory: int) -> bool:
        self._net.gpu.call(f'set_tensor_address {name}')
        self._addresses[name] = memory
        return True

    def execute_async_v3(self, stream_handle: int) -> bool:
        assert stream_handle == 4711
        gpu, addresses = self._net.gpu, self._addresses
        call = 'execute_async_v3' if gpu.recording is None else 'execute while recording'
        if self._net.refuses(call, self.error_recorder):
            return False
        network = self._net
        gpu.send('network', lambda: network.execute(addresses))
        return True
