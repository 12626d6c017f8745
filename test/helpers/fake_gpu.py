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

"""
A GPU in host memory: `pycuda.driver` and the CUDA driver's library, as far as they are used.

The kernels are the real source, compiled for this CPU. Enqueued work runs, in order, when the
stream is synchronized, and never while it is captured. Every object is counted until it is freed,
and every call outside the context is an error.
"""

import ctypes
from itertools import count
from types import ModuleType, SimpleNamespace
from typing import Any, Callable, Dict, List, Optional

from helpers.fake_cuda import (
    as_c_function,
    FakeAllocation,
    FakeCudaLibrary,
    FakeDevice,
    FakeModule,
    FakePagelocked,
    FakeStream,
)
import numpy as np

TOTAL_MEMORY = 1 << 30


class CudaError(Exception):
    """The base of PyCUDA's exceptions."""


class CudaMemoryError(CudaError):
    """PyCUDA's exception for too little memory."""


class FakeGpu:
    """
    A GPU; `failing` maps the name of a call to the exception or status that it fails with.

    `calls` are the names of all calls, `executed` what ran on the stream, `alive` the objects that
    are not freed, `uploaded_bytes` and `downloaded_bytes` what was copied on the stream.
    """

    def __init__(self, is_integrated: bool = False, memory: int = TOTAL_MEMORY) -> None:
        self.is_integrated, self.memory = is_integrated, memory
        self.failing: Dict[str, Any] = {}
        self.calls: List[str] = []
        self.executed: List[str] = []
        self.alive: Dict[int, str] = {}
        self.uploaded_bytes = self.downloaded_bytes = 0
        self.depth = 0
        # TensorRT's builder uses a context of its own.
        self.needs_context = True
        self.captured: Optional[List[Any]] = None
        self._queue: List[Any] = []
        self._handles = count(1)
        self.library = FakeCudaLibrary(self)
        self.driver = self._pycuda_driver()

    def call(self, name: str, needs_context: bool = True) -> None:
        """Log a call; raise the exception that it is to fail with."""
        self.calls.append(name)
        is_needed = needs_context and self.needs_context
        assert self.depth > 0 or not is_needed, f'{name} outside the context'
        failure = self.failing.get(name)
        if isinstance(failure, Exception):
            raise failure

    def enqueue(self, name: str, work: Callable[[], None]) -> None:
        """Enqueue work on the stream, or add it to the capture."""
        (self._queue if self.captured is None else self.captured).append((name, work))

    def replay(self, captured: List[Any]) -> None:
        """Enqueue captured work on the stream."""
        self._queue.extend(captured)

    def synchronize(self) -> None:
        assert self.captured is None, 'a captured stream cannot be synchronized'
        while self._queue:
            name, work = self._queue.pop(0)
            self.executed.append(name)
            work()
            del work

    def create(self, what: str) -> int:
        """Count an object that has to be freed, and return its handle."""
        handle = next(self._handles)
        self.alive[handle] = what
        return handle

    def destroy(self, handle: int) -> None:
        """Free an object, which must not have been freed before."""
        del self.alive[handle]

    def _pycuda_driver(self) -> ModuleType:
        driver: Any = ModuleType('pycuda.driver')
        driver.Error, driver.MemoryError = CudaError, CudaMemoryError
        driver.init = lambda: self.call('init', needs_context=False)
        driver.Device = lambda number: FakeDevice(self)
        driver.Stream = lambda: FakeStream(self)
        driver.ctx_flags = SimpleNamespace(SCHED_BLOCKING_SYNC=4, MAP_HOST=8)
        driver.device_attribute = SimpleNamespace(INTEGRATED='integrated')
        driver.host_alloc_flags = SimpleNamespace(DEVICEMAP=2)
        driver.mem_get_info = lambda: (self.memory, TOTAL_MEMORY)
        driver.mem_alloc = self._mem_alloc
        driver.pagelocked_empty = self._pagelocked_empty
        driver.memcpy_htod = lambda address, array: self._copy_now('memcpy_htod', address, array)
        driver.memcpy_dtoh = lambda array, address: self._copy_now('memcpy_dtoh', address, array)
        driver.memcpy_htod_async = as_c_function(self._upload)
        driver.memcpy_dtoh_async = as_c_function(self._download)
        driver.module_from_buffer = lambda code: FakeModule(self, code)
        return driver

    def _mem_alloc(self, size: int) -> FakeAllocation:
        self.call('mem_alloc')
        return self._allocate('device memory', size)

    def _pagelocked_empty(self, shape: Any, dtype: Any, mem_flags: int = 0) -> Any:
        self.call('pagelocked_empty')
        assert mem_flags == (2 if self.is_integrated else 0)
        array = np.full(shape, 77, dtype).view(FakePagelocked)
        array.allocation = self._allocate('host memory', array.nbytes)
        array.allocation.address = array.ctypes.data
        return array

    def _allocate(self, what: str, size: int) -> FakeAllocation:
        if size > self.memory:
            raise CudaMemoryError('out of memory')
        self.memory -= size
        return FakeAllocation(self, what, size)

    def _copy_now(self, name: str, address: int, array: Any) -> None:
        self.call(name)
        self.synchronize()
        _copy(address, array, up=name == 'memcpy_htod')

    def _upload(self, address: int, array: Any, stream: FakeStream) -> None:
        self.call('memcpy_htod_async')

        def upload() -> None:
            _copy(address, array, up=True)
            self.uploaded_bytes += array.nbytes

        self.enqueue('upload', upload)

    def _download(self, array: Any, address: int, stream: FakeStream) -> None:
        self.call('memcpy_dtoh_async')

        def download() -> None:
            _copy(address, array, up=False)
            self.downloaded_bytes += array.nbytes

        self.enqueue('download', download)


def _copy(address: int, array: Any, up: bool) -> None:
    ends = (address, array.ctypes.data)
    ctypes.memmove(*(ends if up else ends[::-1]), array.nbytes)
