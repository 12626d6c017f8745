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

"""Say how far a build is: TensorRT's own monitor where it has one, else seconds."""

from contextlib import contextmanager
import threading
from time import monotonic
from typing import Callable, Dict, Iterator, List, Optional, TYPE_CHECKING

from swiftnet_ros.backends.tensorrt.api import derive
from swiftnet_ros.backends.tensorrt.request import Progress

if TYPE_CHECKING:
    from swiftnet_ros.backends.tensorrt.api import TensorRt, tensorrt

Report = Callable[[Progress], None]
_PERIOD_S = 1.0


class Reporter:
    """
    Tell the phase, at most once a second and at least that often, from a thread of its own.

    TensorRT tells its steps from several threads; the receiver hears one call at a time.
    """

    def __init__(self, report: Report, last_build_s: Optional[float] = None) -> None:
        """Start the clock."""
        self._report = report
        self._last_build_s = last_build_s
        self._start, self._told = monotonic(), float('-inf')
        self._lock = threading.Lock()
        self._phase = 'waiting'
        self._fraction: Optional[float] = None

    def enter(self, phase: str) -> None:
        """Tell a new phase at once."""
        self.note(phase, None)
        self.tell()

    def note(self, phase: str, fraction: Optional[float]) -> None:
        """Keep where the build is, for the next time that it is told."""
        with self._lock:
            self._phase, self._fraction = phase, fraction

    def tell(self) -> None:
        """Tell the receiver now."""
        with self._lock:
            self._told = monotonic()
            elapsed_s = self._told - self._start
            self._report(Progress(self._phase, self._fraction, elapsed_s, self._last_build_s))

    def wait(self, phase: str) -> None:
        """Tell a phase of which there is nothing new, once a second at most."""
        self.note(phase, None)
        if monotonic() - self._told >= _PERIOD_S:
            self.tell()

    @contextmanager
    def ticking(self) -> Iterator[None]:
        """Tell once a second while the calling thread is busy."""
        done = threading.Event()

        def tick() -> None:
            while not done.wait(_PERIOD_S):
                self.tell()

        thread = threading.Thread(target=tick, name='build progress', daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()


class Phases:
    """The phases that TensorRT has begun, one inside another, as one fraction."""

    def __init__(self) -> None:
        """Begin without any."""
        self._steps: Dict[str, List[int]] = {}
        self._parents: Dict[str, Optional[str]] = {}

    def start(self, phase: str, parent: Optional[str], steps: int) -> None:
        """Enter a phase of so many steps."""
        self._steps[phase], self._parents[phase] = [0, max(steps, 1)], parent

    def step(self, phase: str, step: int) -> None:
        """Count a finished step, numbered from 0."""
        if phase in self._steps:
            done = self._steps[phase]
            done[0] = min(step + 1, done[1])

    def finish(self, phase: str) -> None:
        """Leave a phase."""
        self._steps.pop(phase, None)
        self._parents.pop(phase, None)

    def outermost(self) -> Optional[str]:
        """Name the phase that all others belong to."""
        return next(iter(self._steps), None)

    def fraction(self) -> Optional[float]:
        """Give the part of the outermost phase that is done."""
        root = self.outermost()
        return None if root is None else self._part(root)

    def _part(self, phase: str) -> float:
        done, steps = self._steps[phase]
        # Of several inner phases at a time the one that is behind counts.
        inner = [self._part(name) for name, parent in self._parents.items() if parent == phase]
        return min(1.0, (done + min(inner, default=0.0)) / steps)


class _Monitor:
    """Keeps TensorRT's phases; TensorRT calls this from several threads."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._phases = Phases()
        self._lock = threading.Lock()

    def phase_start(self, phase_name: str, parent_phase: Optional[str], num_steps: int) -> None:
        """Enter a phase."""
        with self._lock:
            self._phases.start(phase_name, parent_phase, num_steps)

    def step_complete(self, phase_name: str, step: int) -> bool:
        """Count a step; the build goes on."""
        with self._lock:
            self._phases.step(phase_name, step)
            phase, fraction = self._phases.outermost(), self._phases.fraction()
        self._reporter.note(phase or phase_name, fraction)
        return True

    def phase_finish(self, phase_name: str) -> None:
        """Leave a phase."""
        with self._lock:
            self._phases.finish(phase_name)


def attach_monitor(trt: 'TensorRt', config: 'tensorrt.IBuilderConfig', reporter: Reporter) -> None:
    """Let TensorRT tell its phases, where it can."""
    if hasattr(trt, 'IProgressMonitor') and hasattr(config, 'progress_monitor'):
        config.progress_monitor = derive(trt.IProgressMonitor, _Monitor, reporter)
