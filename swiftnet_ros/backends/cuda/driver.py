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
Events and graphs of the CUDA driver, which pycuda has only in part: called as they are.

A graph is work on a stream that was recorded once and is then sent to the GPU by a single call.
"""

import ctypes
from dataclasses import dataclass
from typing import Any, Callable, Optional

from swiftnet_ros.errors import EngineFailedError, EngineUnavailableError

_DRIVER = 'libcuda.so.1'
# CUdevice_attribute: CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and _MINOR
_MAJOR, _MINOR = 75, 76
_NAME_BYTES = 256


@dataclass(frozen=True)
class Gpu:
    """A GPU by its name and compute capability, as `8.7`."""

    name: str
    compute_capability: str


def find_gpu(engine: str = 'tensorrt') -> Gpu:
    """Give the first GPU that this process may use; `engine` is for the message."""
    try:
        driver = ctypes.CDLL(_DRIVER)
    except OSError as error:
        why = f'there is no NVIDIA driver ({error}); use engine openvino'
        raise EngineUnavailableError(engine, why) from error
    device = ctypes.c_int()
    status = driver.cuInit(0) or driver.cuDeviceGet(ctypes.byref(device), 0)
    if status:
        why = f'there is no NVIDIA GPU (CUDA driver error {status}); use engine openvino'
        raise EngineUnavailableError(engine, why)
    name = ctypes.create_string_buffer(_NAME_BYTES)
    driver.cuDeviceGetName(name, _NAME_BYTES, device)
    major, minor = (_attribute(driver, which, device) for which in (_MAJOR, _MINOR))
    return Gpu(name.value.decode(errors='replace'), f'{major}.{minor}')


def _attribute(driver: ctypes.CDLL, which: int, device: ctypes.c_int) -> int:
    value = ctypes.c_int()
    driver.cuDeviceGetAttribute(ctypes.byref(value), which, device)
    return value.value


ENGINE = 'tensorrt'
# Only what this thread does on the stream is recorded; other threads go on as they like.
_THREAD_LOCAL = 1
# The event is recorded each time that the graph runs.
_EXTERNAL = 1
_BLOCKING_SYNC = 1
_GRAPH_CALLS = (
    'cuStreamBeginCapture_v2',
    'cuStreamEndCapture',
    'cuEventRecordWithFlags',
    'cuGraphInstantiateWithFlags',
    'cuGraphLaunch',
)


def load_driver() -> ctypes.CDLL:
    """Load the driver's library."""
    return ctypes.CDLL(_DRIVER)


class CudaDriver:
    """The driver's functions by their names."""

    def __init__(self) -> None:
        """Load it."""
        self._library = load_driver()

    @property
    def has_graphs(self) -> bool:
        """Tell whether it has everything that a graph with events needs, as from CUDA 11.4."""
        return all(hasattr(self._library, name) for name in _GRAPH_CALLS)

    def call(self, name: str, *arguments: Any) -> None:
        """Call one function of it; EngineFailedError where it fails."""
        status = self.status(name, *arguments)
        if status:
            raise EngineFailedError(ENGINE, f'{name}: {self._reason(status)}')

    def status(self, name: str, *arguments: Any) -> int:
        """Call one function of it; give its status, which is 0 where it succeeds."""
        return int(getattr(self._library, name)(*arguments))

    def _reason(self, status: int) -> str:
        text = ctypes.c_char_p()
        self._library.cuGetErrorString(status, ctypes.byref(text))
        return text.value.decode() if text.value else f'CUDA error {status}'


class CudaEvent:
    """A moment on a stream."""

    def __init__(self, driver: CudaDriver) -> None:
        """Make it in the current context."""
        self._driver, self._event = driver, ctypes.c_void_p()
        driver.call('cuEventCreate', ctypes.byref(self._event), _BLOCKING_SYNC)

    def record(self, stream: int, in_graph: bool) -> None:
        """Record it when the stream gets here, also each time that a graph does."""
        handle = ctypes.c_void_p(stream)
        if in_graph:
            self._driver.call('cuEventRecordWithFlags', self._event, handle, _EXTERNAL)
        else:
            self._driver.call('cuEventRecord', self._event, handle)

    def seconds_until(self, later: 'CudaEvent') -> float:
        """Give the time between two events that have both happened."""
        milliseconds = ctypes.c_float()
        self._driver.call(
            'cuEventElapsedTime', ctypes.byref(milliseconds), self._event, later._event
        )
        return milliseconds.value / 1000.0

    def free(self) -> None:
        """Free it."""
        self._driver.status('cuEventDestroy_v2', self._event)


class CudaGraph:
    """What was recorded on a stream, ready to be sent to it again."""

    def __init__(self, driver: CudaDriver, runnable: ctypes.c_void_p) -> None:
        """Take what `capture` made."""
        self._driver, self._runnable = driver, runnable

    @classmethod
    def capture(
        cls, driver: CudaDriver, stream: int, enqueue: Callable[[], None]
    ) -> Optional['CudaGraph']:
        """
        Record what a function sends to a stream, without running it.

        None where this driver, or anything in what is sent, cannot be recorded; the stream is then
        as before.
        """
        if not driver.has_graphs:
            return None
        handle, graph = ctypes.c_void_p(stream), ctypes.c_void_p()
        if driver.status('cuStreamBeginCapture_v2', handle, _THREAD_LOCAL):
            return None
        try:
            enqueue()
            is_sound = True
        # Whatever it is that cannot be recorded: it runs without, or says so there.
        except Exception:
            is_sound = False
        ended = driver.status('cuStreamEndCapture', handle, ctypes.byref(graph))
        if ended or not graph.value:
            return None
        runnable = ctypes.c_void_p()
        try:
            arguments = (ctypes.byref(runnable), graph, ctypes.c_ulonglong(0))
            if not is_sound or driver.status('cuGraphInstantiateWithFlags', *arguments):
                return None
        finally:
            driver.status('cuGraphDestroy', graph)
        return cls(driver, runnable)

    def launch(self, stream: int) -> None:
        """Send it to a stream."""
        self._driver.call('cuGraphLaunch', self._runnable, ctypes.c_void_p(stream))

    def free(self) -> None:
        """Free it."""
        self._driver.status('cuGraphExecDestroy', self._runnable)
