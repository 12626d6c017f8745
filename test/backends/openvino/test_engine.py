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

"""Engines: what they answer, what they say of themselves, what they refuse."""

import os
import subprocess
import sys
import types

from helpers.checkout import ROOT
import numpy as np
import onnx
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator
import pytest
from swiftnet_ros.backends.base import Engine, LogitsEngine
from swiftnet_ros.backends.openvino import engine as openvino_engine
from swiftnet_ros.backends.openvino.engine import openvino_core
from swiftnet_ros.backends.registry import ENGINES, open_engine
from swiftnet_ros.core.frames import Frame
from swiftnet_ros.core.labels import Segmentation
from swiftnet_ros.errors import (
    EngineUnavailableError,
    InvalidModelError,
    InvalidValueError,
    MissingSpecError,
    ModelNotFoundError,
    UnknownNameError,
)
from swiftnet_ros.model_spec import write_model


@pytest.fixture
def int8_path(tmp_path, contract_model, spec_with):
    """Give a model with a quantized convolution behind the tiny one."""
    model, random = contract_model(), np.random.default_rng(3)
    # CPUs without VNNI add pairs of products in 16 bits, which overflow above 64.
    quantized = random.integers(-64, 65, (5, 5, 3, 3)).astype(np.int8)
    for name, value in [('q', quantized), ('s', np.float32(0.1)), ('z', np.int8(0))]:
        model.graph.initializer.append(numpy_helper.from_array(value, name))
    model.graph.node[2].output[0] = 'inner'
    for kind, source, target in [
        ('QuantizeLinear', 'inner', 'inner_q'),
        ('DequantizeLinear', 'inner_q', 'inner_dq'),
        ('DequantizeLinear', 'q', 'weights'),
    ]:
        model.graph.node.append(helper.make_node(kind, [source, 's', 'z'], [target]))
    conv = helper.make_node('Conv', ['inner_dq', 'weights'], ['logits'], pads=[1, 1, 1, 1])
    model.graph.node.append(conv)
    path = tmp_path / 'tiny.int8.onnx'
    write_model(model, path, spec_with(precision='int8'), None)
    return path


@pytest.fixture
def cpu_without_bf16(monkeypatch, tmp_path):
    """Take the flags away by which a CPU says that it computes in bf16."""
    (tmp_path / 'cpuinfo').write_text('flags\t\t: fpu avx2 avx512f\n')
    monkeypatch.setattr(openvino_engine, '_CPU_INFO', tmp_path / 'cpuinfo')


def has_bf16():
    return openvino_engine._has_native_bf16(openvino_core())


def test_logits_are_those_of_the_graph(tiny_path, noise):
    image = noise(48, 64)[None]
    expected = ReferenceEvaluator(str(tiny_path)).run(None, {'image': image})[0][0]
    with open_engine(tiny_path, precision='fp32') as engine:
        np.testing.assert_allclose(engine.infer(image), expected, rtol=1e-4, atol=1e-4)


def test_read_only_image_is_taken(tiny_path, noise):
    image = np.frombuffer(noise(48, 64).tobytes(), np.uint8).reshape(1, 48, 64, 3)
    with open_engine(tiny_path) as engine:
        np.testing.assert_array_equal(engine.infer(image).copy(), engine.infer(image.copy()))


def test_labels_of_one_call_outlive_the_next(tiny_path, noise):
    with open_engine(tiny_path) as engine:
        first = engine.segment(Frame(noise(48, 64, seed=1)), (48, 64), True)
        labels, confidence = first.labels.copy(), first.confidence.copy()
        engine.segment(Frame(noise(48, 64, seed=2)), (48, 64), True)
    np.testing.assert_array_equal(first.labels, labels)
    np.testing.assert_array_equal(first.confidence, confidence)


def test_engine_says_what_it_is(tiny_path, spec_with):
    with open_engine(tiny_path, precision='fp32', threads=1) as engine:
        assert (engine.name, engine.precision, engine.threads) == ('openvino', 'fp32', 1)
        assert engine.spec == spec_with()
        assert engine.device


def test_zero_threads_are_those_that_the_process_may_use(tiny_path):
    with open_engine(tiny_path, threads=0) as engine:
        # OpenVINO may leave out the second thread of a core.
        assert 1 <= engine.threads <= len(os.sched_getaffinity(0))


def test_auto_is_bf16_only_where_the_cpu_has_it(tiny_path):
    with open_engine(tiny_path) as engine:
        assert engine.precision == ('bf16' if has_bf16() else 'fp32')


def test_auto_is_fp32_where_the_cpu_only_emulates_bf16(tiny_path, cpu_without_bf16):
    with open_engine(tiny_path) as engine:
        assert engine.precision == 'fp32'


def test_bf16_is_refused_where_the_cpu_only_emulates_it(tiny_path, cpu_without_bf16):
    with pytest.raises(EngineUnavailableError, match='bf16 needs a CPU with .*; use precision'):
        open_engine(tiny_path, precision='bf16')


def test_int8_file_runs_in_int8_and_says_so(int8_path, noise):
    image, model = noise(48, 64)[None], onnx.load(str(int8_path))
    # Quantization means the same in this opset, and the reference has it only from there on.
    model.opset_import[0].version = 21
    expected = ReferenceEvaluator(model).run(None, {'image': image})[0][0]
    with open_engine(int8_path) as engine:
        assert engine.precision == 'int8'
        error = np.abs(engine.infer(image) - expected)
    # One step of the quantized values may fall to the other side in the other library.
    assert np.mean(error > 1e-3 * np.abs(expected).max()) < 0.02


@pytest.mark.skipif(not has_bf16(), reason='this CPU does not compute in bf16')
def test_bf16_beside_int8_is_said(int8_path):
    with open_engine(int8_path, precision='bf16') as engine:
        assert engine.precision == 'int8+bf16'


