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
"""Our arms beside the rows of another work's table, each against its own full network."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
import json
from pathlib import Path
from typing import Any

from swiftnet_ros.errors import FileMissingError
from training.report.runs import Arm
from training.report.table import ABSENT, markdown

_HEAD = (
    'row',
    'their parameters',
    'GMACs',
    'mIoU',
    'less than full',
    'speed-up',
    'our parameters',
    'GMACs',
    'mIoU',
    'less than full',
    'FP32 speed-up',
)


@dataclass(frozen=True)
class Reference:
    """A published table; its first row is the full network. mIoU is in percent."""

    source: str
    data: str
    device: str
    rows: Sequence[Mapping[str, Any]]


def read_reference(path: Path) -> Reference:
    """Read a table that was copied by hand into JSON, with its source."""
    if not path.is_file():
        raise FileMissingError(path, 'reference table')
    return Reference(**json.loads(path.read_text()))


def beside_table(arms: Sequence[Arm], reference: Reference) -> str:
    """Give a row for each row of the reference, with the arm that it names."""
    ours = {arm.name: arm for arm in arms}
    full = reference.rows[0]
    whole = _named(ours, full)
    rows = [_theirs(row, full) + _ours(_named(ours, row), whole) for row in reference.rows]
    words = f'Theirs: {reference.source}; {reference.data}, {reference.device}.'
    return f'{markdown(_HEAD, rows)}\n\n{words}'


def _theirs(row: Mapping[str, Any], full: Mapping[str, Any]) -> tuple[str, ...]:
    less = full['miou'] - row['miou']
    gain = row['fps'] / full['fps'] if row.get('fps') and full.get('fps') else None
    params = row.get('params')
    return (
        row['row'],
        ABSENT if params is None else grouped(params),
        _figure(row.get('gmacs')),
        _figure(row['miou']),
        '' if row is full else _figure(less),
        '' if row is full else _figure(gain),
    )


def _named(arms: Mapping[str, Arm], row: Mapping[str, Any]) -> Arm | None:
    """Give the arm of a row, which may name several: the first that is there."""
    names = [row['arm']] if isinstance(row['arm'], str) else row['arm']
    return next((arms[name] for name in names if name in arms), None)


def _ours(arm: Arm | None, full: Arm | None) -> tuple[str, ...]:
    if arm is None:
        return (ABSENT,) * 5
    miou = 100 * arm.mean('miou')
    less = None if full is None else 100 * full.mean('miou') - miou
    times = (full and full.latency('fp32_ms'), arm.latency('fp32_ms'))
    gain = times[0] / times[1] if times[0] and times[1] else None
    return (
        grouped(arm.mean('params')),
        _figure(arm.mean('gmacs')),
        _figure(miou),
        '' if arm is full else _figure(less),
        '' if arm is full else _figure(gain),
    )


def grouped(count: float) -> str:
    """Write a count with spaces between its thousands."""
    return f'{round(count):,}'.replace(',', ' ')


def _figure(value: float | None) -> str:
    return ABSENT if value is None else f'{value:.2f}'
