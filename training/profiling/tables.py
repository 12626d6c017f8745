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


"""How figures and tables of a bench are written."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from swiftnet_ros.system.image_size import format_size
from training.profiling.pyramid_graph import DECODER, LEVEL_PARTS

NOTHING = '-'


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a Markdown table."""
    lines = [head, ['---'] * len(head), *rows]
    return '\n'.join(f'| {" | ".join(line)} |' for line in lines)


def ms(value: float | None) -> str:
    """Write milliseconds with three digits that mean something."""
    if value is None:
        return NOTHING
    return f'{value:.0f}' if value >= 100 else f'{value:.1f}' if value >= 10 else f'{value:.2f}'


def ratio(value: float | None) -> str:
    """Write a ratio, or a count of about its size."""
    return NOTHING if value is None else f'{value:.2f}'


def megabytes(value: float | None) -> str:
    """Write a size in 1e6 bytes."""
    return NOTHING if value is None else f'{value:.0f}' if value >= 100 else f'{value:.1f}'


def name_of(case: Mapping[str, Any]) -> str:
    """Name model and precision."""
    return f'{case["model"]} {case["precision"]}'


def size_of(case: Mapping[str, Any]) -> str:
    """Return the size of the network's input, WIDTHxHEIGHT."""
    return format_size((case['height'], case['width']))


def node_table(result: Mapping[str, Any]) -> str:
    """Show a run through topics, or the starts of the node; nothing else is in the file."""
    rows = _start_rows(result) if 'starts_s' in result else _run_rows(result)
    return table(('what', 'value'), rows)


def _start_rows(result: Mapping[str, Any]) -> list[tuple[str, str]]:
    times = result['starts_s']
    return [
        ('model', f'{result["model"]} in {result["precision"]}'),
        *(
            (f'{name} start to first label, s', ', '.join(f'{value:.2f}' for value in values))
            for name, values in times.items()
        ),
    ]


def _run_rows(result: Mapping[str, Any]) -> list[tuple[str, str]]:
    rate = result['rate_hz']
    pace = 'each frame waits for the answer before' if rate is None else f'{rate:.1f} Hz'
    stages = ', '.join(f'{name} {ms(value)}' for name, value in result['stages_ms'].items())
    latencies = ' / '.join(ms(result[f'p{percent}_ms']) for percent in (50, 95, 99))
    ratios = ' / '.join(ratio(result[f'p{percent}_over_engine']) for percent in (50, 99))
    rounds = ', '.join(
        f'{ms(item["p50_ms"])} / {ms(item["engine_ms"])}' for item in result['rounds']
    )
    return [
        ('camera', f'{format_size(result["camera"])}, {pace}'),
        ('frames sent, labels received', f'{result["sent"]}, {result["received"]}'),
        ('engine alone, frame to labels in memory, ms',
         f'{ms(result["engine_ms"])}, {ms(result["pipeline_ms"])}'),
        ('stamp to reception p50 / p95 / p99, ms', latencies),
        ('p50 / p99 in times of the engine', ratios),
        ('p50 / engine alone in each round, ms', rounds),
        ('labels per second, in frames of the engine alone',
         f'{ratio(result["fps"])}, {ratio(result["fps_over_engine"])}'),
        ('memory of the node, growth to the end, MB',
         f'{megabytes(result["memory_mb"])}, {ratio(result["memory_growth_mb"])}'),
        ("the node's own medians, ms", stages or NOTHING),
    ]  # fmt: skip


Tree = Mapping[str, Any]
_COMPARED = ('stem', 'block 1', 'block 2', 'block 3', 'block 4')


def block_table(result: Tree) -> str:
    """
    Show each level as the seminar's table does, then what no level has, then the whole.

    `remainder` is what the operations leave of the forward pass.
    """
    blocks = result['blocks']
    rows = [_level_row(level, times) for level in _levels(blocks) for times in blocks]
    for times in blocks:
        for name, spent in (
            (DECODER, _spent(times, None, [DECODER])),
            ('remainder', times['remainder_ms']),
            ('forward pass', times['forward_ms']),
        ):
            rows.append((name, *_case(times), *[NOTHING] * len(LEVEL_PARTS), ms(spent)))
    return table(('level', 'model', 'size', *LEVEL_PARTS, 'sum'), rows)


def level_table(result: Tree) -> str:
    """Show, for the first model against each other, how much faster each block of a level is."""
    blocks = result['blocks']
    rows = [
        row
        for one, other in _compared(blocks)
        for level in [*_levels([one]), None]
        for row in _speed_up_rows(one, other, level)
    ]
    head = (
        'level', 'part', 'this', 'ms', 'over this', 'ms', 'speed-up', 'GMAC ratio', 'realised',
        'realised in the best rounds',
    )  # fmt: skip
    return table(head, rows)


def _level_row(level: int, times: Tree) -> tuple[str, ...]:
    spent = [_spent(times, level, [part]) for part in LEVEL_PARTS]
    return (str(level), *_case(times), *map(ms, spent), ms(sum(spent)))


def _speed_up_rows(one: Tree, other: Tree, level: int | None) -> Iterator[tuple[str, ...]]:
    if level is None:
        yield _speed_up_row(one, other, None, DECODER, [DECODER])
        return
    for part in _COMPARED:
        yield _speed_up_row(one, other, level, part, [part])
    yield _speed_up_row(one, other, level, 'whole level', LEVEL_PARTS)


def _speed_up_row(
    one: Tree, other: Tree, level: int | None, name: str, parts: Sequence[str]
) -> tuple[str, ...]:
    slow, fast = _spent(one, level, parts), _spent(other, level, parts)
    removed = _ratio(one, other, level, parts, 'gmacs')
    best = _ratio(one, other, level, parts, 'best_ms')
    return (
        NOTHING if level is None else str(level), name, name_of(one), ms(slow), name_of(other),
        ms(fast), ratio(slow / fast), ratio(removed), ratio(slow / fast / removed),
        ratio(best / removed),
    )  # fmt: skip


def _ratio(one: Tree, other: Tree, level: int | None, parts: Sequence[str], what: str) -> float:
    return _spent(one, level, parts, what) / _spent(other, level, parts, what)


def _compared(blocks: Sequence[Tree]) -> Iterator[tuple[Tree, Tree]]:
    """Pair the first model with every other of the same size and precision."""
    first = blocks[0]['model'] if blocks else None
    for one in blocks:
        for other in blocks:
            same = all(one[key] == other[key] for key in ('height', 'width', 'precision'))
            if same and one['model'] == first != other['model']:
                yield one, other


def _levels(blocks: Sequence[Tree]) -> list[int]:
    found = {part['level'] for times in blocks for part in times['parts']}
    return sorted(found - {None})


def _spent(times: Tree, level: int | None, parts: Sequence[str], what: str = 'ms') -> float:
    """Sum milliseconds or multiply-adds over parts of a level."""
    chosen = [part for part in times['parts'] if part['level'] == level and part['part'] in parts]
    return float(sum(part[what] for part in chosen))


def _case(times: Tree) -> tuple[str, str]:
    return name_of(times), size_of(times)