def test_unknown_precision_is_refused(tiny_path):
    with pytest.raises(UnknownNameError, match="unknown precision 'fp23'; did you mean 'fp32'"):
        open_engine(tiny_path, precision='fp23')


def test_negative_threads_are_refused(tiny_path):
    with pytest.raises(InvalidValueError, match='threads is -1, expected 0 for all'):
        open_engine(tiny_path, threads=-1)


def test_unknown_engine_is_refused_with_the_nearest(tiny_path):
    with pytest.raises(UnknownNameError, match="unknown engine 'openvno'; did you mean 'openvino"):
        open_engine(tiny_path, engine='openvno')


def test_tensorrt_that_is_not_installed_is_refused_with_where_it_is(tiny_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'tensorrt', None)
    with pytest.raises(EngineUnavailableError, match="'tensorrt' .*; it comes with JetPack"):
        open_engine(tiny_path, engine='tensorrt')


def test_engine_without_its_library_is_refused(tiny_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'openvino', None)
    monkeypatch.delitem(sys.modules, 'swiftnet_ros.backends.openvino.engine')
    with pytest.raises(EngineUnavailableError, match='install what it needs, for openvino: pip'):
        open_engine(tiny_path)


def test_no_engine_is_imported_before_it_is_chosen():
    code = 'import swiftnet_ros.backends.registry, sys; print("openvino" in sys.modules)'
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, cwd=ROOT)
    assert done.stdout.split() == [b'False'], done.stderr


def test_missing_model_is_refused(tmp_path):
    with pytest.raises(ModelNotFoundError, match='model not found: .*no.onnx'):
        open_engine(tmp_path / 'no.onnx')


def test_model_without_specification_is_refused(tmp_path, contract_model):
    onnx.save(contract_model(), str(tmp_path / 'bare.onnx'))
    with pytest.raises(MissingSpecError):
        open_engine(tmp_path / 'bare.onnx')


def test_graph_that_openvino_refuses_is_one_line(tmp_path, contract_model, spec_with):
    model = contract_model()
    model.graph.initializer[0].CopyFrom(helper.make_tensor('kernel', 1, [5, 7, 4, 4], [0] * 560))
    write_model(model, tmp_path / 'odd.onnx', spec_with(), None)
    with pytest.raises(InvalidModelError, match='OpenVINO refuses it') as error:
        open_engine(tmp_path / 'odd.onnx')
    assert '\n' not in str(error.value)


@pytest.mark.parametrize(
    'image',
    [
        np.zeros((48, 64, 3), np.uint8),
        np.zeros((1, 3, 48, 64), np.uint8),
        np.zeros((1, 48, 64, 3), np.float32),
    ],
)
def test_network_input_of_another_form_is_refused(tiny_path, image):
    expected = r'expected uint8 \[1, 48, 64, 3\]'
    with open_engine(tiny_path) as engine, pytest.raises(InvalidValueError, match=expected):
        engine.infer(image)


@pytest.mark.parametrize('size', [(0, 4), (4, -1)])
def test_output_size_of_nothing_is_refused(tiny_path, noise, size):
    with open_engine(tiny_path) as engine, pytest.raises(InvalidValueError, match='output size'):
        engine.segment(Frame(noise(4, 4)), size)


def test_closed_engine_refuses_and_closes_again(tiny_path, noise):
    with open_engine(tiny_path) as engine:
        pass
    engine.close()
    for call in (lambda: engine.segment(Frame(noise(4, 4)), (4, 4)), lambda: engine.infer(None)):
        with pytest.raises(EngineUnavailableError, match='was closed; open it again'):
            call()


class FakeEngine(Engine):
    """An engine that answers with what it was opened with."""

    name, precision, device = 'fake', 'fp32', 'none'
    threads = 3

    def __init__(self, path, precision, threads):
        self.opened = (path, precision, threads)
        self.closed = 0
        super().__init__(None)

    def _segment(self, frame, output_size, with_confidence):
        return Segmentation(np.full(output_size, with_confidence, np.uint8))

    def _close(self):
        self.closed += 1


class FakeLogits(LogitsEngine, FakeEngine):
    """A network whose answer has the wrong form."""

    _segment = LogitsEngine._segment

    def _infer(self, image):
        return np.zeros((5, 2, 2), np.float32)


@pytest.fixture
def fake_engine(monkeypatch):
    """Enter a fake by the dict that every engine enters by."""
    module = types.ModuleType('fake_engine')
    module.FakeEngine = FakeEngine
    monkeypatch.setitem(sys.modules, 'fake_engine', module)
    monkeypatch.setitem(ENGINES, 'fake', 'fake_engine:FakeEngine')


def test_new_engine_enters_by_one_line_of_the_dict(fake_engine, tiny_path, noise):
    with open_engine(tiny_path, engine='fake', precision='fp16', threads=2) as engine:
        assert engine.opened == (tiny_path, 'fp16', 2)
        assert engine.segment(Frame(noise(4, 4)), (2, 3), True).labels.tolist() == [[1] * 3] * 2
    engine.close()
    assert engine.closed == 1


def test_auto_stays_openvino_beside_a_new_engine(fake_engine, tiny_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'tensorrt', None)
    with open_engine(tiny_path) as engine:
        assert engine.name == 'openvino'


def test_logits_of_another_form_are_refused(tiny_path, spec_with, noise):
    engine = FakeLogits(tiny_path, 'fp32', 0)
    engine._spec = spec_with()
    expected = r'gave logits float32 \[5, 2, 2\], expected float32 \[5, 12, 16\]'
    with pytest.raises(InvalidModelError, match=expected):
        engine.segment(Frame(noise(4, 4)), (4, 4))
