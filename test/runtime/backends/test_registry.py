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

"""Which backend `auto` chooses and why, and engine files in place of a model."""

import hashlib
import json
import sys

import cv2
from helpers.rendered_set import write_rendered_set
from helpers.tensorrt_setup import copied_logits, FakeTensorRtSetup
from helpers.tiny_model import COLORS, write_golden_model
import numpy as np
import pytest
from swiftnet_ros import open_model
from swiftnet_ros.backends import registry
from swiftnet_ros.backends.cuda.driver import Gpu
from swiftnet_ros.backends.options import BackendOptions
from swiftnet_ros.backends.registry import (
    backend_class,
    BACKENDS,
    check_model_path,
    choose_backend,
    open_backend,
    read_model,
)
from swiftnet_ros.backends.tensorrt import engine as tensorrt_engine
from swiftnet_ros.backends.tensorrt import engine_cache
from swiftnet_ros.backends.tensorrt.engine import TensorRtBackend
from swiftnet_ros.benchmark import __main__ as benchmark
from swiftnet_ros.core.frames import Frame
from swiftnet_ros.errors import (
    EngineFileError,
    EngineMismatchError,
    EngineUnavailableError,
    InvalidModelError,
    UnknownNameError,
)
from swiftnet_ros.model_spec import read_golden, read_spec
from swiftnet_ros.serving.health import node_summary
from swiftnet_ros.serving.model_loader import load_model


@pytest.mark.parametrize(
    ('source', 'text'),
    [
        ('import nothing_at_all', "No module named 'nothing_at_all'; install its dependencies"),
        ('raise MemoryError', 'not enough memory; end other programs'),
        ("raise ImportError('x.so: failed to map segment')", 'not enough memory; end other'),
        ("raise RuntimeError('Could not determine home directory.')", 'set HOME to a folder'),
    ],
)
def test_a_failed_import_says_what_to_do(tmp_path, monkeypatch, source, text):
    (tmp_path / 'failing_backend.py').write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(BACKENDS, 'failing', 'failing_backend:Backend')
    with pytest.raises(EngineUnavailableError) as error:
        backend_class('failing')
    assert text in str(error.value)


@pytest.fixture
def no_gpu(monkeypatch):
    """Let this computer have no GPU."""

    def find_gpu():
        raise EngineUnavailableError('tensorrt', 'there is no NVIDIA driver')

    monkeypatch.setattr(tensorrt_engine, 'find_gpu', find_gpu)


@pytest.fixture
def model(tmp_path):
    """Write a model whose golden frame is all of class 3."""
    return write_golden_model(tmp_path / 'tiny.onnx')


@pytest.fixture
def setup(monkeypatch, model):
    """Install a fake TensorRT and GPU, whose network is the model."""
    monkeypatch.setattr(tensorrt_engine, 'find_gpu', lambda: Gpu('Xavier', '7.2'))
    with open_backend(model, 'openvino', 'fp32', 1) as openvino:
        setup = FakeTensorRtSetup(monkeypatch, openvino.spec, copied_logits(openvino.infer))
        setup.install()
        yield setup


@pytest.fixture
def engine_file(setup, model):
    """Write an engine of the model, with its golden frame."""
    golden = read_golden(model).to_json()
    identity = {'model_sha256': hashlib.sha256(model.read_bytes()).hexdigest()}
    return setup.write_engine(model.with_name('tiny.engine'), golden=golden, identity=identity)


@pytest.mark.parametrize('module', ['tensorrt', 'pycuda'])
def test_auto_is_openvino_where_a_module_is_missing(setup, monkeypatch, module):
    monkeypatch.setitem(sys.modules, module, None)
    why = f'auto: tensorrt is unavailable: the Python module {module} is not installed'
    assert choose_backend('auto') == ('openvino', why)


def test_auto_is_openvino_where_no_gpu_is(setup, no_gpu):
    reason = 'auto: tensorrt is unavailable: there is no NVIDIA GPU'
    assert choose_backend('auto') == ('openvino', reason)


def test_auto_is_tensorrt_where_modules_and_gpu_are(setup):
    assert TensorRtBackend.is_available()
    assert choose_backend('auto') == ('tensorrt', 'auto: its modules and a GPU are available')


def test_backend_chosen_by_name_has_no_reason(setup):
    for name in ('openvino', 'tensorrt', 'fake'):
        assert choose_backend(name) == (name, '')


def test_auto_takes_tensorrt_for_an_engine_file_wherever_it_is(no_gpu):
    assert choose_backend('auto', 'x.engine') == ('tensorrt', 'auto: the model is an .engine file')


def test_auto_opens_an_engine_file(engine_file):
    with open_backend(engine_file) as engine:
        assert (engine.name, engine.device) == ('tensorrt', 'Xavier')


def test_another_backend_raises_for_an_engine_file(engine_file):
    with pytest.raises(InvalidModelError, match='is for engine tensorrt, not openvino; use'):
        open_backend(engine_file, 'openvino')


