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

"""Measure latency, memory and CPU peak of networks in one run; the result is one JSON object."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import combinations
import os
from typing import Any

import numpy as np
from swiftnet_ros.system.image_size import Size
from swiftnet_ros.system.progress import progress
import torch
from training.profiling.block_times import BlockTimes, time_blocks
from training.profiling.cases import Case
from training.profiling.cpu_peak import CpuPeak
from training.profiling.machine import machine_facts
from training.profiling.peak_memory import peak_memory_mb
from training.profiling.timing import CaseTiming, ProfilingOptions, time_cases


def measure_cases(cases: Sequence[Case], options: ProfilingOptions) -> dict[str, Any]:
    """
    Measure all cases and compare them pairwise; times are in milliseconds.

    `load` is the number of processes that were running before. On a busy machine the times say
    nothing about the networks; ratios within one run suffer less.
    """
    load = os.getloadavg()[0]
    threads = options.threads or len(os.sched_getaffinity(0))
    wanted = dict.fromkeys(case.precision for case in cases) if options.with_cpu_peak else ()
    peaks = [CpuPeak(precision, threads) for precision in wanted]
    timings = time_cases(cases, options, peaks)
    blocks = time_blocks(cases, options.threads, options.repeats) if options.per_block else []
    return {
        'machine': machine_facts(
            timings[0].device, timings[0].threads, load, torch=torch.__version__
        ),
        'repeats': options.repeats,
        'cases': [_case_facts(item, options) for item in progress(timings, 'memory')],
        'pairs': [_pair_facts(*pair) for pair in _pairs(timings)],
        'blocks': [_block_facts(times) for times in blocks],
        'ceilings': [peak.facts() for peak in peaks],
    }


def speed_up(slow: Sequence[float], fast: Sequence[float]) -> dict[str, float]:
    """Return median and middle 80 % of the ratios of two lists, round by round."""
    ratios = np.divide(slow, fast)
    low, median, high = np.percentile(ratios, [10, 50, 90])
    return {'speed_up': float(median), 'low': float(low), 'high': float(high)}


def _case_facts(timing: CaseTiming, options: ProfilingOptions) -> dict[str, Any]:
    case = timing.case
    engine = _statistics(timing.engine_ms)
    cameras = options.camera_sizes(case)

    def peak_mb(sizes: Sequence[Size]) -> float | None:
        if not options.with_memory:
            return None
        return peak_memory_mb(case.path, case.precision, options.threads, sizes)

    return {
        **_identity(case),
        'used_precision': timing.used_precision,
        'gmacs': case.gmacs.total,
        'conv_gmacs': case.gmacs.conv,
        'conv_gmacs_per_second': case.gmacs.conv * 1000 / engine['median'],
        'file_mb': case.file_mb,
        'peak_mb': peak_mb(cameras),
        'engine_ms': engine,
        'cpu_ms': _statistics(timing.cpu_ms),
        'pipelines': [
            {
                'camera': list(size),
                'pipeline_ms': _statistics(times),
                'over_engine': float(np.median(np.divide(times, timing.engine_ms))),
            }
            for size, times in timing.pipeline_ms.items()
        ],
        'turns': [
            {
                'cameras': count,
                'turn_ms': _statistics(times),
                'peak_mb': peak_mb(cameras[:1] * count),
            }
            for count, times in timing.turn_ms.items()
        ],
    }


def _statistics(times: Sequence[float]) -> dict[str, Any]:
    median, p95 = np.percentile(times, [50, 95])
    rounds = [round(time, 3) for time in times]
    return {'median': float(median), 'p95': float(p95), 'best': min(times), 'rounds': rounds}


def _identity(case: Case) -> dict[str, Any]:
    size = {'height': case.height, 'width': case.width}
    return {'model': case.model, **size, 'precision': case.precision}


def _pairs(timings: Sequence[CaseTiming]) -> Iterator[tuple[CaseTiming, CaseTiming]]:
    """Yield cases of equal size: the first model with every other, and a model's precisions."""
    first = timings[0].case.model
    for one, other in combinations(timings, 2):
        a, b = one.case, other.case
        if (a.height, a.width) != (b.height, b.width):
            continue
        same = a.model == b.model, a.precision == b.precision
        if same == (True, False) or (same == (False, True) and a.model == first):
            yield one, other


def _pair_facts(one: CaseTiming, other: CaseTiming) -> dict[str, Any]:
    """Compare two cases; the GMAC ratio of two precisions of one network is None."""
    measured = speed_up(one.engine_ms, other.engine_ms)
    cpu_speed_up = speed_up(one.cpu_ms, other.cpu_ms)['speed_up']
    names = {'of': _identity(one.case), 'over': _identity(other.case)}
    pair = {**names, **measured, 'cpu_speed_up': cpu_speed_up}
    if one.case.model == other.case.model:
        return {**pair, 'gmac_ratio': None, 'realised': None}
    gmac_ratio = one.case.gmacs.total / other.case.gmacs.total
    return {**pair, 'gmac_ratio': gmac_ratio, 'realised': measured['speed_up'] / gmac_ratio}


def _block_facts(times: BlockTimes) -> dict[str, Any]:
    parts = [
        {
            **asdict(position),
            'ms': spent,
            'best_ms': times.best_ms[position],
            'gmacs': times.gmacs[position].total if position in times.gmacs else 0.0,
        }
        for position, spent in times.position_ms.items()
    ]
    return {
        **_identity(times.case),
        'forward_ms': times.forward_ms,
        'remainder_ms': times.remainder_ms,
        'parts': parts,
    }
