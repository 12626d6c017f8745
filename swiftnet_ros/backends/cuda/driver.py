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
The CUDA driver through ctypes: find the GPU; events and graphs, which PyCUDA lacks.

A CUDA graph is work that was captured from a stream once and is then launched by a single call.
"""

import ctypes
from dataclasses import dataclass
from typing import Any, Callable, Optional

from swiftnet_ros.errors import EngineFailedError, EngineUnavailableError

BACKEND = 'tensorrt'
_LIBRARY = 'libcuda.so.1'
_NAME_BYTES = 256
# CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and _MINOR
_CAPABILITY_MAJOR, _CAPABILITY_MINOR = 75, 76
# CU_STREAM_CAPTURE_MODE_THREAD_LOCAL: CUDA calls of other threads do not disturb the capture.
_CAPTURE_THREAD_LOCAL = 1
# CU_EVENT_RECORD_EXTERNAL: the event is recorded at every launch of the graph.
_RECORD_EXTERNAL = 1
# CU_EVENT_BLOCKING_SYNC
_BLOCKING_SYNC = 1
_GRAPH_FUNCTIONS = (
    'cuStreamBeginCapture_v2',
    'cuStreamEndCapture',
    'cuEventRecordWithFlags',
    'cuGraphInstantiateWithFlags',
    'cuGraphLaunch',
)


@dataclass(frozen=True)
class Gpu:
    """A GPU's name and its compute capability, such as `8.7`."""

    name: str
    compute_capability: str


def find_gpu(backend: str = BACKEND) -> Gpu:
    """
    Return the first GPU that this process may use; no CUDA context is created.

    Raise EngineUnavailableError, which names `backend`, if there is no driver or no GPU.
    """
    try:
        library = load_driver()
    except OSError as error:
        why = f'there is no NVIDIA driver ({error}); use engine openvino'
        raise EngineUnavailableError(backend, why) from error
    device = ctypes.c_int()
    status = library.cuInit(0) or library.cuDeviceGet(ctypes.byref(device), 0)
    if status:
        why = f'there is no NVIDIA GPU (CUDA driver error {status}); use engine openvino'
        raise EngineUnavailableError(backend, why)
    name = ctypes.create_string_buffer(_NAME_BYTES)
    library.cuDeviceGetName(name, _NAME_BYTES, device)
    major = _device_attribute(library, _CAPABILITY_MAJOR, device)
    minor = _device_attribute(library, _CAPABILITY_MINOR, device)
    return Gpu(name.value.decode(errors='replace'), f'{major}.{minor}')


def load_driver() -> ctypes.CDLL:
    """Load the driver's library; raise OSError if there is none."""
    return ctypes.CDLL(_LIBRARY)


class CudaDriver:
    """The functions of the CUDA driver, called by name."""

    def __init__(self) -> None:
        """Load the library."""
        self._library = load_driver()

    @property
    def supports_graphs(self) -> bool:
        """Return whether graphs with timing events are supported, as from CUDA 11.4 on."""
        return all(hasattr(self._library, name) for name in _GRAPH_FUNCTIONS)

    def call(self, name: str, *arguments: Any) -> None:
        """Call a function; raise EngineFailedError if it fails."""
        status = self.status(name, *arguments)
        if status:
            raise EngineFailedError(BACKEND, f'{name}: {self._error_text(status)}')

    def status(self, name: str, *arguments: Any) -> int:
        """Call a function and return its status; 0 is success."""
        return int(getattr(self._library, name)(*arguments))

    def _error_text(self, status: int) -> str:
        text = ctypes.c_char_p()
        self._library.cuGetErrorString(status, ctypes.byref(text))
        return text.value.decode() if text.value else f'CUDA error {status}'


class CudaEvent:
    """A point in a stream's work, for timing."""

    def __init__(self, driver: CudaDriver) -> None:
        """Create the event in the current context."""
        self._driver, self._event = driver, ctypes.c_void_p()
        driver.call('cuEventCreate', ctypes.byref(self._event), _BLOCKING_SYNC)

    def record(self, stream: int, in_graph: bool) -> None:
        """Record the event on a stream; `in_graph` while the stream is captured."""
        handle = ctypes.c_void_p(stream)
        if in_graph:
            self._driver.call('cuEventRecordWithFlags', self._event, handle, _RECORD_EXTERNAL)
        else:
            self._driver.call('cuEventRecord', self._event, handle)

    def seconds_until(self, later: 'CudaEvent') -> float:
        """Return the time between two events, in seconds; both must have completed."""
        milliseconds = ctypes.c_float()
        self._driver.call(
            'cuEventElapsedTime', ctypes.byref(milliseconds), self._event, later._event
        )
        return milliseconds.value / 1000.0

    def free(self) -> None:
        """Destroy the event."""
        self._driver.status('cuEventDestroy_v2', self._event)


class CudaGraph:
    """An executable CUDA graph."""

    def __init__(self, driver: CudaDriver, executable: ctypes.c_void_p) -> None:
        """Wrap a CUgraphExec, which `capture` instantiates."""
        self._driver, self._executable = driver, executable

    @classmethod
    def capture(
        cls, driver: CudaDriver, stream: int, enqueue: Callable[[], None]
    ) -> Optional['CudaGraph']:
        """
        Capture the work that `enqueue` puts on a stream, without running it.

        Return None if the driver, or any of the work, does not support capture; the stream is
        then as before.
        """
        if not driver.supports_graphs:
            return None
        handle, graph = ctypes.c_void_p(stream), ctypes.c_void_p()
        if driver.status('cuStreamBeginCapture_v2', handle, _CAPTURE_THREAD_LOCAL):
            return None
        try:
            enqueue()
            has_failed = False
        # Work that cannot be captured runs without a graph, and reports its own errors there.
        except Exception:
            has_failed = True
        end_status = driver.status('cuStreamEndCapture', handle, ctypes.byref(graph))
        if end_status or not graph.value:
            return None
        executable = ctypes.c_void_p()
        try:
            arguments = (ctypes.byref(executable), graph, ctypes.c_ulonglong(0))
            if has_failed or driver.status('cuGraphInstantiateWithFlags', *arguments):
                return None
        finally:
            driver.status('cuGraphDestroy', graph)
        return cls(driver, executable)

    def launch(self, stream: int) -> None:
        """Launch the graph on a stream."""
        self._driver.call('cuGraphLaunch', self._executable, ctypes.c_void_p(stream))

    def free(self) -> None:
        """Destroy the graph."""
        self._driver.status('cuGraphExecDestroy', self._executable)


def _device_attribute(library: ctypes.CDLL, attribute: int, device: ctypes.c_int) -> int:
    value = ctypes.c_int()
    library.cuDeviceGetAttribute(ctypes.byref(value), attribute, device)
    return value.value