def test_engine_file_has_the_facts_of_its_model(engine_file, model):
    built = read_model(engine_file)
    assert (built.spec, built.size) == (read_spec(model), engine_file.stat().st_size)
    expected = read_golden(model)
    np.testing.assert_array_equal(built.golden.frame, expected.frame)
    np.testing.assert_array_equal(built.golden.labels, expected.labels)


def test_engine_file_without_a_golden_frame_has_none(setup, model):
    assert read_model(setup.write_engine(model.with_name('bare.engine'))).golden is None


def test_backend_enters_by_one_line_and_unknown_names_raise(monkeypatch):
    monkeypatch.setitem(BACKENDS, 'fake', TensorRtBackend)
    assert backend_class('fake') is TensorRtBackend
    with pytest.raises(UnknownNameError, match="unknown engine 'fak'; did you mean 'fake'"):
        backend_class('fak')


def test_cached_engine_of_a_model_is_opened_without_a_build(
    setup, engine_file, model, monkeypatch
):
    monkeypatch.setattr(engine_cache, 'cached_engine', lambda *given: engine_file)
    with open_model(model, backend='tensorrt', precision='int8') as segmenter:
        facts = segmenter.backend, segmenter.device, segmenter.uses_cuda_graph
    assert facts == ('tensorrt', 'Xavier', False)


def test_engine_of_a_model_that_was_replaced_meanwhile_raises(
    setup, engine_file, model, monkeypatch
):
    monkeypatch.setattr(engine_cache, 'cached_engine', lambda *given: engine_file)
    write_golden_model(model, class_id=2)
    with pytest.raises(EngineMismatchError, match='the model changed while it was built'):
        open_model(model, backend='tensorrt', precision='int8')


def test_engine_that_is_replaced_while_it_is_opened_raises(setup, engine_file, monkeypatch):
    facts = read_model(engine_file)
    setup.write_engine(engine_file, content=b'another')
    monkeypatch.setattr(registry, 'read_model', lambda path: facts)
    with pytest.raises(EngineMismatchError, match='it changed while it was opened'):
        open_backend(engine_file)


def test_engine_that_others_can_write_is_refused_before_it_is_read(engine_file, model):
    check_model_path(engine_file)
    engine_file.chmod(0o666)
    with pytest.raises(EngineFileError, match='others may write to it'):
        check_model_path(engine_file)
    # An ONNX file cannot run code.
    model.chmod(0o666)
    check_model_path(model)


def test_build_of_a_missing_engine_is_logged_once_a_phase(
    setup, engine_file, model, monkeypatch, caplog
):
    monkeypatch.setattr(engine_cache, 'cached_engine', lambda *given: None)
    code = (
        'import json, sys\n'
        'for phase in ("reading", "building", "building"): print(json.dumps({"phase": phase}))\n'
        'print(json.dumps({"engine": sys.argv[1], "build_seconds": 1.0}))\n'
    )
    command = [sys.executable, '-c', code, str(engine_file)]
    monkeypatch.setattr(engine_cache, 'build_command', lambda *given: command)
    open_model(model, backend='tensorrt').close()
    assert caplog.messages == [f'engine of {model}: {name}' for name in ('reading', 'building')]


def test_a_loaded_engine_file_has_passed_the_self_check(engine_file):
    loaded = load_model(str(engine_file), BackendOptions())
    assert loaded.agreement == 1.0
    assert loaded.sha256 == hashlib.sha256(engine_file.read_bytes()).hexdigest()
    text = node_summary('/image', loaded)
    assert 'engine tensorrt (auto: the model is an .engine file) on Xavier, precision int8' in text
    loaded.close()


def test_introduction_has_the_reason_for_auto_only(model, setup, no_gpu):
    texts = []
    for name in ('auto', 'openvino'):
        loaded = load_model(str(model), BackendOptions(engine=name, precision='fp32'))
        texts.append(node_summary('/image', loaded))
        loaded.close()
    assert 'engine openvino (auto: tensorrt is unavailable: there is no NVIDIA GPU) on' in texts[0]
    assert 'engine openvino on' in texts[1]


def test_engine_file_without_its_sidecar_raises(engine_file):
    engine_file.with_name('tiny.engine.json').unlink()
    with pytest.raises(EngineFileError, match='its sidecar tiny.engine.json is missing'):
        load_model(str(engine_file), BackendOptions())


def test_benchmark_takes_engine_files(engine_file, model, tmp_path, capsys):
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


def test_all_backends_predict_the_same_labels(engine_file, model):
    frame = Frame(cv2.resize(np.asarray([COLORS], np.uint8), (90, 30)))
    with open_model(engine_file) as built, open_model(model, 'openvino', 'fp32') as source:
        results = [item.segment(frame, with_confidence=True) for item in (built, source)]
    np.testing.assert_array_equal(results[0].labels, results[1].labels)
    assert len(np.unique(results[0].labels)) == len(COLORS)
