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

"""Time several cases in one run: every case once a round, in rotating order."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from time import perf_counter, process_time
from typing import Protocol, TypeVar

from swiftnet_ros.backends.openvino.engine import OpenVinoBackend
from swiftnet_ros.core.frames import Frame, to_network_input
from swiftnet_ros.errors import InvalidValueError
from swiftnet_ros.segmenter import Segmenter
from swiftnet_ros.system.image_size import Size
from swiftnet_ros.system.progress import progress
from training.datasets.warehouse import FIRST_SEED
from training.profiling.cases import Case
from training.warehouse_renderer import render

WARM_UP = 2
T = TypeVar('T')


@dataclass(frozen=True)
class ProfilingOptions:
    """
    How to measure: camera sizes (none: the network's own), CPU threads (0: all), rounds.

    `counts` are numbers of cameras that share an engine.
    """

    cameras: Sequence[Size] = ()
    threads: int = 0
    repeats: int = 20
    per_block: bool = False
    with_memory: bool = True
    counts: Sequence[int] = ()
    with_cpu_peak: bool = False

    def __post_init__(self) -> None:
        if self.repeats < 1:
            raise InvalidValueError('repeats', self.repeats, 'at least 1')
        if min(self.counts, default=1) < 1:
            raise InvalidValueError('camera counts', min(self.counts), 'at least 1')

    def camera_sizes(self, case: Case) -> list[Size]:
        """Return the sizes of the cameras, the network's own size if there are none."""
        return list(self.cameras) or [(case.height, case.width)]


@dataclass
class CaseTiming:
    """
    Latencies of one case in milliseconds; item r of every list is of round r.

    `engine_ms` is inference alone, `cpu_ms` the CPU time of all its threads, `pipeline_ms` from a
    frame to labels of the camera's size, in memory, `turn_ms` one frame of each of several
    cameras, one after the other.
    """

    case: Case
    used_precision: str
    device: str
    threads: int
    engine_ms: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)
    pipeline_ms: dict[Size, list[float]] = field(default_factory=dict)
    turn_ms: dict[int, list[float]] = field(default_factory=dict)


class RoundTimer(Protocol):
    """A measurement that is repeated once a round."""

    def measure(self) -> None:
        """Measure it once."""


def time_cases(
    cases: Sequence[Case], options: ProfilingOptions, others: Sequence[RoundTimer] = ()
) -> list[CaseTiming]:
    """Measure engine and pipeline of every case; `others` are measured in between."""
    case_timers: list[_CaseTimer] = []
    with ExitStack() as stack:
        for case in cases:
            engine = OpenVinoBackend.from_path(case.path, case.precision, options.threads)
            stack.callback(engine.close)
            case_timers.append(_CaseTimer(case, engine, options))
        timers: list[RoundTimer] = [*case_timers, *others]
        rounds = WARM_UP + options.repeats
        turns = in_rounds(timers, rounds)
        for timer in progress(turns, 'measure', rounds * len(timers)):
            timer.measure()
        return [timer.result() for timer in case_timers]


def in_rounds(items: Sequence[T], rounds: int) -> Iterator[T]:
    """Yield each item once a round, in rotating order, so that each one is the first in turn."""
    for number in range(rounds):
        first = number % len(items)
        yield from (*items[first:], *items[:first])


def camera_frame(height: int, width: int) -> Frame:
    """Return a rendered scene that is not in the training set."""
    return Frame(render(FIRST_SEED['test'], height, width).image)


def milliseconds(function: Callable[[T], object], argument: T) -> float:
    """Call a function and return its duration."""
    start = perf_counter()
    function(argument)
    return (perf_counter() - start) * 1000


class _CaseTimer:
    """One case with its engine, frames and measurements."""

    def __init__(self, case: Case, engine: OpenVinoBackend, options: ProfilingOptions) -> None:
        self._engine, self._segmenter = engine, Segmenter(engine)
        self._frames = {size: camera_frame(*size) for size in options.camera_sizes(case)}
        first = next(iter(self._frames.values()))
        self._image = to_network_input(first, case.height, case.width)
        self._timing = CaseTiming(case, engine.precision, engine.device, engine.threads)
        self._timing.pipeline_ms = {size: [] for size in self._frames}
        self._timing.turn_ms = {count: [] for count in options.counts}
        self._turns = [Frame(first.pixels.copy()) for _ in range(max(options.counts, default=0))]

    def measure(self) -> None:
        # Once unmeasured, to warm the caches as in a camera's steady stream.
        self._engine.infer(self._image)
        cpu_start = process_time()
        self._timing.engine_ms.append(milliseconds(self._engine.infer, self._image))
        self._timing.cpu_ms.append((process_time() - cpu_start) * 1000)
        for size, frame in self._frames.items():
            spent = milliseconds(self._segmenter.segment, frame)
            self._timing.pipeline_ms[size].append(spent)
        for count, times in self._timing.turn_ms.items():
            times.append(milliseconds(self._segment_all, self._turns[:count]))

    def result(self) -> CaseTiming:
        timing = self._timing
        by_size, by_count = timing.pipeline_ms.values(), timing.turn_ms.values()
        for times in (timing.engine_ms, timing.cpu_ms, *by_size, *by_count):
            del times[:WARM_UP]
        return timing

    def _segment_all(self, frames: Sequence[Frame]) -> None:
        for frame in frames:
            self._segmenter.segment(frame)
