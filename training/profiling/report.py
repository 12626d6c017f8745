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


"""The result of a bench as Markdown tables, on screen and in the documents that quote it."""

from collections.abc import Callable, Mapping
import json
from pathlib import Path
import re
from typing import Any

from swiftnet_ros.errors import FileMissingError, UnknownNameError
from swiftnet_ros.system.image_size import format_size
from training.profiling.scaling import scaling_table, series, slope_table, turn_table
from training.profiling.tables import (
    block_table,
    level_table,
    megabytes,
    ms,
    name_of,
    node_table,
    ratio,
    size_of,
    table,
)

_BLOCK = re.compile(
    r'(<!-- bench (?P<file>\S+) (?P<table>\S+) -->\n).*?(<!-- end bench -->)', re.DOTALL
)


def latency_table(result: Mapping[str, Any]) -> str:
    """Show each case: engine and pipeline in milliseconds, speed, memory, size."""
    head = (
        'model', 'size', 'precision', 'GMACs', 'engine ms', 'p95', 'best', 'camera',
        'pipeline ms', 'p95', 'pipeline / engine', 'conv GMAC/s', 'peak MB', 'file MB',
    )  # fmt: skip
    rows = []
    for case in result['cases']:
        engine = case['engine_ms']
        for line in case['pipelines']:
            spent, camera = line['pipeline_ms'], line['camera']
            rows.append((
                case['model'], size_of(case), case['used_precision'], ratio(case['gmacs']),
                ms(engine['median']), ms(engine['p95']), ms(engine['best']),
                format_size(camera), ms(spent['median']), ms(spent['p95']),
                ratio(line['over_engine']), f'{case["conv_gmacs_per_second"]:.0f}',
                megabytes(case['peak_mb']), megabytes(case['file_mb']),
            ))  # fmt: skip
    return table(head, rows)


def pair_table(result: Mapping[str, Any]) -> str:
    """Show the ratio of engine times, what of the multiply-adds was removed, and their ratio."""
    head = (
        'this', 'over this', 'size', 'speed-up', '10 to 90 % of rounds', 'of CPU time',
        'GMAC ratio', 'realised',
    )  # fmt: skip
    rows = [
        (
            name_of(pair['of']), name_of(pair['over']), size_of(pair['of']),
            ratio(pair['speed_up']), f'{ratio(pair["low"])} to {ratio(pair["high"])}',
            ratio(pair['cpu_speed_up']), ratio(pair['gmac_ratio']), ratio(pair['realised']),
        )
        for pair in result['pairs']
    ]  # fmt: skip
    return table(head, rows)


def ceiling_table(result: Mapping[str, Any]) -> str:
    """Show how near the convolutions come to the most that this CPU computes."""
    best = {item['precision']: item for item in result['ceilings']}
    side = next((item['side'] for item in result['ceilings']), 0)
    rows = [
        (
            case['model'], size_of(case), case['precision'], ms(case['engine_ms']['median']),
            f'{case["conv_gmacs_per_second"]:.0f}', f'{found["gmacs_per_second"]:.0f}',
            f'{100 * case["conv_gmacs_per_second"] / found["gmacs_per_second"]:.0f} %',
        )
        for case in result['cases']
        if (found := best.get(case['precision']))
    ]  # fmt: skip
    head = (
        'model', 'size', 'precision', 'engine ms', 'conv GMAC/s',
        f'MatMul {side}x{side}x{side}, GMAC/s', 'of it',
    )  # fmt: skip
    return table(head, rows)


def short_table(result: Mapping[str, Any]) -> str:
    """Show for each case what a user asks first: milliseconds, frames per second, memory."""
    rows = [
        (
            case['model'], size_of(case), case['used_precision'],
            ms(case['engine_ms']['median']), f'{1000 / case["engine_ms"]["median"]:.1f}',
            *(ms(line['pipeline_ms']['median']) for line in case['pipelines']),
            megabytes(case['peak_mb']),
        )
        for case in result['cases']
    ]  # fmt: skip
    lines = result['cases'][0]['pipelines'] if result['cases'] else []
    cameras = [f'{format_size(line["camera"])} frame to labels ms' for line in lines]
    head = ('network', 'input', 'precision', 'engine ms', 'FPS', *cameras, 'peak MB')
    return table(head, rows)


def machine_table(result: Mapping[str, Any]) -> str:
    """Show where and with what it was measured."""
    machine = result['machine']
    found = {name: version for name, version in machine['versions'].items() if version}
    rows = [
        ('CPU', f'{machine["cpu"]}, {machine["cpus"]} CPUs, {machine["threads"]} threads used'),
        ('load before', f'{machine["load"]:.2f} processes'),
        ('rounds', str(result['repeats'])),
        ('CPU flags', ' '.join(machine['flags'])),
        ('versions', ', '.join(f'{name} {version}' for name, version in found.items())),
    ]
    return table(('what', 'value'), rows)


TABLES: dict[str, Callable[[Mapping[str, Any]], str]] = {
    'latency': latency_table,
    'pairs': pair_table,
    'blocks': block_table,
    'levels': level_table,
    'ceilings': ceiling_table,
    'short': short_table,
    'scaling': scaling_table,
    'slopes': slope_table,
    'turns': turn_table,
    'node': node_table,
    'machine': machine_table,
}


def report(result: Mapping[str, Any]) -> str:
    """Show all tables of a result that have rows."""
    shown = ['latency', *(name for name in ('pairs',) if result['pairs'])]
    shown += ['blocks', 'levels'] if result['blocks'] else []
    shown += ['ceilings'] if result.get('ceilings') else []
    shown += ['scaling', 'slopes'] if any(series(result)) else []
    shown += ['turns'] if any(case.get('turns') for case in result['cases']) else []
    return '\n\n'.join(TABLES[name](result) for name in [*shown, 'machine'])


def rewrite_tables(document: Path) -> None:
    """Bring every table of a Markdown file up to date with the JSON file that it names."""
    document.write_text(with_tables(document))


def with_tables(document: Path) -> str:
    """
    Give a Markdown file's text with every table made anew.

    A table stands between `<!-- bench FILE.json TABLE -->` and `<!-- end bench -->`; FILE is
    relative to the document, TABLE one of `TABLES`.
    """
    if not document.is_file():
        raise FileMissingError(document, 'document')

    def drawn(match: re.Match[str]) -> str:
        start, end = match[1], match[4]
        return f'{start}{_drawn(document.parent / match["file"], match["table"])}\n{end}'

    return _BLOCK.sub(drawn, document.read_text())


def _drawn(path: Path, name: str) -> str:
    if name not in TABLES:
        raise UnknownNameError('bench table', name, TABLES)
    if not path.is_file():
        raise FileMissingError(path, 'result of bench')
    return TABLES[name](json.loads(path.read_text()))
