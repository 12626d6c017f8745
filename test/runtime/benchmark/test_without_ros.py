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

"""The benchmark without ROS: its numbers, and one-line errors."""

import json
import sys

import cv2
from helpers.rendered_set import write_rendered_set
from helpers.tiny_model import write_tiny_model
import numpy as np
import pytest
from swiftnet_ros.backends.registry import open_backend
from swiftnet_ros.benchmark import __main__ as benchmark
from swiftnet_ros.benchmark.measurement import EngineTimes, Measurement, NodeUsage
from swiftnet_ros.benchmark.report import report, Round, versions
from swiftnet_ros.core.metrics import class_iou, confusion_matrix, mean_iou
from swiftnet_ros.model_spec import read_spec
from swiftnet_ros.segmenter import Segmenter


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return a folder with a model and five labeled images; importing ROS is an error."""
    monkeypatch.setitem(sys.modules, 'rclpy', None)
    write_tiny_model(tmp_path / 'tiny.onnx')
    write_rendered_set(tmp_path)
    return tmp_path


def run(folder, *more):
    """Run the benchmark on a folder without ROS and return the exit code."""
    arguments = ['--no-ros', '--images', str(folder / 'images'), *more]
    if '--model' not in more:
        arguments += ['--model', str(folder / 'tiny.onnx'), '--precision', 'fp32']
    return benchmark.main(arguments)


def report_of(capsys):
    """Return the JSON object of the last line."""
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def expected_matrix(folder):
    """Return the confusion matrix of the folder."""
    total = np.zeros((5, 6), np.int64)
    with open_backend(folder / 'tiny.onnx', precision='fp32') as engine:
        for path in sorted((folder / 'images').iterdir()):
            rgb = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
            truth = cv2.imread(str(folder / 'labels' / path.name), cv2.IMREAD_UNCHANGED)
            total += confusion_matrix(truth, Segmenter(engine).segment(rgb).labels, 5)
    return total


def test_miou_is_that_of_one_confusion_matrix_over_all_images(folder, capsys):
    assert run(folder, '--labels', str(folder / 'labels')) == 0
    found, matrix = report_of(capsys), expected_matrix(folder)
    assert found['miou'] == mean_iou(matrix)
    assert list(found['iou'].values()) == class_iou(matrix)
    assert list(found['iou']) == [f'class{i}' for i in range(5)]
    assert 0.2 < found['miou'] < 1.0


def test_report_has_every_number(folder, capsys):
    assert run(folder, '--repeat', '3') == 0
    found = report_of(capsys)
    assert (found['sent'], found['received'], found['dropped']) == (15, 15, 0)
    assert 0 < found['p50_ms'] <= found['p95_ms'] <= found['p99_ms']
    assert 0 < found['engine_ms'] < found['pipeline_ms'] and found['fps'] > 0
    assert found['p50_over_engine'] == found['p50_ms'] / found['engine_ms']
    assert found['memory_mb'] is None and found['rate_hz'] is None
    assert (found['precision'], found['engine']) == ('fp32', 'openvino')
    assert found['miou'] is None and found['iou'] is None
    assert (found['input_height'], found['input_width'], found['model']) == (48, 64, 'tiny')
    assert found['cpu'] and found['versions'] == versions()
    assert found['versions']['numpy'] == np.__version__


def test_images_are_stretched_to_the_size_of_a_camera(folder, capsys):
    assert run(folder, '--size', '123x45', '--json', str(folder / 'out.json')) == 0
    found = report_of(capsys)
    assert found['camera'] == [45, 123]
    assert json.loads((folder / 'out.json').read_text()) == found


def round_of(engine_ms, latencies, seconds, memory):
    """Return a round with one dropped frame."""
    measurement = Measurement(3, len(latencies) + 1, seconds, latencies, memory_mb=memory)
    return Round(measurement, EngineTimes(engine_ms, engine_ms + 1, 2 * engine_ms))


def test_ratios_are_medians_of_the_rounds_and_growth_is_since_the_middle(folder):
    rounds = [
        round_of(10.0, [20.0, 20.0, 40.0], 0.1, [50.0, 300.0]),
        round_of(20.0, [30.0] * 4, 0.1, [301.0, 301.0]),
        round_of(40.0, [50.0] * 3, 0.1, [303.0, 305.0]),
    ]
    found = report(rounds, read_spec(folder / 'tiny.onnx'))
    assert (found['sent'], found['received'], found['dropped']) == (13, 10, 3)
    assert found['p50_ms'] == 30.0
    assert (found['engine_ms'], found['pipeline_ms']) == (20.0, 21.0)
    assert found['p50_over_engine'] == 1.5
    assert found['fps_over_engine'] == pytest.approx(0.8)
    assert (found['memory_mb'], found['memory_growth_mb']) == (305.0, 3.0)


def test_what_a_node_uses_besides_its_engine_is_a_median_of_the_rounds(folder):
    rounds = [round_of(10.0, [20.0], 0.1, [50.0]) for _ in range(4)]
    spec = read_spec(folder / 'tiny.onnx')
    assert report(rounds, spec)['usage'] is None
    # 40, 31 and 25 ms for each label image, 20 of them for the engine; no label image in the last.
    used = (
        NodeUsage(2.0, 50, 2.0, 100),
        NodeUsage(2.0, 50, 1.55, 0),
        NodeUsage(2.0, 40, 1.0, 400),
    )
    for item, usage in zip(rounds, (*used, NodeUsage(2.0, 0, 0.1, 7))):
        item.measurement.usage = usage
    assert report(rounds, spec)['usage'] == pytest.approx(
        {
            'cpu_ms': 31.0,
            'engine_cpu_ms': 20.0,
            'besides_engine_ms': 11.0,
            # 0.5, 0.275 and 0.1
            'besides_engine_cores': 0.275,
            'page_faults': 2.0,
        }
    )


@pytest.mark.parametrize(
    ('more', 'error'),
    [
        (['--model', 'nowhere'], "model not found: 'nowhere'"),
        (['--labels', '/nowhere'], 'folder of labels not found: /nowhere'),
        (['--images', '/nowhere'], 'folder of images not found: /nowhere'),
        (['--images', '{empty}'], 'no images in '),
        (
            ['--labels', '{labels}', '--images', '{more}'],
            '0 pairs; images without a label: 1 (new.png)',
        ),
        (['--labels', '{wrong}'], 'contains label ids 77, the class table has 0 to 4'),
        (['--labels', '{small}'], 'is 3x3 pixels, expected 80x60'),
        (['--repeat', '0'], '--repeat is 0, expected 1 to 1000000'),
        (['--repeat', '9' * 20], '99999, expected 1 to 1000000'),
        (['--rate', '10'], '--rate cannot be combined with --no-ros'),
        (['--rate', '-1'], '--rate is -1.0, expected a number above 0'),
        (['--overload', '2'], '--overload cannot be combined with --no-ros'),
        (['--seconds', '0'], '--seconds is 0.0, expected a number above 0'),
        (['--seconds', '3'], '--seconds also needs --rate or --overload'),
        (['--rounds', '0'], '--rounds is 0, expected 1 to 1000000'),
        (['--cameras', '17'], '--cameras is 17, expected 1 to 16'),
        (['--cameras', '2'], '--cameras also needs --rate or --overload'),
        (['--size', '3'], "--size is '3', expected WIDTHxHEIGHT of 1 to 16384"),
        (['--json', '/nowhere/out.json'], 'folder not found: /nowhere'),
        (['--engine', 'openvin'], "unknown engine 'openvin'; did you mean 'openvino'?"),
    ],
)
def test_errors_are_one_line_and_exit_code_1(folder, tmp_path, capsys, more, error):
    for name in ('empty', 'more', 'wrong', 'small'):
        (tmp_path / name).mkdir()
    cv2.imwrite(str(tmp_path / 'more' / 'new.png'), np.zeros((3, 3, 3), np.uint8))
    for index in range(5):
        wrong, small = np.full((60, 80), 77, np.uint8), np.zeros((3, 3), np.uint8)
        cv2.imwrite(str(tmp_path / 'wrong' / f'{index:02}.png'), wrong)
        cv2.imwrite(str(tmp_path / 'small' / f'{index:02}.png'), small)
    names = {path.name: str(path) for path in tmp_path.iterdir()}
    assert run(folder, *(word.format(**names) for word in more)) == 1
    printed = capsys.readouterr()
    assert printed.out == '' and error in printed.err
    assert printed.err.startswith('error: ') and printed.err.count('\n') == 1


def test_unpaired_files_are_an_error_unless_allowed(folder, capsys):
    (folder / 'labels' / 'more.png').write_bytes(next((folder / 'labels').iterdir()).read_bytes())
    assert run(folder, '--labels', str(folder / 'labels')) == 1
    assert 'labels without an image: 1 (more.png)' in capsys.readouterr().err
    assert run(folder, '--labels', str(folder / 'labels'), '--allow-unpaired') == 0
    assert report_of(capsys)['sent'] == 5


def test_masks_of_0_and_255_are_a_warning(folder, capsys):
    for path in (folder / 'labels').iterdir():
        label = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        cv2.imwrite(str(path), np.where(label == 0, 0, 255).astype(np.uint8))
    assert run(folder, '--labels', str(folder / 'labels')) == 0
    warnings = [line for line in capsys.readouterr().err.splitlines() if 'warning' in line]
    assert len(warnings) == 1
    assert 'no pixel of the labels of --labels is of class class1, class2, class3' in warnings[0]
    assert 'as in masks of 0 and 255, write class ids into the label images' in warnings[0]
