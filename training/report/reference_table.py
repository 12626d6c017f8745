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

"""Compare our variants with the rows of a published table, each with its own full network."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
import json
from pathlib import Path

from swiftnet_ros.errors import FileMissingError
from training.profiling.tables import JsonTree, markdown_table
from training.report.runs import VariantResults
from training.report.table import grouped, NOT_MEASURED, number

_HEAD = (
    'row',
    'reference: parameters',
    'GMACs',
    'mIoU',
    'below full',
    'speed-up',
    'ours: parameters',
    'GMACs',
    'mIoU',
    'below full',
    'FP32 speed-up',
)


@dataclass(frozen=True)
class ReferenceTable:
    """A published table; its first row is the full network. mIoU is in percent."""

    source: str
    data: str
    device: str
    rows: Sequence[JsonTree]


def read_reference(path: Path) -> ReferenceTable:
    """Read a published table, copied by hand into JSON."""
    if not path.is_file():
        raise FileMissingError(path, 'reference table')
    return ReferenceTable(**json.loads(path.read_text()))


def comparison_table(variants: Sequence[VariantResults], reference: ReferenceTable) -> str:
    """Return each row of the reference with the variant that its key `arm` names."""
    ours = {variant.name: variant for variant in variants}
    full = reference.rows[0]
    our_full = _find_variant(ours, full)
    rows = [
        _reference_cells(row, full) + _our_cells(_find_variant(ours, row), our_full)
        for row in reference.rows
    ]
    origin = f'Reference: {reference.data}, {reference.device}.'
    return f'{markdown_table(_HEAD, rows)}\n\n{origin}'


def _reference_cells(row: JsonTree, full: JsonTree) -> tuple[str, ...]:
    loss = full['miou'] - row['miou']
    speed_up = row['fps'] / full['fps'] if row.get('fps') and full.get('fps') else None
    params = row.get('params')
    return (
        row['row'],
        NOT_MEASURED if params is None else grouped(params),
        number(row.get('gmacs')),
        number(row['miou']),
        '' if row is full else number(loss),
        '' if row is full else number(speed_up),
    )


def _find_variant(variants: Mapping[str, VariantResults], row: JsonTree) -> VariantResults | None:
    """Return the first existing variant of those that a row names."""
    names = [row['arm']] if isinstance(row['arm'], str) else row['arm']
    return next((variants[name] for name in names if name in variants), None)


def _our_cells(variant: VariantResults | None, full: VariantResults | None) -> tuple[str, ...]:
    if variant is None:
        return (NOT_MEASURED,) * 5
    miou = 100 * variant.mean('miou')
    loss = None if full is None else 100 * full.mean('miou') - miou
    slow, fast = full and full.latency('fp32_ms'), variant.latency('fp32_ms')
    speed_up = slow / fast if slow and fast else None
    return (
        grouped(variant.mean('params')),
        number(variant.mean('gmacs')),
        number(miou),
        '' if variant is full else number(loss),
        '' if variant is full else number(speed_up),
    )
