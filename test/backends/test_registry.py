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

"""Which engine `auto` opens, what it says of that, and engine files wherever a model is named."""

import hashlib
import json
import sys

import cv2
from helpers.rendered_set import write_rendered_set
from helpers.tensorrt_setup import copied_logits, FakeTensorRtSetup
from helpers.tiny_model import COLORS, write_tiny_model
import numpy as np
import pytest
from swiftnet_ros.backends import registry as opening
from swiftnet_ros.backends.cuda.driver import Gpu
from swiftnet_ros.backends.registry import (
    chosen_engine,
    golden_of,
    open_engine,
    spec_of,
    why_no_tensorrt,
)
from swiftnet_ros.benchmark import __main__ as benchmark
from swiftnet_ros.core.frames import Frame
from swiftnet_ros.errors import EngineFileError, EngineUnavailableError, InvalidModelError
from swiftnet_ros.model_spec import Golden, read_model, write_model
from swiftnet_ros.segmenter import Segmenter
from swiftnet_ros.serving.health import node_summary
from swiftnet_ros.serving.model_loader import load_model, ModelChoice


@pytest.fixture
def no_gpu(monkeypatch):
    """Find no GPU."""

    def find_gpu():
        raise EngineUnavailableError('tensorrt', 'there is no NVIDIA driver')

    monkeypatch.setattr(opening, 'find_gpu', find_gpu)


@pytest.fixture
def model(tmp_path):
    """Give a model whose golden frame is all of class 3."""
    path = tmp_path / 'tiny.onnx'
    spec = write_tiny_model(path)
    picture = np.full((10, 10, 3), COLORS[3], np.uint8)
    write_model(read_model(path), path, spec, Golden(picture, np.full((10, 10), 3, np.uint8)))
    return path


@pytest.fixture
def setup(monkeypatch, model):
    """Give TensorRT and a GPU, both fakes, whose network is the model."""
    monkeypatch.setattr(opening, 'find_gpu', lambda: Gpu('Xavier', '7.2'))
    with open_engine(model, 'openvino', 'fp32', 1) as openvino:
        setup = FakeTensorRtSetup(monkeypatch, openvino.spec, copied_logits(openvino.infer))
        setup.install()
        yield setup


@pytest.fixture
def engine_file(setup, model):
    """Give an engine of the model, whose golden frame it has."""
    golden = golden_of(model).to_json()
    return setup.write_engine(model.with_name('tiny.engine'), golden=golden)


@pytest.mark.parametrize('module', ['tensorrt', 'pycuda'])
def test_auto_is_openvino_where_a_module_is_missing(setup, monkeypatch, module):
    monkeypatch.setitem(sys.modules, module, None)
    why = f'auto: no tensorrt, since the Python module {module} is not installed'
    assert chosen_engine('auto') == ('openvino', why)


def test_auto_is_openvino_where_no_gpu_is(setup, no_gpu):
    assert chosen_engine('auto') == ('openvino', 'auto: no tensorrt, since no NVIDIA GPU is here')


def test_auto_is_tensorrt_where_modules_and_gpu_are(setup):
    assert why_no_tensorrt() == ''
    assert chosen_engine('auto') == ('tensorrt', 'auto: its module and a GPU are here')


def test_what_was_asked_for_by_name_needs_no_reason(setup):
    for name in ('openvino', 'tensorrt', 'fake'):
        assert chosen_engine(name) == (name, '')


def test_auto_takes_tensorrt_for_an_engine_file_wherever_it_is(no_gpu):
    assert chosen_engine('auto', 'x.engine') == ('tensorrt', 'auto: the model is an .engine file')


def test_auto_opens_an_engine_file(engine_file):
    with open_engine(engine_file) as engine:
        assert (engine.name, engine.device) == ('tensorrt', 'Xavier')


def test_another_engine_refuses_an_engine_file(engine_file):
    with pytest.raises(InvalidModelError, match='is for engine tensorrt, not openvino; use'):
        open_engine(engine_file, 'openvino')


def test_an_engine_file_says_what_its_model_said(engine_file, model):
    assert spec_of(engine_file) == spec_of(model)
    golden, expected = golden_of(engine_file), golden_of(model)
    np.testing.assert_array_equal(golden.frame, expected.frame)
    np.testing.assert_array_equal(golden.labels, expected.labels)


def test_an_engine_file_without_a_golden_frame_has_none(setup, model):
    assert golden_of(setup.write_engine(model.with_name('bare.engine'))) is None


def test_a_loaded_engine_file_has_passed_the_self_check(engine_file):
    loaded = load_model(ModelChoice(str(engine_file)))
    assert loaded.agreement == 1.0
    assert loaded.sha256 == hashlib.sha256(engine_file.read_bytes()).hexdigest()
    text = node_summary('/image', loaded)
    assert 'engine tensorrt (auto: the model is an .engine file) on Xavier, precision int8' in text
    loaded.engine.close()


def test_the_introduction_says_why_once_and_only_for_auto(model, setup, no_gpu):
    texts = []
    for name in ('auto', 'openvino'):
        loaded = load_model(ModelChoice(str(model), name, 'fp32'))
        texts.append(node_summary('/image', loaded))
        loaded.engine.close()
    assert 'engine openvino (auto: no tensorrt, since no NVIDIA GPU is here) on' in texts[0]
    assert 'engine openvino on' in texts[1]


def test_an_engine_file_without_its_sidecar_is_refused(engine_file):
    engine_file.with_name('tiny.engine.json').unlink()
    with pytest.raises(EngineFileError, match='its sidecar tiny.engine.json is missing'):
        load_model(ModelChoice(str(engine_file)))


def test_the_benchmark_takes_engine_files(engine_file, model, tmp_path, capsys):
    write_rendered_set(tmp_path)
    reports = []
    for file, engine in ((engine_file, 'auto'), (model, 'openvino')):
        options = ['--model', str(file), '--engine', engine, '--no-ros', '--labels']
        folders = [str(tmp_path / 'labels'), '--images', str(tmp_path / 'images')]
        assert benchmark.main([*options, *folders]) == 0
        reports.append(json.loads(capsys.readouterr().out.splitlines()[-1]))
    built, source = reports
    facts = [built[key] for key in ('engine', 'precision', 'device')]
    assert facts == ['tensorrt', 'int8+fp16', 'Xavier']
    assert built['engine_choice'] == 'auto: the model is an .engine file'
    assert (source['engine_choice'], source['cuda_graph']) == ('', None)
    assert built['cuda_graph'] is True
    assert built['miou'] == pytest.approx(source['miou'], abs=1e-3) and built['miou'] > 0.2


def test_the_segmenter_does_not_know_the_difference(engine_file, model):
    frame = Frame(cv2.resize(np.asarray([COLORS], np.uint8), (90, 30)))
    with open_engine(engine_file) as built, open_engine(model, 'openvino', 'fp32') as source:
        answers = [Segmenter(engine).segment(frame, 'rgb', True) for engine in (built, source)]
    np.testing.assert_array_equal(answers[0].labels, answers[1].labels)
    assert len(np.unique(answers[0].labels)) == len(COLORS)
