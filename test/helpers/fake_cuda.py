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

"""The CUDA driver's library and PyCUDA's objects of a fake GPU, with methods like C functions."""

import ctypes
from time import perf_counter
from traceback import clear_frames
from types import FunctionType
from typing import Any, Callable, Dict

from helpers.cpu_kernels import cpu_kernels
import numpy as np


def as_c_function(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function whose exceptions hold no references to its local variables."""

    def call(*arguments: Any, **named: Any) -> Any:
        try:
            return function(*arguments, **named)
        except BaseException as error:
            clear_frames(error.__traceback__.tb_next)
            del arguments, named
            raise

    return call


def with_c_methods(kind: Any) -> Any:
    """Wrap all public methods of a class in `as_c_function` and return the class."""
    for name, value in list(vars(kind).items()):
        if isinstance(value, FunctionType) and not name.startswith('_'):
            setattr(kind, name, as_c_function(value))
    return kind


FAILURE = 1


class FakeCudaLibrary:
    """The driver's functions, which return a status; 0 is success. `absent` are missing."""

    def __init__(self, gpu: Any) -> None:
        self._gpu = gpu
        self._event_times: Dict[int, float] = {}
        self._captures: Dict[int, Any] = {}
        self.absent: set = set()

    def __getattribute__(self, name: str) -> Any:
        """Return a function that logs its call and may fail."""
        own = object.__getattribute__(self, name)
        if not name.startswith('cu'):
            return own
        if name in self.absent:
            raise AttributeError(name)

        def function(*arguments: Any) -> int:
            self._gpu.call(name)
            status = self._gpu.failing.get(name)
            if status and name == 'cuStreamEndCapture':
                # A failed capture ends, too.
                self._gpu.captured = None
            return status or own(*arguments) or 0

        return function

    def cuGetErrorString(self, status: int, text: Any) -> None:  # noqa: N802
        text._obj.value = f'status {status}'.encode()

    def cuInit(self, flags: int) -> None:  # noqa: N802
        """Succeed."""

    def cuDeviceGet(self, device: Any, number: int) -> None:  # noqa: N802
        device._obj.value = number

    def cuDeviceGetName(self, name: Any, size: int, device: Any) -> None:  # noqa: N802
        name.value = NAME.encode()

    def cuDeviceGetAttribute(self, value: Any, attribute: int, device: Any) -> None:  # noqa: N802
        value._obj.value = CAPABILITY[attribute - 75]

    def cuEventCreate(self, event: Any, flags: int) -> None:  # noqa: N802
        event._obj.value = self._gpu.create('event')

    def cuEventDestroy_v2(self, event: Any) -> None:  # noqa: N802
        self._gpu.destroy(event.value)

    def cuEventRecord(self, event: Any, stream: Any) -> Any:  # noqa: N802
        # In a graph such an event would order work and never have a time.
        return FAILURE if self._gpu.captured is not None else self._record(event)

    def cuEventRecordWithFlags(self, event: Any, stream: Any, flags: int) -> Any:  # noqa: N802
        return FAILURE if self._gpu.captured is None or flags != 1 else self._record(event)

    def cuEventElapsedTime(self, milliseconds: Any, start: Any, end: Any) -> Any:  # noqa: N802
        times = [self._event_times.get(event.value) for event in (start, end)]
        if None in times:
            return FAILURE
        milliseconds._obj.value = 1000.0 * (times[1] - times[0])
        return 0

    def cuStreamBeginCapture_v2(self, stream: Any, mode: int) -> None:  # noqa: N802
        assert self._gpu.captured is None
        self._gpu.synchronize()
        self._gpu.captured = []

    def cuStreamEndCapture(self, stream: Any, graph: Any) -> None:  # noqa: N802
        graph._obj.value = self._gpu.create('graph')
        self._captures[graph._obj.value], self._gpu.captured = self._gpu.captured, None

    def cuGraphInstantiateWithFlags(self, made: Any, graph: Any, flags: Any) -> None:  # noqa: N802
        made._obj.value = self._gpu.create('executable graph')
        self._captures[made._obj.value] = self._captures[graph.value]

    def cuGraphDestroy(self, graph: Any) -> None:  # noqa: N802
        self._destroy_graph(graph.value)

    def cuGraphExecDestroy(self, graph: Any) -> None:  # noqa: N802
        self._destroy_graph(graph.value)

    def cuGraphLaunch(self, graph: Any, stream: Any) -> None:  # noqa: N802
        assert graph.value in self._gpu.alive
        self._gpu.replay(self._captures[graph.value])

    def _destroy_graph(self, graph: int) -> None:
        self._gpu.destroy(graph)
        del self._captures[graph]

    def _record(self, event: ctypes.c_void_p) -> None:
        handle = event.value

        def record() -> None:
            assert handle in self._gpu.alive
            self._event_times[handle] = perf_counter()

        self._gpu.enqueue('event', record)


NAME, CAPABILITY = 'Xavier', (7, 2)
COMPILED = b'code for (7, 2)'


class FakePagelocked(np.ndarray):
    """A page-locked array, whose `base` is its allocation as in PyCUDA."""

    @property
    def base(self) -> 'FakeAllocation':
        return self.allocation


@with_c_methods
class FakeAllocation:
    """Memory of the GPU or of the host."""

    def __init__(self, gpu: Any, what: str, size: int) -> None:
        self._gpu, self._size = gpu, size
        self._block = ctypes.create_string_buffer(b'\x5a' * size, size)
        self._handle = gpu.create(f'{what} of {size} bytes')
        self.address = ctypes.addressof(self._block)

    def __int__(self) -> int:
        return self.address

    def get_device_pointer(self) -> int:
        assert self._gpu.is_integrated
        return self.address

    def free(self) -> None:
        self._gpu.call('free')
        self._gpu.destroy(self._handle)
        self._gpu.memory += self._size


@with_c_methods
class FakeDevice:
    """The only device."""

    def __init__(self, gpu: Any) -> None:
        self._gpu = gpu
        gpu.call('Device', needs_context=False)

    def name(self) -> str:
        return NAME

    def compute_capability(self) -> Any:
        return CAPABILITY

    def get_attribute(self, attribute: str) -> int:
        assert attribute == 'integrated'
        return int(self._gpu.is_integrated)

    def make_context(self, flags: int) -> 'FakeContext':
        assert flags == 12, 'waiting must not take a CPU core, and memory must be mappable'
        self._gpu.call('make_context', needs_context=False)
        return FakeContext(self._gpu)


@with_c_methods
class FakeContext:
    """A context; it counts how often it was made current."""

    def __init__(self, gpu: Any) -> None:
        self._gpu, self._handle = gpu, gpu.create('context')
        gpu.depth += 1

    def push(self) -> None:
        assert self._handle in self._gpu.alive, 'the context was destroyed'
        self._gpu.depth += 1

    def pop(self) -> None:
        self._gpu.depth -= 1

    def detach(self) -> None:
        """Destroy it; what was not freed stays in `alive`."""
        assert self._gpu.depth == 0
        self._gpu.destroy(self._handle)


@with_c_methods
class FakeStream:
    """The only stream."""

    handle = 4711

    def __init__(self, gpu: Any) -> None:
        gpu.call('Stream')
        self._gpu, self._handle = gpu, gpu.create('stream')

    def __del__(self) -> None:
        """Free it with its last reference, as PyCUDA does."""
        if hasattr(self, '_handle'):
            self._gpu.destroy(self._handle)

    def synchronize(self) -> None:
        self._gpu.call('synchronize')
        self._gpu.synchronize()


@with_c_methods
class FakeModule:
    """A module of compiled kernels."""

    def __init__(self, gpu: Any, code: bytes) -> None:
        gpu.call('module_from_buffer')
        assert code == COMPILED
        self._gpu = gpu

    def get_function(self, name: str) -> 'FakeFunction':
        return FakeFunction(self._gpu, name)


@with_c_methods
class FakeFunction:
    """A kernel, which computes on the CPU."""

    def __init__(self, gpu: Any, name: str) -> None:
        self._gpu, self._name = gpu, name

    def prepare(self, signature: str) -> 'FakeFunction':
        self._signature = signature
        return self

    def prepared_async_call(self, grid: Any, block: Any, stream: FakeStream, *given: Any) -> None:
        self._gpu.call(self._name)
        assert stream.handle == FakeStream.handle and block[2:] == (1,)
        assert len(given) == len(self._signature)
        for code, value in zip(self._signature, given):
            assert isinstance(value, float if code == 'f' else int), (self._name, given)
        self._gpu.enqueue(self._name, lambda: cpu_kernels().run(self._name, grid, block, given))
