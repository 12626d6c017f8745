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


"""Measure several cases in one run: in every round each comes once, in rotating order."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from time import perf_counter, process_time
from typing import Protocol, TypeVar

from swiftnet_ros.backends.openvino.engine import OpenVinoEngine
from swiftnet_ros.core.frames import Frame, to_network_input
from swiftnet_ros.segmenter import Segmenter
from training.datasets.warehouse import FIRST_SEED
from training.profiling.cases import Case, Size
from training.warehouse_renderer import render

WARM_UP = 2
T = TypeVar('T')


@dataclass
class Timing:
    """
    What was measured of one case, in milliseconds; item r of every list is of round r.

    `pipeline_ms` is from a frame of the camera's size to labels of that size, in memory;
    `cpu_ms` is what all threads together computed for `engine_ms`, whoever else was running.
    `turn_ms` is, for a number of cameras, one frame of each of them after the other.
    """

    case: Case
    used_precision: str
    device: str
    threads: int
    engine_ms: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)
    pipeline_ms: dict[Size, list[float]] = field(default_factory=dict)
    turn_ms: dict[int, list[float]] = field(default_factory=dict)


class Clock(Protocol):
    """Something that is measured once a round."""

    def measure(self) -> None:
        """Measure it once."""


def time_cases(
    cases: Sequence[Case],
    cameras: Sequence[Size],
    threads: int,
    repeats: int,
    counts: Sequence[int] = (),
    others: Sequence[Clock] = (),
) -> list[Timing]:
    """
    Measure engine and pipeline of every case; no cameras: one of the network's own size.

    `counts` are numbers of cameras that share one engine; `others` are measured in between.
    """
    timers: list[_Timer] = []
    with ExitStack() as stack:
        for case in cases:
            engine = OpenVinoEngine(case.path, case.engine_precision, threads)
            stack.callback(engine.close)
            timers.append(_Timer(case, engine, cameras, counts))
        clocks: list[Clock] = [*timers, *others]
        for clock in in_rounds(clocks, WARM_UP + repeats):
            clock.measure()
        return [timer.result(WARM_UP) for timer in timers]


def in_rounds(items: Sequence[T], rounds: int) -> Iterator[T]:
    """Give each item once a round; who comes first changes, so that none always follows one."""
    for number in range(rounds):
        first = number % len(items)
        yield from (*items[first:], *items[:first])


def camera_frame(height: int, width: int) -> Frame:
    """Render a scene that no network was trained on."""
    return Frame(render(FIRST_SEED['test'], height, width).image)


def cameras_of(case: Case, cameras: Sequence[Size]) -> list[Size]:
    """Give the cameras' sizes; without any, one of the network's own size."""
    return list(cameras) or [(case.height, case.width)]


class _Timer:
    """One case with its engine, its frames, and what was measured."""

    def __init__(
        self,
        case: Case,
        engine: OpenVinoEngine,
        cameras: Sequence[Size],
        counts: Sequence[int],
    ) -> None:
        self._engine, self._segmenter = engine, Segmenter(engine)
        self._frames = {size: camera_frame(*size) for size in cameras_of(case, cameras)}
        first = next(iter(self._frames.values()))
        self._image = to_network_input(first, case.height, case.width)
        self._timing = Timing(case, engine.precision, engine.device, engine.threads)
        self._timing.pipeline_ms = {size: [] for size in self._frames}
        self._timing.turn_ms = {count: [] for count in counts}
        self._turns = [Frame(first.pixels.copy()) for _ in range(max(counts, default=0))]

    def measure(self) -> None:
        # What ran before has the caches and is no part of a camera's steady stream.
        self._engine.infer(self._image)
        computed = process_time()
        self._timing.engine_ms.append(milliseconds(self._engine.infer, self._image))
        self._timing.cpu_ms.append((process_time() - computed) * 1000)
        for size, frame in self._frames.items():
            spent = milliseconds(self._segmenter.segment, frame)
            self._timing.pipeline_ms[size].append(spent)
        for count, times in self._timing.turn_ms.items():
            times.append(milliseconds(self._take_turns, self._turns[:count]))

    def result(self, warm_up: int) -> Timing:
        timing = self._timing
        by_size, by_count = timing.pipeline_ms.values(), timing.turn_ms.values()
        for times in (timing.engine_ms, timing.cpu_ms, *by_size, *by_count):
            del times[:warm_up]
        return timing

    def _take_turns(self, frames: Sequence[Frame]) -> None:
        for frame in frames:
            self._segmenter.segment(frame)


def milliseconds(work: Callable[[T], object], argument: T) -> float:
    """Call a function and say how long it took."""
    start = perf_counter()
    work(argument)
    return (perf_counter() - start) * 1000
