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

"""The CUDA driver's library of a fake GPU: events and graphs, called through ctypes."""

import ctypes
from time import perf_counter
from typing import Any, Dict

FAILURE = 1


class FakeCudaLibrary:
    """The driver's functions, which return a status; 0 is success. `absent` are missing."""

    def __init__(self, gpu: Any) -> None:
        """Create the library of a fake GPU."""
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
