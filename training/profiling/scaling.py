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

"""Scaling of latency and memory with the input size: lines in pixels, and deviations from them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from training.profiling.tables import (
    JsonTree,
    markdown_table,
    megabytes,
    ms,
    name_of,
    NOTHING,
    percent,
    ratio,
    size_of,
)

_LEAST_SIZES = 3


@dataclass(frozen=True)
class Line:
    """A cost of `base` + `slope` times megapixels; `deviation` is the largest, as a fraction."""

    base: float
    slope: float
    deviation: float

    def at(self, megapixels: float) -> float:
        """Return the cost on the line."""
        return self.base + self.slope * megapixels


def fit_line(megapixels: Sequence[float], costs: Sequence[float]) -> Line:
    """Fit a line by least squares of relative errors, so that small sizes count as much."""
    x, y = np.asarray(megapixels, float), np.asarray(costs, float)
    slope, base = np.polyfit(x, y, 1, w=1 / y)
    deviations = np.abs((base + slope * x) / y - 1)
    return Line(float(base), float(slope), float(deviations.max()))


def size_series(result: JsonTree) -> Iterator[list[JsonTree]]:
    """Yield the cases of each network and precision with at least three sizes, by size."""
    groups: dict[str, list[JsonTree]] = {}
    for case in result['cases']:
        groups.setdefault(name_of(case), []).append(case)
    for cases in groups.values():
        if len({size_of(case) for case in cases}) >= _LEAST_SIZES:
            yield sorted(cases, key=megapixels_of)


def megapixels_of(case: JsonTree) -> float:
    """Return the size of the network's input in 1e6 pixels."""
    return float(case['height'] * case['width'] / 1e6)


def pipeline_ms(case: JsonTree) -> float:
    """Return the median latency from frame to labels, for the first camera."""
    return float(case['pipelines'][0]['pipeline_ms']['median'])


def fit_costs(cases: Sequence[JsonTree]) -> dict[str, Line]:
    """Fit engine and pipeline latency in ms and memory in MB, each if it was measured."""
    sizes = [megapixels_of(case) for case in cases]
    costs = {
        'engine': [case['engine_ms']['median'] for case in cases],
        'pipeline': [pipeline_ms(case) for case in cases],
        'memory': [case['peak_mb'] for case in cases],
    }
    return {name: fit_line(sizes, values) for name, values in costs.items() if None not in values}


def scaling_table(result: JsonTree) -> str:
    """Return the costs of each size and their deviations from the fitted lines."""
    head = (
        'network', 'size', 'megapixels', 'engine ms', 'on the line', 'deviation', 'pipeline ms',
        'per megapixel', 'deviation', 'peak MB', 'deviation',
    )  # fmt: skip
    rows = [
        _scaling_row(case, found)
        for cases in size_series(result)
        for found in [fit_costs(cases)]
        for case in cases
    ]
    return markdown_table(head, rows)


def slope_table(result: JsonTree) -> str:
    """Return the fitted lines."""
    units = {'engine': 'ms', 'pipeline': 'ms', 'memory': 'MB'}
    rows = [
        (
            name_of(cases[0]), f'{cost}, {units[cost]}', ms(line.base), ms(line.slope),
            percent(line.deviation),
        )
        for cases in size_series(result)
        for cost, line in fit_costs(cases).items()
    ]  # fmt: skip
    return markdown_table(('network', 'cost', 'base', 'per megapixel', 'largest deviation'), rows)


def _scaling_row(case: JsonTree, found: Mapping[str, Line]) -> tuple[str, ...]:
    size, engine, pipeline = megapixels_of(case), case['engine_ms']['median'], pipeline_ms(case)
    memory = found.get('memory')
    return (
        name_of(case), size_of(case), ratio(size), ms(engine), ms(found['engine'].at(size)),
        percent(found['engine'].at(size) / engine - 1), ms(pipeline), ms(pipeline / size),
        percent(found['pipeline'].at(size) / pipeline - 1), megabytes(case['peak_mb']),
        NOTHING if memory is None else percent(memory.at(size) / case['peak_mb'] - 1),
    )  # fmt: skip
