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
A GPU in host memory: pycuda.driver and the driver's library as far as the engine uses them.

Kernels are the very source, compiled for this CPU. What is sent to the stream happens only when
it is waited for, in order, and never while it is recorded. Everything that is made is counted
until it is freed, and nothing may be done outside the context.
"""

import ctypes
from itertools import count
from types import ModuleType, SimpleNamespace
from typing import Any, Callable, Dict, List, Optional

from helpers.c_functions import as_c_function
from helpers.fake_cuda_library import FakeLibrary
from helpers.fake_cuda_objects import (
    FakeAllocation,
    FakeDevice,
    FakeModule,
    FakePagelocked,
    FakeStream,
)
import numpy as np


class Error(Exception):
    """What pycuda raises."""


class MemoryError_(Error):  # noqa: N801, N818
    """What pycuda raises where memory does not suffice."""


class FakeGpu:
    """
    A GPU; `failing` maps the name of a call to what it raises, or to the status that it gives.

    `journal` has the names of the calls, `sent` what really happened on the stream, `alive` what
    was made and not freed, `bytes_up` and `bytes_down` what was copied on the stream.
    """

    def __init__(self, is_integrated: bool = False, memory: int = 1 << 30) -> None:
        """Begin with an idle GPU."""
        self.is_integrated, self.memory = is_integrated, memory
        self.failing: Dict[str, Any] = {}
        self.journal: List[str] = []
        self.sent: List[str] = []
        self.alive: Dict[int, str] = {}
        self.bytes_up = self.bytes_down = 0
        self.depth = 0
        self.recording: Optional[List[Any]] = None
        self._queue: List[Any] = []
        self._handles = count(1)
        self._blocks: Dict[int, Any] = {}
        self.library = FakeLibrary(self)
        self.driver = self._pycuda_driver()

    def call(self, name: str, needs_context: bool = True) -> None:
        """Note a call, and fail it if it is to fail."""
        self.journal.append(name)
        assert self.depth > 0 or not needs_context, f'{name} outside the context'
        failure = self.failing.get(name)
        if isinstance(failure, Exception):
            raise failure

    def send(self, name: str, action: Callable[[], None]) -> None:
        """Put work on the stream, or on the record."""
        (self._queue if self.recording is None else self.recording).append((name, action))

    def replay(self, record: List[Any]) -> None:
        """Put recorded work on the stream."""
        self._queue.extend(record)

    def synchronize(self) -> None:
        """Do what was sent."""
        assert self.recording is None, 'nobody may wait for what is recorded'
        while self._queue:
            name, action = self._queue.pop(0)
            self.sent.append(name)
            action()
            del action

    def make(self, what: str) -> int:
        """Count something that has to be freed; give its handle."""
        handle = next(self._handles)
        self.alive[handle] = what
        return handle

    def drop(self, handle: int) -> None:
        """Free something, which must still be there."""
        del self.alive[handle]

    def allocate(self, what: str, size: int) -> FakeAllocation:
        """Take memory."""
        if size > self.memory:
            raise MemoryError_('out of memory')
        self.memory -= size
        return FakeAllocation(self, what, size)

    def _pycuda_driver(self) -> ModuleType:
        driver: Any = ModuleType('pycuda.driver')
        driver.Error, driver.MemoryError = Error, MemoryError_
        driver.init = lambda: self.call('init', needs_context=False)
        driver.Device = lambda number: FakeDevice(self)
        driver.Stream = lambda: FakeStream(self)
        driver.ctx_flags = SimpleNamespace(SCHED_BLOCKING_SYNC=4, MAP_HOST=8)
        driver.device_attribute = SimpleNamespace(INTEGRATED='integrated')
        driver.host_alloc_flags = SimpleNamespace(DEVICEMAP=2)
        driver.mem_get_info = lambda: (self.memory, 1 << 30)
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
        return self.allocate('device memory', size)

    def _pagelocked_empty(self, shape: Any, dtype: Any, mem_flags: int = 0) -> Any:
        self.call('pagelocked_empty')
        assert mem_flags == (2 if self.is_integrated else 0)
        array = np.full(shape, 77, dtype).view(FakePagelocked)
        array.allocation = self.allocate('host memory', array.nbytes)
        array.allocation.address = array.ctypes.data
        return array

    def _copy_now(self, name: str, address: int, array: Any) -> None:
        self.call(name)
        self.synchronize()
        _move(address, array, up=name == 'memcpy_htod')

    def _upload(self, address: int, array: Any, stream: FakeStream) -> None:
        self.call('memcpy_htod_async')

        def copy() -> None:
            _move(address, array, up=True)
            self.bytes_up += array.nbytes

        self.send('upload', copy)

    def _download(self, array: Any, address: int, stream: FakeStream) -> None:
        self.call('memcpy_dtoh_async')

        def copy() -> None:
            _move(address, array, up=False)
            self.bytes_down += array.nbytes

        self.send('download', copy)


def _move(address: int, array: Any, up: bool) -> None:
    ends = (address, array.ctypes.data)
    ctypes.memmove(*(ends if up else ends[::-1]), array.nbytes)
