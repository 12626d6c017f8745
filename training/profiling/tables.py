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

"""Markdown tables of a profiling result: cases, pairs, blocks, CPU peak, and the ROS node."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from swiftnet_ros.system.image_size import format_size
from training.profiling.pyramid_graph import DECODER, LEVEL_PARTS

# A result, or an object in it, as `bench --json` writes them.
JsonTree = Mapping[str, Any]

NOTHING = '-'
# The parts of a pyramid level in which two models are compared, by row of the table.
_SINGLE = ('stem', 'block 1', 'block 2', 'block 3', 'block 4')
_COMPARED = {**{part: (part,) for part in _SINGLE}, 'whole level': LEVEL_PARTS}


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ['---'] * len(head), *rows]
    return '\n'.join(f'| {" | ".join(line)} |' for line in lines)


def ms(value: float | None) -> str:
    """Return milliseconds with three significant digits."""
    if value is None:
        return NOTHING
    return f'{value:.0f}' if value >= 100 else f'{value:.1f}' if value >= 10 else f'{value:.2f}'


def ratio(value: float | None) -> str:
    """Return a ratio, or a count of similar size."""
    return NOTHING if value is None else f'{value:.2f}'


def megabytes(value: float | None) -> str:
    """Return a size in 1e6 bytes."""
    return NOTHING if value is None else f'{value:.0f}' if value >= 100 else f'{value:.1f}'


def percent(fraction: float) -> str:
    """Return a fraction as a percentage."""
    return f'{100 * fraction:.1f} %'


def name_of(case: JsonTree) -> str:
    """Return model and precision."""
    return f'{case["model"]} {case["precision"]}'


def size_of(case: JsonTree) -> str:
    """Return the size of the network's input, WIDTHxHEIGHT."""
    return format_size((case['height'], case['width']))


def latency_table(result: JsonTree) -> str:
    """Return every case: engine and pipeline latency, throughput of convolutions, memory, size."""
    head = (
        'model', 'size', 'precision', 'GMACs', 'engine ms', 'p95', 'best', 'camera',
        'pipeline ms', 'p95', 'pipeline / engine', 'conv GMAC/s', 'peak MB', 'file MB',
    )  # fmt: skip
    rows = []
    for case in result['cases']:
        engine = case['engine_ms']
        for line in case['pipelines']:
            pipeline = line['pipeline_ms']
            rows.append((
                case['model'], size_of(case), case['used_precision'], ratio(case['gmacs']),
                ms(engine['median']), ms(engine['p95']), ms(engine['best']),
                format_size(line['camera']), ms(pipeline['median']), ms(pipeline['p95']),
                ratio(line['over_engine']), f'{case["conv_gmacs_per_second"]:.0f}',
                megabytes(case['peak_mb']), megabytes(case['file_mb']),
            ))  # fmt: skip
    return markdown_table(head, rows)


def short_table(result: JsonTree) -> str:
    """Return the main figures of every case: latency, throughput, memory."""
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
    cameras = [f'pipeline ms, {format_size(line["camera"])} frame' for line in lines]
    head = ('network', 'input', 'precision', 'engine ms', 'FPS', *cameras, 'peak MB')
    return markdown_table(head, rows)


def pair_table(result: JsonTree) -> str:
    """Return the speed-up of each pair of cases, the ratio of their GMACs, and the quotient."""
    head = (
        'network', 'compared with', 'size', 'speed-up', '10 to 90 % of rounds', 'of CPU time',
        'GMAC ratio', 'realized',
    )  # fmt: skip
    rows = [
        (
            name_of(pair['of']), name_of(pair['over']), size_of(pair['of']),
            ratio(pair['speed_up']), f'{ratio(pair["low"])} to {ratio(pair["high"])}',
            ratio(pair['cpu_speed_up']), ratio(pair['gmac_ratio']), ratio(pair['realised']),
        )
        for pair in result['pairs']
    ]  # fmt: skip
    return markdown_table(head, rows)


