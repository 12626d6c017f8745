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

"""Markdown tables of milliseconds per pyramid level and block, and of their speed-ups."""

from collections.abc import Iterator, Sequence

from training.profiling.pyramid_graph import DECODER, LEVEL_PARTS
from training.profiling.tables import (
    JsonTree,
    markdown_table,
    ms,
    name_of,
    NOTHING,
    ratio,
    size_of,
)

_COMPARED = ('stem', 'block 1', 'block 2', 'block 3', 'block 4')


def block_table(result: JsonTree) -> str:
    """
    Return the milliseconds of each level's blocks, of the decoder, and of the forward pass.

    `remainder` is the time of the forward pass between operations.
    """
    blocks = result['blocks']
    rows = [_level_row(level, times) for level in _levels(blocks) for times in blocks]
    for times in blocks:
        for name, spent in (
            (DECODER, _sum(times, None, [DECODER])),
            ('remainder', times['remainder_ms']),
            ('forward pass', times['forward_ms']),
        ):
            empty = [NOTHING] * len(LEVEL_PARTS)
            rows.append((name, name_of(times), size_of(times), *empty, ms(spent)))
    return markdown_table(('level', 'model', 'size', *LEVEL_PARTS, 'sum'), rows)


def level_table(result: JsonTree) -> str:
    """Return the speed-up of every model over the first one, for each block of each level."""
    blocks = result['blocks']
    rows = [
        row
        for one, other in _pairs(blocks)
        for level in [*_levels([one]), None]
        for row in _speed_up_rows(one, other, level)
    ]
    head = (
        'level', 'part', 'network', 'ms', 'compared with', 'ms', 'speed-up', 'GMAC ratio',
        'realized', 'realized in the best rounds',
    )  # fmt: skip
    return markdown_table(head, rows)


def _level_row(level: int, times: JsonTree) -> tuple[str, ...]:
    spent = [_sum(times, level, [part]) for part in LEVEL_PARTS]
    return (str(level), name_of(times), size_of(times), *map(ms, spent), ms(sum(spent)))


def _speed_up_rows(one: JsonTree, other: JsonTree, level: int | None) -> Iterator[tuple[str, ...]]:
    if level is None:
        yield _speed_up_row(one, other, None, DECODER, [DECODER])
        return
    for part in _COMPARED:
        yield _speed_up_row(one, other, level, part, [part])
    yield _speed_up_row(one, other, level, 'whole level', LEVEL_PARTS)


def _speed_up_row(
    one: JsonTree, other: JsonTree, level: int | None, name: str, parts: Sequence[str]
) -> tuple[str, ...]:
    slow, fast = _sum(one, level, parts), _sum(other, level, parts)
    gmac_ratio = _ratio(one, other, level, parts, 'gmacs')
    best = _ratio(one, other, level, parts, 'best_ms')
    return (
        NOTHING if level is None else str(level), name, name_of(one), ms(slow), name_of(other),
        ms(fast), ratio(slow / fast), ratio(gmac_ratio), ratio(slow / fast / gmac_ratio),
        ratio(best / gmac_ratio),
    )  # fmt: skip


def _ratio(
    one: JsonTree, other: JsonTree, level: int | None, parts: Sequence[str], key: str
) -> float:
    return _sum(one, level, parts, key) / _sum(other, level, parts, key)


def _pairs(blocks: Sequence[JsonTree]) -> Iterator[tuple[JsonTree, JsonTree]]:
    """Yield pairs of the first model and every other of the same size and precision."""
    first = blocks[0]['model'] if blocks else None
    for one in blocks:
        for other in blocks:
            same = all(one[key] == other[key] for key in ('height', 'width', 'precision'))
            if same and one['model'] == first != other['model']:
                yield one, other


def _levels(blocks: Sequence[JsonTree]) -> list[int]:
    found = {part['level'] for times in blocks for part in times['parts']}
    return sorted(found - {None})


def _sum(times: JsonTree, level: int | None, parts: Sequence[str], key: str = 'ms') -> float:
    """Return the sum of milliseconds or GMACs over some parts of a level."""
    chosen = [part for part in times['parts'] if part['level'] == level and part['part'] in parts]
    return float(sum(part[key] for part in chosen))
