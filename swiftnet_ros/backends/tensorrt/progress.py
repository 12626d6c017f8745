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

"""Progress of a build: TensorRT's progress monitor where it has one, else only the seconds."""

from contextlib import contextmanager
from dataclasses import dataclass
import threading
from time import monotonic
from typing import Callable, Dict, Iterator, List, Optional, TYPE_CHECKING

from swiftnet_ros.backends.tensorrt.api import implement

if TYPE_CHECKING:
    from swiftnet_ros.backends.tensorrt.api import TensorRt, tensorrt

_PERIOD_S = 1.0


@dataclass(frozen=True)
class Progress:
    """
    Progress of a build.

    `fraction` is that of the phase, None if TensorRT does not report it. `last_build_s` is the
    duration of the last build of the same model, None if it was never built.
    """

    phase: str
    fraction: Optional[float]
    elapsed_s: float
    last_build_s: Optional[float]


ProgressCallback = Callable[[Progress], None]


class ProgressReporter:
    """
    Calls back with the phase of a build at its start, and once a second while it lasts.

    The callback is called from one thread at a time.
    """

    def __init__(self, callback: ProgressCallback, last_build_s: Optional[float] = None) -> None:
        """Start the clock; `last_build_s` is how long an earlier build took."""
        self._callback = callback
        self._last_build_s = last_build_s
        self._start, self._last_report = monotonic(), float('-inf')
        self._lock = threading.Lock()
        self._phase = ''
        self._fraction: Optional[float] = None

    def enter(self, phase: str) -> None:
        """Report a new phase at once."""
        self.update(phase, None)
        self.report()

    def update(self, phase: str, fraction: Optional[float]) -> None:
        """Set the phase, and the fraction of it that is done, for the next report."""
        with self._lock:
            self._phase, self._fraction = phase, fraction

    def report(self) -> None:
        """Call back now."""
        with self._lock:
            self._last_report = monotonic()
            elapsed_s = self._last_report - self._start
            self._callback(Progress(self._phase, self._fraction, elapsed_s, self._last_build_s))

    def wait(self, phase: str) -> None:
        """Report a waiting phase, at most once a second."""
        self.update(phase, None)
        if monotonic() - self._last_report >= _PERIOD_S:
            self.report()

    @contextmanager
    def reporting(self) -> Iterator[None]:
        """Report once a second from another thread, while the calling thread is busy."""
        done = threading.Event()

        def report_until_done() -> None:
            while not done.wait(_PERIOD_S):
                self.report()

        thread = threading.Thread(target=report_until_done, name='build progress', daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()


def attach_monitor(
    trt: 'TensorRt', config: 'tensorrt.IBuilderConfig', reporter: ProgressReporter
) -> None:
    """Let TensorRT update the reporter with its own phases, if it has progress monitors."""
    if hasattr(trt, 'IProgressMonitor') and hasattr(config, 'progress_monitor'):
        config.progress_monitor = implement(trt.IProgressMonitor, _ProgressMonitor, reporter)


class _ProgressMonitor:
    """An IProgressMonitor; TensorRT calls it from several threads, with nested phases."""

    def __init__(self, reporter: ProgressReporter) -> None:
        self._reporter = reporter
        self._lock = threading.Lock()
        # phase -> steps done, steps in all; the outermost first
        self._steps: Dict[str, List[int]] = {}
        self._parents: Dict[str, Optional[str]] = {}

    def phase_start(self, phase_name: str, parent_phase: Optional[str], num_steps: int) -> None:
        """Enter a phase."""
        with self._lock:
            self._steps[phase_name] = [0, max(num_steps, 1)]
            self._parents[phase_name] = parent_phase

    def step_complete(self, phase_name: str, step: int) -> bool:
        """Count a step, numbered from 0; return True, so that the build continues."""
        with self._lock:
            if phase_name in self._steps:
                done = self._steps[phase_name]
                done[0] = min(step + 1, done[1])
            phase = next(iter(self._steps), None)
            fraction = None if phase is None else self._fraction_of(phase)
        self._reporter.update(phase or phase_name, fraction)
        return True

    def phase_finish(self, phase_name: str) -> None:
        """Leave a phase."""
        with self._lock:
            self._steps.pop(phase_name, None)
            self._parents.pop(phase_name, None)

    def _fraction_of(self, phase: str) -> float:
        done, steps = self._steps[phase]
        # Of several concurrent inner phases the slowest counts.
        inner = [self._fraction_of(name) for name, up in self._parents.items() if up == phase]
        return min(1.0, (done + min(inner, default=0.0)) / steps)