def cpu_peak_table(result: JsonTree) -> str:
    """Return the throughput of every case's convolutions as a percentage of the CPU's peak."""
    peaks = {item['precision']: item for item in result['ceilings']}
    side = next((item['side'] for item in result['ceilings']), 0)
    rows = [
        (
            case['model'], size_of(case), case['precision'], ms(case['engine_ms']['median']),
            f'{case["conv_gmacs_per_second"]:.0f}', f'{peak["gmacs_per_second"]:.0f}',
            f'{100 * case["conv_gmacs_per_second"] / peak["gmacs_per_second"]:.0f} %',
        )
        for case in result['cases']
        if (peak := peaks.get(case['precision']))
    ]  # fmt: skip
    head = (
        'model', 'size', 'precision', 'engine ms', 'conv GMAC/s',
        f'MatMul {side}x{side}x{side}, GMAC/s', 'of this peak',
    )  # fmt: skip
    return markdown_table(head, rows)


def shared_engine_table(result: JsonTree) -> str:
    """Return latency and memory of several cameras that take turns on one engine."""
    rows = []
    for case in result['cases']:
        for turn in case.get('turns', ()):
            spent, count = turn['turn_ms'], turn['cameras']
            rows.append((
                name_of(case), size_of(case), str(count), ms(spent['median']), ms(spent['p95']),
                ms(spent['median'] / count), megabytes(turn['peak_mb']),
            ))  # fmt: skip
    head = ('network', 'size', 'cameras', 'ms for all', 'p95', 'ms each', 'peak MB')
    return markdown_table(head, rows)


def machine_table(result: JsonTree) -> str:
    """Return the machine and the versions of a measurement."""
    machine = result['machine']
    installed = {name: version for name, version in machine['versions'].items() if version}
    rows = [
        ('CPU', f'{machine["cpu"]}, {machine["cpus"]} CPUs, {machine["threads"]} threads used'),
        ('load before', f'{machine["load"]:.2f} processes'),
        ('rounds', str(result['repeats'])),
        ('CPU flags', ' '.join(machine['flags'])),
        ('versions', ', '.join(f'{name} {version}' for name, version in installed.items())),
    ]
    return markdown_table(('what', 'value'), rows)


def peer_table(result: JsonTree) -> str:
    """Return the comparison of this node and a plain one by `test/peer/compare.py`."""
    slow, fast = (f'{rate:g} Hz' for rate in result['rates_hz'])
    rows = [
        (
            item['name'], ms(item['engine_ms']), ms(item['p50_ms']), ms(item['p99_ms']),
            ms(item['cpu_ms']), f'{item["loaded_fps"]:.1f}', ms(item['loaded_p99_ms']),
            ms(item['loaded_cpu_ms']), megabytes(item['memory_mb']),
        )
        for item in result['contenders']
    ]  # fmt: skip
    head = (
        'node', 'network alone, ms', f'p50 at {slow}, ms', f'p99 at {slow}, ms',
        f'CPU at {slow}, ms a frame', f'labels/s at {fast}', f'p99 at {fast}, ms',
        f'CPU at {fast}, ms a label image', 'peak MB',
    )  # fmt: skip
    return markdown_table(head, rows)


def copies_table(result: JsonTree) -> str:
    """Return the steps of a frame from the middleware to its labels, and what each copies."""
    rows = [
        (item['step'], item['by'], f'{item["bytes"] / 1e6:.1f} MB', ms(item['cpu_ms']))
        for item in result['steps']
    ]
    return markdown_table(('step', 'by', 'bytes written', 'CPU ms'), rows)


def node_table(result: JsonTree) -> str:
    """Return a measurement of `swiftnet_ros.benchmark` over topics, or of its cold starts."""
    rows = _start_rows(result) if 'starts_s' in result else _topic_rows(result)
    return markdown_table(('what', 'value'), rows)


def _start_rows(result: JsonTree) -> list[tuple[str, str]]:
    starts = [
        (f'{name} start to first label, s', ', '.join(f'{value:.2f}' for value in values))
        for name, values in result['starts_s'].items()
    ]
    return [('model', f'{result["model"]} in {result["precision"]}'), *starts]


