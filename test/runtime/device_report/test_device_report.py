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

"""The report of a device from real benchmarks, here of OpenVINO instead of TensorRT."""

import json
import os
import re
import subprocess
import sys
from types import SimpleNamespace

from helpers.checkout import ROOT
from helpers.rendered_set import write_rendered_set
from helpers.tiny_model import write_tiny_model
import numpy as np
import onnx
from onnx import helper, numpy_helper, TensorProto
import pytest
from swiftnet_ros.device_report import __main__ as device_report
from swiftnet_ros.device_report import measure as module
from swiftnet_ros.device_report.measure import BenchmarkSettings, measure, MeasurementPlan, plans
from swiftnet_ros.model_spec import read_model, read_spec, write_model

SCRIPT = ROOT / 'scripts' / 'jetson_report.sh'


def write_quantized(source, path):
    """Write a tiny model with a Q/DQ pair before its convolution."""
    model, spec = read_model(source), read_spec(source)
    scale = numpy_helper.from_array(np.float32(2.0), 'scale')
    zero = numpy_helper.from_array(np.int8(0), 'zero')
    model.graph.initializer.extend([scale, zero])
    nodes = list(model.graph.node)
    nodes[-1].input[0] = 'restored'
    pair = [
        helper.make_node('QuantizeLinear', ['cells', 'scale', 'zero'], ['coarse']),
        helper.make_node('DequantizeLinear', ['coarse', 'scale', 'zero'], ['restored']),
    ]
    del model.graph.node[:]
    model.graph.node.extend([*nodes[:-1], *pair, nodes[-1]])
    onnx.checker.check_model(model)
    assert zero.data_type == TensorProto.INT8
    write_model(model, path, spec, None)


@pytest.fixture
def folder(tmp_path):
    """Return a folder of two models, one of them a pair, and images with labels."""
    write_tiny_model(tmp_path / 'pair.fp32.onnx')
    write_quantized(tmp_path / 'pair.fp32.onnx', tmp_path / 'pair.int8.onnx')
    write_tiny_model(tmp_path / 'alone.onnx', height=24, width=32)
    write_rendered_set(tmp_path)
    return tmp_path


def run_script(folder, *more, env=None):
    """Run the script from another folder."""
    words = ['bash', str(SCRIPT), *more]
    environment = {**os.environ, 'PYTHON': sys.executable, **(env or {})}
    return subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True)


def test_report_is_measured_by_the_benchmark(folder):
    models = ['pair.fp32.onnx', 'alone.onnx']
    given = ['--images', 'images', '--labels', 'labels', '--engine', 'openvino']
    done = run_script(folder, *models, *given, '--precisions', 'fp32,int8', '--out', 'out')
    assert done.returncode == 0, done.stderr
    written = json.loads((folder / 'out' / 'report.json').read_text())
    runs = {(run['model'], run['precision']): run for run in written['runs']}
    assert list(runs) == [(m, p) for m in ('pair', 'alone') for p in ('fp32', 'int8')]
    table = (folder / 'out' / 'report.md').read_text()
    assert done.stdout.strip() == table.strip()
    rows = [line.strip('|').split('|') for line in table.splitlines()[2:4]]
    assert [[cell.strip() for cell in row] for row in rows] == [
        ['pair', *cells(runs['pair', 'fp32']), *cells(runs['pair', 'int8'])],
        ['alone', *cells(runs['alone', 'fp32']), '-', '-'],
    ]
    assert 0.2 < runs['pair', 'fp32']['report']['miou'] < 1.0
    assert runs['pair', 'fp32']['report']['precision'] == 'fp32'
    assert runs['pair', 'fp32']['report']['sent'] == 5
    failure = runs['alone', 'int8']['failure']
    assert failure.endswith('alone.int8.onnx does not exist; create it with '
                            'python -m training quantize --tensorrt-tables')  # fmt: skip
    assert f'- alone INT8 explicit: {failure}' in table
    assert written['device']['CPUs'] == str(len(os.sched_getaffinity(0)))


def cells(run):
    """Return the two cells of a measurement."""
    return [f'{100 * run["report"]["miou"]:.2f}', f'{run["report"]["fps"]:.1f}']


@pytest.mark.parametrize(
    ('more', 'error'),
    [
        (['nothing', '--images', 'images'], "model not found: 'nothing'"),
        (['alone.onnx', '--images', 'nowhere'], 'folder of images not found: nowhere'),
        (['alone.onnx', '--images', 'images', '--labels', 'no'], 'folder of labels not found'),
        (
            ['alone.onnx', '--images', 'images', '--precisions', 'fp16,int9'],
            "unknown precision 'int9'",
        ),
        (
            ['alone.onnx', '--images', 'images', '--out', 'alone.onnx'],
            r'cannot create folder alone.onnx: File exists',
        ),
    ],
)
def test_error_is_one_line_and_exit_code_1(folder, more, error, capsys, monkeypatch):
    monkeypatch.chdir(folder)
    assert device_report.main([*more, '--engine', 'openvino']) == 1
    captured = capsys.readouterr()
    assert captured.err.count('\n') == 1
    assert re.search(f'^error: .*{error}', captured.err), captured.err


def test_missing_tensorrt_raises_at_once(folder, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, 'tensorrt', None)
    given = [str(folder / 'alone.onnx'), '--images', str(folder / 'images')]
    assert device_report.main([*given, '--out', str(folder / 'out')]) == 1
    assert capsys.readouterr().err.startswith("error: engine 'tensorrt' cannot be used here: ")


