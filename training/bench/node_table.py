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


"""The report of `python -m swiftnet_ros.benchmark` as a table."""

from collections.abc import Mapping
from typing import Any

from training.bench.markdown import megabytes, ms, NOTHING, ratio, table


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
    height, width = result['camera']
    rate = result['rate_hz']
    pace = 'each frame waits for the answer before' if rate is None else f'{rate:.1f} Hz'
    stages = ', '.join(f'{name} {ms(value)}' for name, value in result['stages_ms'].items())
    latencies = ' / '.join(ms(result[f'p{percent}_ms']) for percent in (50, 95, 99))
    ratios = ' / '.join(ratio(result[f'p{percent}_over_engine']) for percent in (50, 99))
    rounds = ', '.join(
        f'{ms(item["p50_ms"])} / {ms(item["engine_ms"])}' for item in result['rounds']
    )
    return [
        ('camera', f'{height}x{width}, {pace}'),
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