def _topic_rows(result: JsonTree) -> list[tuple[str, str]]:
    rate = result['rate_hz']
    pace = 'each frame waits for the previous result' if rate is None else f'{rate:.1f} Hz'
    stages = ', '.join(f'{name} {ms(value)}' for name, value in result['stages_ms'].items())
    latencies = ' / '.join(ms(result[f'p{percent}_ms']) for percent in (50, 95, 99))
    ratios = ' / '.join(ratio(result[f'p{percent}_over_engine']) for percent in (50, 99))
    rounds = ', '.join(
        f'{ms(item["p50_ms"])} / {ms(item["engine_ms"])}' for item in result['rounds']
    )
    number = result.get('cameras', 1)
    cameras = 'camera' if number == 1 else f'{number} cameras, each'
    return [
        (cameras, f'{format_size(result["camera"])}, {pace}'),
        ('frames sent, labels received', f'{result["sent"]}, {result["received"]}'),
        ('engine alone, frame to labels in memory, ms',
         f'{ms(result["engine_ms"])}, {ms(result["pipeline_ms"])}'),
        ('latency p50 / p95 / p99, stamp to reception, ms', latencies),
        ('latency p50 / p99 over the engine alone', ratios),
        ('latency p50 / engine alone in each round, ms', rounds),
        ('labels per second, over frames per second of the engine alone',
         f'{ratio(result["fps"])}, {ratio(result["fps_over_engine"])}'),
        ('memory of the node, growth until the end, MB',
         f'{megabytes(result["memory_mb"])}, {ratio(result["memory_growth_mb"])}'),
        ("medians of the node's own stages, ms", stages or NOTHING),
        *_usage_rows(result.get('usage')),
    ]  # fmt: skip


def _usage_rows(usage: JsonTree | None) -> list[tuple[str, str]]:
    """Return what the node's process used; files of before do not have it."""
    if usage is None:
        return []
    cpu = ', '.join(ms(usage[key]) for key in ('cpu_ms', 'engine_cpu_ms', 'besides_engine_ms'))
    return [
        ('CPU time of the node for a label image, of the engine alone, the difference, ms', cpu),
        ('the difference in a second, of one CPU', percent(usage['besides_engine_cores'])),
        ('page faults of the node for a label image', f'{usage["page_faults"]:.1f}'),
    ]


def block_table(result: JsonTree) -> str:
    """
    Return the milliseconds of each level's blocks, of the decoder, and of the forward pass.

    `remainder` is the time of the forward pass between operations.
    """
    blocks = result['blocks']
    rows = [_level_row(level, times) for level in _levels(blocks) for times in blocks]
    for times in blocks:
        for name, spent in (
            (DECODER, _block_sum(times, None, [DECODER])),
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
        _speed_up_row(one, other, level, name, parts)
        for one, other in _block_pairs(blocks)
        for level in [*_levels([one]), None]
        for name, parts in (_COMPARED if level is not None else {DECODER: (DECODER,)}).items()
    ]
    head = (
        'level', 'part', 'network', 'ms', 'compared with', 'ms', 'speed-up', 'GMAC ratio',
        'realized', 'realized in the best rounds',
    )  # fmt: skip
    return markdown_table(head, rows)


def _level_row(level: int, times: JsonTree) -> tuple[str, ...]:
    spent = [_block_sum(times, level, [part]) for part in LEVEL_PARTS]
    return (str(level), name_of(times), size_of(times), *map(ms, spent), ms(sum(spent)))


def _speed_up_row(
    one: JsonTree, other: JsonTree, level: int | None, name: str, parts: Sequence[str]
) -> tuple[str, ...]:
    slow, fast = _block_sum(one, level, parts), _block_sum(other, level, parts)
    gmac_ratio = _block_ratio(one, other, level, parts, 'gmacs')
    best = _block_ratio(one, other, level, parts, 'best_ms')
    return (
        NOTHING if level is None else str(level), name, name_of(one), ms(slow), name_of(other),
        ms(fast), ratio(slow / fast), ratio(gmac_ratio), ratio(slow / fast / gmac_ratio),
        ratio(best / gmac_ratio),
    )  # fmt: skip


def _block_ratio(
    one: JsonTree, other: JsonTree, level: int | None, parts: Sequence[str], key: str
) -> float:
    return _block_sum(one, level, parts, key) / _block_sum(other, level, parts, key)


def _block_pairs(blocks: Sequence[JsonTree]) -> Iterator[tuple[JsonTree, JsonTree]]:
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


def _block_sum(times: JsonTree, level: int | None, parts: Sequence[str], key: str = 'ms') -> float:
    """Return the sum of milliseconds or GMACs over some parts of a level."""
    chosen = [part for part in times['parts'] if part['level'] == level and part['part'] in parts]
    return float(sum(part[key] for part in chosen))
