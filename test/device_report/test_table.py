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

"""The tables of a device's report, from figures that are given."""

from swiftnet_ros.device_report.table import fastest, Measured, to_markdown


def measured(model, precision, miou, fps, way='', **more):
    """Give a run with round figures."""
    ran = {'fp16': 'fp16', 'int8': 'int8+fp16'}[precision]
    figures = {'p50_ms': 1000 / fps, 'p95_ms': 1100 / fps, 'precision': ran}
    report = {'miou': miou, 'fps': fps, **figures}
    return Measured(model, precision, way, f'{model}.onnx', report, **more)


RUNS = [
    measured('full', 'fp16', 0.7065, 16.4, build={'build_seconds': 412.6}),
    measured('full', 'int8', 0.706, 25.0, 'explicit'),
    measured('full', 'int8', 0.7012, 30.41, 'implicit'),
    measured('all', 'fp16', None, 37.4),
    Measured('all', 'int8', 'explicit', failure='it has no Einsum'),
]


def test_the_first_table_is_the_seminars_with_the_faster_way_to_int8():
    lines = to_markdown(RUNS, {}).splitlines()
    assert lines[:4] == [
        '| model | FP16 mIoU | FPS | INT8 mIoU | FPS |',
        '|---|---|---|---|---|',
        '| full | 70.65 | 16.4 | 70.12 | 30.4 |',
        '| all | - | 37.4 | - | - |',
    ]
    assert fastest(RUNS[1:3]) is RUNS[2] and fastest(RUNS[4:]) is None


def test_the_second_table_has_every_run_as_it_really_was():
    text = to_markdown(RUNS, {})
    rows = [line for line in text.splitlines() if line.count('|') == 8]
    assert rows[2:] == [
        '| full FP16 | fp16 | 70.65 | 16.4 | 60.98 | 67.07 | 413 |',
        '| full INT8 explicit | int8+fp16 | 70.60 | 25.0 | 40.00 | 44.00 | - |',
        '| full INT8 implicit | int8+fp16 | 70.12 | 30.4 | 32.88 | 36.17 | - |',
        '| all FP16 | fp16 | - | 37.4 | 26.74 | 29.41 | - |',
    ]


def test_what_failed_and_what_it_ran_on_are_said():
    text = to_markdown(RUNS, {'board': 'Jetson-AGX', 'power mode': 'MAXN'})
    assert 'Not measured:\n\n- all INT8 explicit: it has no Einsum\n' in text
    assert text.endswith('- board: Jetson-AGX\n- power mode: MAXN\n')
    assert 'Not measured' not in to_markdown(RUNS[:4], {})
