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

"""The driver's library of a fake GPU: events and graphs, called through ctypes."""

import ctypes
from time import perf_counter
from typing import Any, Dict

FAILED = 1


class FakeLibrary:
    """Functions by the driver's names, which give a status; 0 is success."""

    def __init__(self, gpu: Any) -> None:
        """Belong to a GPU."""
        self._gpu = gpu
        self._happened: Dict[int, float] = {}
        self._records: Dict[int, Any] = {}
        self.absent: set = set()

    def __getattribute__(self, name: str) -> Any:
        """Lack what is absent, fail what is to fail."""
        own = object.__getattribute__(self, name)
        if not name.startswith('cu'):
            return own
        if name in self.absent:
            raise AttributeError(name)

        def function(*arguments: Any) -> int:
            self._gpu.call(name)
            status = self._gpu.failing.get(name)
            if status and name == 'cuStreamEndCapture':
                # Whatever went wrong, nothing is recorded any more.
                self._gpu.recording = None
            return status or own(*arguments) or 0

        return function

    def cuGetErrorString(self, status: int, text: Any) -> None:  # noqa: N802
        text._obj.value = f'status {status}'.encode()

    def cuEventCreate(self, event: Any, flags: int) -> None:  # noqa: N802
        event._obj.value = self._gpu.make('event')

    def cuEventDestroy_v2(self, event: Any) -> None:  # noqa: N802
        self._gpu.drop(event.value)

    def cuEventRecord(self, event: Any, stream: Any) -> Any:  # noqa: N802
        # In a graph such an event would order work, and never have a time.
        return FAILED if self._gpu.recording is not None else self._record(event)

    def cuEventRecordWithFlags(self, event: Any, stream: Any, flags: int) -> Any:  # noqa: N802
        return FAILED if self._gpu.recording is None or flags != 1 else self._record(event)

    def cuEventElapsedTime(self, found: Any, begin: Any, end: Any) -> Any:  # noqa: N802
        times = [self._happened.get(event.value) for event in (begin, end)]
        if None in times:
            return FAILED
        found._obj.value = 1000.0 * (times[1] - times[0])
        return 0

    def cuStreamBeginCapture_v2(self, stream: Any, mode: int) -> None:  # noqa: N802
        assert self._gpu.recording is None
        self._gpu.synchronize()
        self._gpu.recording = []

    def cuStreamEndCapture(self, stream: Any, graph: Any) -> None:  # noqa: N802
        graph._obj.value = self._gpu.make('graph')
        self._records[graph._obj.value], self._gpu.recording = self._gpu.recording, None

    def cuGraphInstantiateWithFlags(self, made: Any, graph: Any, flags: Any) -> None:  # noqa: N802
        made._obj.value = self._gpu.make('runnable graph')
        self._records[made._obj.value] = self._records[graph.value]

    def cuGraphDestroy(self, graph: Any) -> None:  # noqa: N802
        self._forget(graph.value)

    def cuGraphExecDestroy(self, graph: Any) -> None:  # noqa: N802
        self._forget(graph.value)

    def cuGraphLaunch(self, graph: Any, stream: Any) -> None:  # noqa: N802
        assert graph.value in self._gpu.alive
        self._gpu.replay(self._records[graph.value])

    def _forget(self, graph: int) -> None:
        self._gpu.drop(graph)
        del self._records[graph]

    def _record(self, event: ctypes.c_void_p) -> None:
        handle = event.value

        def happen() -> None:
            assert handle in self._gpu.alive
            self._happened[handle] = perf_counter()

        self._gpu.send('event', happen)