def test_exit_code_is_1_if_all_measurements_failed(folder):
    (folder / 'labels' / '03.png').unlink()
    given = ['--images', 'images', '--labels', 'labels', '--engine', 'openvino']
    done = run_script(folder, 'alone.onnx', *given, '--precisions', 'fp32')
    assert done.returncode == 1 and 'images without a label: 1 (03.png)' in done.stderr
    assert (folder / 'device_report' / 'report.md').exists()


@pytest.fixture
def trt(monkeypatch):
    """Return a function that fakes a TensorRT with the given builder flags."""

    def fake(*flags):
        tensorrt = SimpleNamespace(BuilderFlag=SimpleNamespace(**dict.fromkeys(flags, 1)))
        monkeypatch.setattr(module, 'tensorrt_module', lambda: tensorrt)

    return fake


def test_tensorrt_reads_the_file_of_each_precision(folder, trt):
    """INT8 is explicit and implicit if there is a calibration table next to the pair."""
    trt('FP16')
    source, quantized = folder / 'pair.fp32.onnx', folder / 'pair.int8.onnx'
    table = folder / 'pair.int8.calibration'
    table.touch()
    (folder / 'pair.fp16.onnx').touch()
    # Either file of a pair stands for both.
    for name in (source, quantized):
        assert plans([str(name)], ['fp32', 'fp16', 'int8'], 'tensorrt') == [
            MeasurementPlan('pair', 'fp32', source),
            MeasurementPlan('pair', 'fp16', source),
            MeasurementPlan('pair', 'int8', quantized, 'explicit'),
            MeasurementPlan('pair', 'int8', source, 'implicit', table),
        ]
    quantized.unlink()
    assert [plan.int8_mode for plan in plans([str(source)], ['int8'], 'tensorrt')] == ['implicit']
    assert [plan.int8_mode for plan in plans([str(source)], ['int8'], 'openvino')] == ['explicit']


def test_strongly_typed_tensorrt_reads_the_fp16_file(folder, trt):
    trt()
    half = folder / 'pair.fp16.onnx'
    given = [str(folder / 'pair.fp32.onnx')]
    assert plans(given, ['fp16'], 'tensorrt') == [MeasurementPlan('pair', 'fp16', half)]
    plan = MeasurementPlan('pair', 'fp16', half)
    failure = measure(plan, BenchmarkSettings(folder / 'images')).failure
    assert 'create it with python -m training fp16' in failure


def test_engine_is_built_with_the_table_and_then_measured(folder, monkeypatch):
    called = []

    def run(words):
        called.append(words)
        if words[0].endswith('build_engine'):
            return {'engine': '/cache/pair.engine', 'build_seconds': 7.0}
        return {'fps': 30.0}

    monkeypatch.setattr(module, '_run_json', run)
    table = folder / 'pair.int8.calibration'
    plan = MeasurementPlan('pair', 'int8', folder / 'pair.fp32.onnx', 'implicit', table)
    settings = BenchmarkSettings(
        folder / 'images', folder / 'labels', repeat=3, cache=folder / 'cache', allow_unpaired=True
    )
    done = measure(plan, settings)
    assert (done.report, done.build['build_seconds']) == ({'fps': 30.0}, 7.0)
    build, benchmark = (' '.join(words) for words in called)
    assert build == (
        f'swiftnet_ros.build_engine {folder}/pair.fp32.onnx --json --precision int8 '
        f'--calibration {table} --cache {folder}/cache'
    )
    assert benchmark == (
        'swiftnet_ros.benchmark --no-ros --model /cache/pair.engine --engine tensorrt '
        f'--precision auto --images {folder}/images --repeat 3 --labels {folder}/labels '
        '--allow-unpaired'
    )


def test_benchmark_that_dies_is_a_failure(folder, monkeypatch):
    monkeypatch.setattr(sys, 'executable', '/bin/false')
    done = measure(
        MeasurementPlan('alone', 'fp32', folder / 'alone.onnx'),
        BenchmarkSettings(folder, engine='openvino'),
    )
    assert done.failure == 'swiftnet_ros.benchmark ended with exit code 1: no output'


def test_device_facts_are_those_that_are_known(tmp_path, monkeypatch):
    (tmp_path / 'model').write_bytes(b'Jetson-AGX\0')
    (tmp_path / 'release').write_text('# R35 (release), REVISION: 4.1\nmore\n')
    (tmp_path / 'nvpmodel').write_text('#!/bin/sh\necho NV Power Mode: MAXN\necho 0\n')
    (tmp_path / 'nvpmodel').chmod(0o755)
    monkeypatch.setattr(device_report, '_BOARD', tmp_path / 'model')
    monkeypatch.setattr(device_report, '_RELEASE', tmp_path / 'release')
    monkeypatch.setenv('PATH', str(tmp_path), prepend=os.pathsep)
    facts = device_report.device_facts()
    assert facts['board'] == 'Jetson-AGX'
    assert facts['Jetson Linux'] == 'R35 (release), REVISION: 4.1'
    assert facts['power mode'] == 'NV Power Mode: MAXN 0'
    monkeypatch.setattr(device_report, '_BOARD', tmp_path / 'none')
    assert 'board' not in device_report.device_facts()
