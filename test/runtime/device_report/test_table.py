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

"""The tables of the report of a device."""

from swiftnet_ros.device_report.table import DeviceMeasurement, fastest, to_markdown


def measured(model, precision, miou, fps, int8_mode='', **more):
    """Return a measurement with round numbers."""
    ran = {'fp16': 'fp16', 'int8': 'int8+fp16'}[precision]
    times = {'p50_ms': 1000 / fps, 'p95_ms': 1100 / fps, 'precision': ran}
    report = {'miou': miou, 'fps': fps, **times}
    return DeviceMeasurement(model, precision, int8_mode, f'{model}.onnx', report, **more)


MEASUREMENTS = [
    measured('full', 'fp16', 0.7065, 16.4, build={'build_seconds': 412.6}),
    measured('full', 'int8', 0.706, 25.0, 'explicit'),
    measured('full', 'int8', 0.7012, 30.41, 'implicit'),
    measured('all', 'fp16', None, 37.4),
    DeviceMeasurement('all', 'int8', 'explicit', failure='it has no Einsum'),
]


def test_first_table_has_the_faster_int8_of_each_model():
    lines = to_markdown(MEASUREMENTS, {}).splitlines()
    assert lines[:4] == [
        '| model | FP16 mIoU | FPS | INT8 mIoU | FPS |',
        '|---|---|---|---|---|',
        '| full | 70.65 | 16.4 | 70.12 | 30.4 |',
        '| all | - | 37.4 | - | - |',
    ]
    assert fastest(MEASUREMENTS[1:3]) is MEASUREMENTS[2] and fastest(MEASUREMENTS[4:]) is None


def test_second_table_has_every_measurement():
    text = to_markdown(MEASUREMENTS, {})
    rows = [line for line in text.splitlines() if line.count('|') == 8]
    assert rows[2:] == [
        '| full FP16 | fp16 | 70.65 | 16.4 | 60.98 | 67.07 | 413 |',
        '| full INT8 explicit | int8+fp16 | 70.60 | 25.0 | 40.00 | 44.00 | - |',
        '| full INT8 implicit | int8+fp16 | 70.12 | 30.4 | 32.88 | 36.17 | - |',
        '| all FP16 | fp16 | - | 37.4 | 26.74 | 29.41 | - |',
    ]


def test_failures_and_the_device_are_listed():
    text = to_markdown(MEASUREMENTS, {'board': 'Jetson-AGX', 'power mode': 'MAXN'})
    assert 'Not measured:\n\n- all INT8 explicit: it has no Einsum\n' in text
    assert text.endswith('- board: Jetson-AGX\n- power mode: MAXN\n')
    assert 'Not measured' not in to_markdown(MEASUREMENTS[:4], {})
