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

"""The benchmark of the Segmenter alone: right figures without ROS, one-line errors."""

import json
import sys

import cv2
import numpy as np
import pytest
from rendered_set import write_rendered_set
from swiftnet_ros import benchmark
from swiftnet_ros.benchmark_report import versions
from swiftnet_ros.engines.open_engine import open_engine
from swiftnet_ros.metrics import class_iou, confusion_matrix, mean_iou
from swiftnet_ros.segmenter import Segmenter
from tiny_model import write_tiny_model


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Write a model and five pictures with labels; make an import of ROS an error."""
    monkeypatch.setitem(sys.modules, 'rclpy', None)
    write_tiny_model(tmp_path / 'tiny.onnx')
    write_rendered_set(tmp_path)
    return tmp_path


def run(folder, *more):
    """Run the benchmark on a folder without ROS; give the exit code."""
    arguments = ['--no-ros', '--images', str(folder / 'images'), *more]
    if '--model' not in more:
        arguments += ['--model', str(folder / 'tiny.onnx'), '--precision', 'fp32']
    return benchmark.main(arguments)


def report_of(capsys):
    """Read the one JSON object that is the last line."""
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def expected_matrix(folder):
    """Count all pixels of the folder by hand."""
    total = np.zeros((5, 6), np.int64)
    with open_engine(folder / 'tiny.onnx', precision='fp32') as engine:
        for path in sorted((folder / 'images').iterdir()):
            rgb = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
            truth = cv2.imread(str(folder / 'labels' / path.name), cv2.IMREAD_UNCHANGED)
            total += confusion_matrix(truth, Segmenter(engine).segment(rgb).labels, 5)
    return total


def test_miou_is_that_of_one_confusion_matrix_over_all_pictures(folder, capsys):
    assert run(folder, '--labels', str(folder / 'labels')) == 0
    report, matrix = report_of(capsys), expected_matrix(folder)
    assert report['miou'] == mean_iou(matrix)
    assert list(report['iou'].values()) == class_iou(matrix)
    assert list(report['iou']) == [f'class{i}' for i in range(5)]
    assert 0.2 < report['miou'] < 1.0


def test_the_report_holds_every_figure(folder, capsys):
    assert run(folder, '--repeat', '3') == 0
    report = report_of(capsys)
    assert (report['sent'], report['received'], report['dropped']) == (15, 15, 0)
    assert 0 < report['p50_ms'] <= report['p95_ms'] <= report['p99_ms']
    assert report['engine_ms'] > 0 and report['fps'] > 0
    assert (report['precision'], report['engine']) == ('fp32', 'openvino')
    assert report['miou'] is None and report['iou'] is None
    assert (report['input_height'], report['input_width'], report['model']) == (48, 64, 'tiny')
    assert report['cpu'] and report['versions'] == versions()
    assert report['versions']['numpy'] == np.__version__


@pytest.mark.parametrize(
    ('more', 'error'),
    [
        (['--model', 'nowhere'], "model not found: 'nowhere'"),
        (['--labels', '/nowhere'], 'folder of labels not found: /nowhere'),
        (['--images', '/nowhere'], 'folder of images not found: /nowhere'),
        (['--images', '{empty}'], 'no images in '),
        (['--labels', '{labels}', '--images', '{more}'], 'no label for image '),
        (['--labels', '{wrong}'], 'holds label ids 77, the class table has 0 to 4'),
        (['--labels', '{small}'], 'is 3x3 pixels, expected 80x60'),
        (['--repeat', '0'], '--repeat is 0, expected at least 1'),
        (['--rate', '10'], '--rate is 10.0, expected no rate together with --no-ros'),
        (['--rate', '-1'], '--rate is -1.0, expected frames per second above 0'),
        (['--engine', 'openvin'], "unknown engine 'openvin'; did you mean 'openvino'?"),
    ],
)
def test_mistakes_are_one_line_and_exit_code_1(folder, tmp_path, capsys, more, error):
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
