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


import json

import cv2
from helpers.fake_machine import FakeMachine
from helpers.gpu_networks import blocks, write_gpu_pair
from helpers.tiny_quantized import export_tiny, WIDTHS
import pytest
from swiftnet_ros.benchmark import __main__ as benchmark
from swiftnet_ros.device_report.table import DeviceMeasurement
from swiftnet_ros.errors import UnreadableFileError
from swiftnet_ros.model_spec import read_model
from training.__main__ import main
from training.profiling.pyramid_graph import graph_positions, GraphPosition, position_of_layers
from training.profiling.report import TABLES, with_updated_tables
from training.schema.config import ModelConfig

LEVEL = '/network/encoder/stages.1.0'


def measured(precision, way, fps, **changes):
    report = {
        'model': 'full', 'input_height': 1024, 'input_width': 2048, 'precision': precision,
        'fps': fps, 'p50_ms': 1000 / fps, 'p95_ms': 1000 / fps, 'engine_ms': 500 / fps,
        'golden_agreement': None, 'gpu_memory_mb': 612.5, **changes,
    }  # fmt: skip
    done = DeviceMeasurement('full', precision, way, 'full.onnx', report, {'build_seconds': 41.5})
    return done.to_tree()


@pytest.fixture
def result():
    failed = DeviceMeasurement('full', 'fp16', '', 'full.onnx', failure='no | memory').to_tree()
    layers = {
        f'{LEVEL}/conv1/Conv + {LEVEL}/Relu': 2.0,
        f'{LEVEL}/conv1/Conv/weight_QuantizeLinear + {LEVEL}/conv2_1/Conv': 1.0,
        'Reformatting CopyNode for Input Tensor 0 to /network/head/head.2/Conv': 0.25,
        '(Unnamed Layer* 3) [Shuffle]': 0.5,
    }
    runs = [
        measured('fp32', '', 20.0, layers_ms=layers),
        failed,
        measured('int8', 'explicit', 80.0, golden_agreement=0.98765),
        measured('int8', 'implicit', 100.0),
    ]
    return {'device': {'GPU': 'NVIDIA X'}, 'runs': runs}


def rows(text):
    head, _, *body = [line.strip('| ').split(' | ') for line in text.splitlines()]
    return [dict(zip(head, row)) for row in body]


def test_xavier_table_has_the_faster_int8(result):
    (row,) = rows(TABLES['xavier'](result))
    assert row == {
        'network': 'full 2048x1024',
        'FP32 FPS': '20.0',
        'FP16 FPS': '-',
        'INT8 FPS': '100.0 (implicit)',
    }


def test_device_table_has_every_engine_or_its_failure(result):
    fp32, fp16, explicit, _ = rows(TABLES['device'](result))
    assert (fp32['frame ms'], fp32['engine ms'], fp32['GPU MB']) == ('50.0', '25.0', '612')
    assert (fp32['golden labels'], fp32['build s']) == ('-', '41.5')
    assert fp16['layers in'] == 'not measured: no / memory'
    assert (explicit['precision'], explicit['golden labels']) == ('INT8 explicit', '98.77 %')


def test_blocks_are_summed_by_level_and_part(result):
    first, second, rest = rows(TABLES['device_blocks'](result))
    assert (first['level'], first['block 2'], first['sum']) == ('0', '2.00', '2.00')
    assert (second['level'], second['block 2']) == ('1', '1.00')
    assert (rest['level'], rest['decoder'], rest['other']) == ('-', '0.25', '0.50')


def test_every_convolution_has_the_position_of_the_graph(tmp_path):
    model = read_model(export_tiny(tmp_path, ModelConfig('pyramid', 'resnet18', WIDTHS, 3, 8, 4)))
    positions = graph_positions(model)
    names = [node.name for node in model.graph.node if node.op_type == 'Conv']
    assert len(names) > 60
    assert [position_of_layers(name) for name in names] == [positions[name] for name in names]
    assert position_of_layers(' + '.join(names[:1])) == GraphPosition(0, 'stem')


def test_tables_of_a_pattern_are_drawn_for_each_file(result, tmp_path):
    document = tmp_path / 'doc.md'
    document.write_text('<!-- bench gpu/*.json xavier -->\n<!-- end bench -->\n')
    assert 'Not run yet: there is no gpu/*.json.' in with_updated_tables(document)
    (tmp_path / 'gpu').mkdir()
    for name in ('b', 'a'):
        (tmp_path / 'gpu' / f'{name}.json').write_text(json.dumps(result))
    text = with_updated_tables(document)
    assert text.index('`a.json`:') < text.index('`b.json`:')
    assert text.count('| full 2048x1024 | 20.0 | - | 100.0 (implicit) |') == 2
    assert main(['bench', '--tables', str(document)]) == 0
    assert document.read_text() == text
    (tmp_path / 'gpu' / 'c.json').write_text('{"runs": [1]}')
    with pytest.raises(UnreadableFileError, match=r'c\.json'):
        with_updated_tables(document)


def test_tables_are_drawn_from_a_measurement_with_the_fake_gpu(monkeypatch, tmp_path, capsys):
    FakeMachine(monkeypatch)
    model = write_gpu_pair(tmp_path)
    (tmp_path / 'images').mkdir()
    cv2.imwrite(str(tmp_path / 'images' / 'a.png'), blocks(40, 60))
    from swiftnet_ros import build_engine

    words = [str(model), '--precision', 'fp16', '--cache', str(tmp_path / 'cache'), '--json']
    assert build_engine.main(words) == 0
    build = json.loads(capsys.readouterr().out.splitlines()[-1])
    given = ['--no-ros', '--profile', '--images', str(tmp_path / 'images')]
    assert benchmark.main(['--model', build['engine'], *given]) == 0
    report = json.loads(capsys.readouterr().out.splitlines()[-1])
    done = DeviceMeasurement('three', 'fp16', '', model.name, report, build)
    (row,) = rows(TABLES['device']({'device': {}, 'runs': [done.to_tree()]}))
    assert row['network'] == 'three 128x96' and float(row['golden labels'].split()[0]) > 97
    (parts,) = rows(TABLES['device_blocks']({'device': {}, 'runs': [done.to_tree()]}))
    assert parts['other'] == parts['sum'] == '8.00'
