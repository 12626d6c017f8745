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


"""Measure networks through the runtime engine, interleaved in one run, into one JSON object."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from itertools import combinations
from multiprocessing import get_context
import os
from pathlib import Path
from typing import Any

import numpy as np
from swiftnet_ros.backends.openvino.engine import cpu_flags
from swiftnet_ros.backends.registry import open_engine
from swiftnet_ros.benchmark.report import versions
from swiftnet_ros.core.frames import Frame
from swiftnet_ros.errors import InvalidValueError
from swiftnet_ros.segmenter import Segmenter
import torch
from training.profiling.block_times import BlockTimes, time_blocks
from training.profiling.cases import Case, Size
from training.profiling.cpu_peak import Ceiling
from training.profiling.timing import cameras_of, time_cases, Timing

_STATUS = Path('/proc/self/status')
_FRAMES = 3


def peak_megabytes(
    path: Path,
    precision: str,
    threads: int,
    cameras: Sequence[tuple[int, int]],
) -> float | None:
    """
    Run a model in a process of its own: its peak resident memory in 1e6 bytes.

    The process holds Python, OpenVINO, the model, and the last frame and labels of each camera,
    and no torch, as on the robot.
    """
    with ProcessPoolExecutor(1, get_context('spawn')) as pool:
        return pool.submit(_segment, path, precision, threads, cameras).result()


def _segment(
    path: Path, precision: str, threads: int, cameras: Sequence[tuple[int, int]]
) -> float | None:
    # Written to: what is only asked for takes no memory.
    frames = [Frame(np.full((*size, 3), 127, np.uint8)) for size in cameras]
    with open_engine(path, 'openvino', precision, threads) as engine:
        for _ in range(_FRAMES):
            answers = [Segmenter(engine).segment(frame) for frame in frames]
    assert len(answers) == len(frames)
    return _peak()


def _peak() -> float | None:
    """Read what Linux kept as this program's peak; getrusage would count its parent's too."""
    lines = _STATUS.read_text().splitlines() if _STATUS.is_file() else []
    values = [line.split()[1] for line in lines if line.startswith('VmHWM')]
    return int(values[0]) * 1024 / 1e6 if values else None


_TELLING_FLAGS = ('amx', 'asimd', 'avx', 'f16c', 'fma', 'neon', 'sse4', 'sve')


@dataclass(frozen=True)
class BenchOptions:
    """
    How to measure: cameras' sizes (none: the network's own), CPU threads (0: all), rounds.

    `counts` are numbers of cameras that share an engine; `with_ceiling` measures what the CPU
    can do at best, in between.
    """

    cameras: Sequence[Size] = ()
    threads: int = 0
    repeats: int = 20
    per_block: bool = False
    with_memory: bool = True
    counts: Sequence[int] = ()
    with_ceiling: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot be measured."""
        if self.repeats < 1:
            raise InvalidValueError('repeats', self.repeats, 'at least 1')
        if min(self.counts, default=1) < 1:
            raise InvalidValueError('camera counts', min(self.counts), 'at least 1')


def bench(cases: Sequence[Case], options: BenchOptions) -> dict[str, Any]:
    """
    Measure all cases and compare them pair by pair; times are in milliseconds.

    `load` is how many processes wanted the CPU just before. On a busy machine the times are no
    property of the network; ratios of one run suffer less.
    """
    load = os.getloadavg()[0]
    threads = options.threads or len(os.sched_getaffinity(0))
    wanted = dict.fromkeys(case.precision for case in cases) if options.with_ceiling else ()
    ceilings = [Ceiling(precision, threads) for precision in wanted]
    timings = time_cases(
        cases, options.cameras, options.threads, options.repeats, options.counts, ceilings
    )
    blocks = time_blocks(cases, options.threads, options.repeats) if options.per_block else []
    return {
        'machine': _machine(timings[0], load),
        'repeats': options.repeats,
        'cases': [_case_facts(timing, options) for timing in timings],
        'pairs': [_pair(*pair) for pair in _pairs(timings)],
        'blocks': [_block_facts(times) for times in blocks],
        'ceilings': [ceiling.facts() for ceiling in ceilings],
    }


