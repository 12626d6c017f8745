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


"""Markdown tables of a GPU, from the JSON that scripts/gpu_test.sh writes."""

from collections.abc import Iterator, Mapping, Sequence
import math
from typing import Any

from swiftnet_ros.system.image_size import format_size
from training.profiling.pyramid_graph import DECODER, LEVEL_PARTS, position_of_layers
from training.profiling.tables import JsonTree, markdown_table, megabytes, ms, NOTHING

_KINDS = ('fp32', 'fp16', 'int8 explicit', 'int8 implicit')
_HEADS = ('FP32', 'FP16', 'INT8 explicit', 'INT8 implicit')
_OTHER = 'other'


def xavier_table(result: JsonTree) -> str:
    """Return FPS as in the reference work's table of a Xavier; INT8 is the faster kind."""
    rows = []
    for name, runs in _by_network(result):
        int8 = {kind.split()[1]: _fps(runs.get(kind)) for kind in _KINDS if 'int8' in kind}
        kind = max(int8, key=lambda key: int8[key] or 0.0)
        cells = [_number(_fps(runs.get(k))) for k in ('fp32', 'fp16')]
        int8_text = NOTHING if int8[kind] is None else f'{_number(int8[kind])} ({kind})'
        rows.append([name, *cells, int8_text])
    return markdown_table(['network', 'FP32 FPS', 'FP16 FPS', 'INT8 FPS'], rows)


def device_table(result: JsonTree) -> str:
    """Return what each engine takes, from a frame to its labels, and that it predicts the same."""
    head = (
        'network', 'precision', 'layers in', 'frame ms', 'p95', 'engine ms', 'golden labels',
        'GPU MB', 'build s',
    )  # fmt: skip
    rows = []
    for name, runs in _by_network(result):
        for kind, title in zip(_KINDS, _HEADS):
            run = runs.get(kind)
            if run is None:
                continue
            if run['report'] is None:
                failure = str(run['failure']).replace('|', '/')
                rows.append([name, title, f'not measured: {failure}', *[NOTHING] * 6])
                continue
            report, golden = run['report'], run['report'].get('golden_agreement')
            rows.append([
                name,
                title,
                str(report['precision']),
                ms(report['p50_ms']),
                ms(report['p95_ms']),
                ms(report['engine_ms']),
                NOTHING if golden is None else f'{100 * golden:.2f} %',
                megabytes(report.get('gpu_memory_mb')),
                ms(run['build'].get('build_seconds')),
            ])  # fmt: skip
    return markdown_table(head, rows)


def device_block_table(result: JsonTree) -> str:
    """Return the milliseconds of every part of the pyramid, by TensorRT's profiler."""
    parts = [*LEVEL_PARTS[1:], DECODER, _OTHER]
    rows = []
    for name, runs in _by_network(result):
        for kind, title in zip(_KINDS, _HEADS):
            report = (runs.get(kind) or {}).get('report') or {}
            layers = report.get('layers_ms')
            if layers:
                rows += [[f'{name} {title}', *row] for row in _block_rows(layers, parts)]
    return markdown_table(['engine', 'level', *parts, 'sum'], rows)


def device_facts_table(result: JsonTree) -> str:
    """Return the device and its software."""
    return markdown_table(['what', 'value'], [[*item] for item in result['device'].items()])


def _block_rows(layers: Mapping[str, float], parts: Sequence[str]) -> Iterator[list[str]]:
    """Yield a row for each level; decoder and all that has no name of its own are the last."""
    sums: dict[tuple[int | None, str], float] = {}
    for name, spent in layers.items():
        position = position_of_layers(name)
        level, part = (position.level, position.part) if position else (None, _OTHER)
        sums[level, part] = sums.get((level, part), 0.0) + spent
    levels = {level for level, _ in sums}
    for level in sorted(levels, key=lambda item: math.inf if item is None else item):
        values = [sums.get((level, part)) for part in parts]
        total = sum(value for value in values if value is not None)
        yield ['-' if level is None else str(level), *map(ms, values), ms(total)]


def _by_network(result: JsonTree) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield networks with their input size, and their runs by precision."""
    found: dict[str, dict[str, Any]] = {}
    for run in result['runs']:
        kind = f'{run["precision"]} {run.get("way", "")}'.strip()
        found.setdefault(run['model'], {})[kind] = run
    for model, runs in found.items():
        report = next((run['report'] for run in runs.values() if run['report']), None)
        if report is None:
            yield model, runs
            continue
        size = format_size((report['input_height'], report['input_width']))
        yield f'{report["model"]} {size}', runs


def _fps(run: Mapping[str, Any] | None) -> float | None:
    report = (run or {}).get('report')
    return None if report is None else float(report['fps'])


def _number(value: float | None) -> str:
    return NOTHING if value is None else f'{value:.1f}'
