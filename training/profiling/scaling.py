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


"""What a network costs against the size of its input: a line in pixels, and how far off it is."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from training.profiling.tables import megabytes, ms, name_of, NOTHING, ratio, size_of, table

_LEAST_SIZES = 3


@dataclass(frozen=True)
class Line:
    """A cost of `base` + `slope` times megapixels; `deviation` is the largest, as a fraction."""

    base: float
    slope: float
    deviation: float

    def at(self, megapixels: float) -> float:
        """Give the cost on the line."""
        return self.base + self.slope * megapixels


def fit(megapixels: Sequence[float], costs: Sequence[float]) -> Line:
    """Fit a line by the least squares of relative errors, so that small sizes count as well."""
    at, cost = np.asarray(megapixels, float), np.asarray(costs, float)
    slope, base = np.polyfit(at, cost, 1, w=1 / cost)
    off = np.abs((base + slope * at) / cost - 1)
    return Line(float(base), float(slope), float(off.max()))


def series(result: Mapping[str, Any]) -> Iterator[list[Mapping[str, Any]]]:
    """Give the cases of each network and precision that was measured at three sizes or more."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for case in result['cases']:
        groups.setdefault(name_of(case), []).append(case)
    for cases in groups.values():
        if len({size_of(case) for case in cases}) >= _LEAST_SIZES:
            yield sorted(cases, key=pixels)


def pixels(case: Mapping[str, Any]) -> float:
    """Give the size of the network's input in 1e6 pixels."""
    return float(case['height'] * case['width'] / 1e6)


def pipeline_ms(case: Mapping[str, Any]) -> float:
    """Give the median from frame to labels, for the first camera."""
    return float(case['pipelines'][0]['pipeline_ms']['median'])


def lines(cases: Sequence[Mapping[str, Any]]) -> dict[str, Line]:
    """Fit what grows with the size: milliseconds of engine and pipeline, megabytes."""
    at = [pixels(case) for case in cases]
    costs = {
        'engine': [case['engine_ms']['median'] for case in cases],
        'pipeline': [pipeline_ms(case) for case in cases],
        'memory': [case['peak_mb'] for case in cases],
    }
    return {name: fit(at, values) for name, values in costs.items() if None not in values}


def scaling_table(result: Mapping[str, Any]) -> str:
    """Show each size beside the line that was fitted through all."""
    head = (
        'network', 'size', 'megapixels', 'engine ms', 'on the line', 'off by', 'pipeline ms',
        'per megapixel', 'off by', 'peak MB', 'off by',
    )  # fmt: skip
    rows = [
        _row(case, found) for cases in series(result) for found in [lines(cases)] for case in cases
    ]
    return table(head, rows)


def slope_table(result: Mapping[str, Any]) -> str:
    """Show the lines."""
    units = {'engine': 'ms', 'pipeline': 'ms', 'memory': 'MB'}
    rows = [
        (
            name_of(cases[0]), f'{what}, {units[what]}', ms(line.base), ms(line.slope),
            percent(line.deviation),
        )
        for cases in series(result)
        for what, line in lines(cases).items()
    ]  # fmt: skip
    return table(('network', 'cost', 'base', 'per megapixel', 'largest deviation'), rows)


def turn_table(result: Mapping[str, Any]) -> str:
    """Show what several cameras cost that share one engine, in turn."""
    rows = []
    for case in result['cases']:
        for turn in case.get('turns', ()):
            spent, count = turn['turn_ms'], turn['cameras']
            rows.append((
                name_of(case), size_of(case), str(count), ms(spent['median']), ms(spent['p95']),
                ms(spent['median'] / count), megabytes(turn['peak_mb']),
            ))  # fmt: skip
    head = ('network', 'size', 'cameras', 'ms for all', 'p95', 'ms each', 'peak MB')
    return table(head, rows)


def percent(fraction: float) -> str:
    """Write a fraction in percent."""
    return f'{100 * fraction:.1f} %'


def _row(case: Mapping[str, Any], found: Mapping[str, Line]) -> tuple[str, ...]:
    at, engine, whole = pixels(case), case['engine_ms']['median'], pipeline_ms(case)
    memory = found.get('memory')
    return (
        name_of(case), size_of(case), ratio(at), ms(engine), ms(found['engine'].at(at)),
        percent(found['engine'].at(at) / engine - 1), ms(whole), ms(whole / at),
        percent(found['pipeline'].at(at) / whole - 1), megabytes(case['peak_mb']),
        NOTHING if memory is None else percent(memory.at(at) / case['peak_mb'] - 1),
    )  # fmt: skip
