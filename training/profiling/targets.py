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


"""The targets of speed, what was measured of each, and whether it is met."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
import json
from pathlib import Path
from typing import Any

from swiftnet_ros.errors import FileMissingError, InvalidValueError
from training.profiling.scaling import lines, series
from training.profiling.tables import table

Tree = Mapping[str, Any]
FULL, FIRST2, PRUNED = 'full', 'first2', 'all'
AT_MOST, AT_LEAST = 'at most', 'at least'


@dataclass(frozen=True)
class Target:
    """One figure of a result file and the limit that it is to keep."""

    number: str
    text: str
    file: str
    measure: Callable[[Tree], float]
    bound: str
    limit: float
    unit: str = ''

    def is_met(self, measured: float) -> bool:
        """Tell whether a figure keeps the limit."""
        return measured <= self.limit if self.bound == AT_MOST else measured >= self.limit


def conv_fraction(result: Tree, model: str, precision: str) -> float:
    """Give the convolutions' multiply-adds per second as a fraction of the CPU's own ceiling."""
    case = find_case(result, model, precision)
    (ceiling,) = [item for item in result['ceilings'] if item['precision'] == precision]
    return float(case['conv_gmacs_per_second'] / ceiling['gmacs_per_second'])


def find_case(result: Tree, model: str, precision: str) -> Tree:
    """Find a case of a model and precision."""
    for case in result['cases']:
        if (case['model'], case['precision']) == (model, precision):
            return dict(case)
    raise InvalidValueError('result of bench', f'without {model} {precision}', 'a case of it')


def _over_engine(camera: Sequence[int]) -> Callable[[Tree], float]:
    def measure(result: Tree) -> float:
        case = find_case(result, PRUNED, 'int8')
        (line,) = [item for item in case['pipelines'] if item['camera'] == list(camera)]
        return float(line['over_engine'])

    return measure


def _realised(precision: str) -> Callable[[Tree], float]:
    def measure(result: Tree) -> float:
        (pair,) = [
            pair
            for pair in result['pairs']
            if (pair['of']['model'], pair['over']['model']) == (FULL, PRUNED)
            and pair['of']['precision'] == precision == pair['over']['precision']
        ]
        return float(pair['realised'])

    return measure


def _key(name: str) -> Callable[[Tree], float]:
    return lambda result: float(result[name])


def _deviation(what: str) -> Callable[[Tree], float]:
    def measure(result: Tree) -> float:
        return max(100 * lines(cases)[what].deviation for cases in series(result))

    return measure


_MATRIX, _REFERENCE, _SIZES = 'matrix.json', 'reference.json', 'sizes.json'
_SMALL, _LARGE, _FULL_LOAD = 'node_512.json', 'node_1080.json', 'node_overload.json'
_START = 'node_start.json'

TARGETS = (
    Target('1', 'pipeline / engine, camera 1024x512', _MATRIX, _over_engine((512, 1024)),
           AT_MOST, 1.15),
    Target('1', 'pipeline / engine, camera 1920x1080', _MATRIX, _over_engine((1080, 1920)),
           AT_MOST, 1.45),
    Target('2', 'stamp to reception, p50 / engine, 1024x512 at 10 Hz', _SMALL,
           _key('p50_over_engine'), AT_MOST, 1.35),
    Target('2', 'stamp to reception, p50 / engine, 1920x1080 at 10 Hz', _LARGE,
           _key('p50_over_engine'), AT_MOST, 1.8),
    Target('3', 'saturated: frames out / frames of the engine alone', _FULL_LOAD,
           _key('fps_over_engine'), AT_LEAST, 0.85),
    Target('3', 'saturated: p99 age of a label / engine', _FULL_LOAD, _key('p99_over_engine'),
           AT_MOST, 2.5),
    Target('3', 'saturated: memory at the end more than in the middle', _FULL_LOAD,
           _key('memory_growth_mb'), AT_MOST, 2.0, ' MB'),
    Target('4', 'first label after the start, shipped model', _START, _key('first_start_s'),
           AT_MOST, 4.0, ' s'),
    Target('4', 'first label after a second start', _START, _key('second_start_s'), AT_MOST, 2.5,
           ' s'),
    Target('4', 'resident memory, one camera 1920x1080', _LARGE, _key('memory_mb'), AT_MOST,
           450.0, ' MB'),
    Target('5', 'convolutions of full INT8 / ceiling of the CPU, 2048x1024', _REFERENCE,
           lambda result: 100 * conv_fraction(result, FULL, 'int8'), AT_LEAST, 55.0, ' %'),
    Target('6', 'speed-up realised / GMACs removed, FP32', _MATRIX, _realised('fp32'), AT_LEAST,
           0.95),
    Target('6', 'speed-up realised / GMACs removed, INT8', _MATRIX, _realised('int8'), AT_LEAST,
           0.82),
    Target('8', 'latency of the engine against a line in pixels, largest deviation', _SIZES,
           _deviation('engine'), AT_MOST, 15.0, ' %'),
    Target('8', 'latency of the pipeline against a line in pixels', _SIZES,
           _deviation('pipeline'), AT_MOST, 15.0, ' %'),
    Target('8', 'memory against a line in pixels', _SIZES, _deviation('memory'), AT_MOST, 15.0,
           ' %'),
)  # fmt: skip
_NOT_RUN = (
    '7',
    'the same networks on a GPU, per level and block',
    '',
    'not run',
    'no GPU at hand',
)


def target_table(folder: Path) -> str:
    """Show every target beside what the results in a folder say of it."""
    head = ('item', 'what', 'target', 'measured', 'met')
    rows = [_row(target, _read(folder / target.file)) for target in TARGETS]
    place = next(index for index, row in enumerate(rows) if row[0] > _NOT_RUN[0])
    return table(head, [*rows[:place], _NOT_RUN, *rows[place:]])


def _row(target: Target, result: Tree) -> tuple[str, ...]:
    measured = target.measure(result)
    met = 'yes' if target.is_met(measured) else 'no'
    limit = f'{target.bound} {target.limit:g}{target.unit}'
    return (target.number, target.text, limit, f'{measured:.2f}{target.unit}', met)


def _read(path: Path) -> Tree:
    if not path.is_file():
        raise FileMissingError(path, 'result of bench')
    found: Tree = json.loads(path.read_text())
    return found