def speed_up(slow: Sequence[float], fast: Sequence[float]) -> dict[str, float]:
    """Give median and middle 80 % of the ratios of two lists, round by round."""
    ratios = np.divide(slow, fast)
    low, median, high = np.percentile(ratios, [10, 50, 90])
    return {'speed_up': float(median), 'low': float(low), 'high': float(high)}


def _machine(timing: Timing, load: float) -> dict[str, Any]:
    flags = sorted(flag for flag in cpu_flags() if flag.startswith(_TELLING_FLAGS))
    return {
        'cpu': timing.device,
        'cpus': len(os.sched_getaffinity(0)),
        'threads': timing.threads,
        'load': load,
        'flags': flags,
        'versions': {**versions(), 'torch': torch.__version__},
    }


def _case_facts(timing: Timing, options: BenchOptions) -> dict[str, Any]:
    case = timing.case
    engine = _statistics(timing.engine_ms)
    cameras = cameras_of(case, options.cameras)
    wanted = (case.path, case.engine_precision, options.threads, cameras)
    return {
        **_identity(case),
        'used_precision': timing.used_precision,
        'gmacs': case.gmacs.seminar,
        'conv_gmacs': case.gmacs.conv,
        'conv_gmacs_per_second': case.gmacs.conv * 1000 / engine['median'],
        'file_mb': case.file_mb,
        'peak_mb': peak_megabytes(*wanted) if options.with_memory else None,
        'engine_ms': engine,
        'cpu_ms': _statistics(timing.cpu_ms),
        'pipelines': [
            _pipeline(size, times, timing) for size, times in timing.pipeline_ms.items()
        ],
        'turns': [
            {
                'cameras': count,
                'turn_ms': _statistics(times),
                'peak_mb': peak_megabytes(*wanted[:3], cameras[:1] * count)
                if options.with_memory
                else None,
            }
            for count, times in timing.turn_ms.items()
        ],
    }


def _pipeline(size: Size, times: Sequence[float], timing: Timing) -> dict[str, Any]:
    ratios = np.divide(times, timing.engine_ms)
    over = float(np.median(ratios))
    return {'camera': list(size), 'pipeline_ms': _statistics(times), 'over_engine': over}


def _statistics(times: Sequence[float]) -> dict[str, Any]:
    median, p95 = np.percentile(times, [50, 95])
    rounds = [round(time, 3) for time in times]
    return {'median': float(median), 'p95': float(p95), 'best': min(times), 'rounds': rounds}


def _identity(case: Case) -> dict[str, Any]:
    size = {'height': case.height, 'width': case.width}
    return {'model': case.model, **size, 'precision': case.precision}


def _pairs(timings: Sequence[Timing]) -> Iterator[tuple[Timing, Timing]]:
    """Pair the first model with every other of its size and precision, and precisions."""
    first = timings[0].case.model
    for one, other in combinations(timings, 2):
        a, b = one.case, other.case
        if (a.height, a.width) != (b.height, b.width):
            continue
        same = a.model == b.model, a.precision == b.precision
        if same == (True, False) or (same == (False, True) and a.model == first):
            yield one, other


def _pair(one: Timing, other: Timing) -> dict[str, Any]:
    """Compare two cases; between precisions of one network no multiply-adds were removed."""
    measured = speed_up(one.engine_ms, other.engine_ms)
    computed = speed_up(one.cpu_ms, other.cpu_ms)['speed_up']
    names = {'of': _identity(one.case), 'over': _identity(other.case)}
    pair = {**names, **measured, 'cpu_speed_up': computed}
    if one.case.model == other.case.model:
        return {**pair, 'gmac_ratio': None, 'realised': None}
    removed = one.case.gmacs.seminar / other.case.gmacs.seminar
    return {**pair, 'gmac_ratio': removed, 'realised': measured['speed_up'] / removed}


def _block_facts(times: BlockTimes) -> dict[str, Any]:
    parts: list[Mapping[str, Any]] = [
        {
            **asdict(place),
            'ms': spent,
            'best_ms': times.best_ms[place],
            'gmacs': times.place_gmacs[place].seminar if place in times.place_gmacs else 0.0,
        }
        for place, spent in times.place_ms.items()
    ]
    return {
        **_identity(times.case),
        'forward_ms': times.forward_ms,
        'remainder_ms': times.remainder_ms,
        'parts': parts,
    }
