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

"""The OpenVINO backend: its predictions, the facts that it reports, its errors, its one core."""

import os
import subprocess
import sys

from helpers.checkout import ROOT
import numpy as np
import onnx
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator
import pytest
from swiftnet_ros.backends.base import Backend
from swiftnet_ros.backends.openvino import engine as openvino_engine
from swiftnet_ros.backends.openvino.engine import openvino_core
from swiftnet_ros.backends.options import BackendOptions
from swiftnet_ros.backends.registry import BACKENDS, open_backend, open_model_file
from swiftnet_ros.core.frames import Frame
from swiftnet_ros.errors import (
    EngineUnavailableError,
    InvalidModelError,
    InvalidValueError,
)
from swiftnet_ros.model_spec import write_model


@pytest.fixture
def int8_path(tmp_path, contract_model, spec_with):
    """Write a model with a quantized convolution behind the tiny one."""
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
    """Hide the flags of a CPU that computes in bf16."""
    (tmp_path / 'cpuinfo').write_text('flags\t\t: fpu avx2 avx512f\n')
    monkeypatch.setattr(openvino_engine, '_CPU_INFO', tmp_path / 'cpuinfo')


def has_bf16():
    return openvino_engine._has_native_bf16(openvino_core())


def test_logits_are_those_of_the_graph(tiny_path, noise):
    image = noise(48, 64)[None]
    expected = ReferenceEvaluator(str(tiny_path)).run(None, {'image': image})[0][0]
    with open_backend(tiny_path, precision='fp32') as engine:
        np.testing.assert_allclose(engine.infer(image), expected, rtol=1e-4, atol=1e-4)


def test_read_only_image_is_taken(tiny_path, noise):
    image = np.frombuffer(noise(48, 64).tobytes(), np.uint8).reshape(1, 48, 64, 3)
    with open_backend(tiny_path) as engine:
        np.testing.assert_array_equal(engine.infer(image).copy(), engine.infer(image.copy()))


def test_labels_of_one_call_outlive_the_next(tiny_path, noise):
    with open_backend(tiny_path) as engine:
        first = engine.segment(Frame(noise(48, 64, seed=1)), (48, 64), True)
        labels, confidence = first.labels.copy(), first.confidence.copy()
        engine.segment(Frame(noise(48, 64, seed=2)), (48, 64), True)
    np.testing.assert_array_equal(first.labels, labels)
    np.testing.assert_array_equal(first.confidence, confidence)


def test_backend_has_its_facts(tiny_path, spec_with):
    with open_backend(tiny_path, precision='fp32', threads=1) as engine:
        assert (engine.name, engine.precision, engine.threads) == ('openvino', 'fp32', 1)
        assert engine.spec == spec_with()
        assert engine.device


def test_zero_threads_are_those_that_the_process_may_use(tiny_path):
    with open_backend(tiny_path, threads=0) as engine:
        # OpenVINO may leave out the second thread of a core.
        assert 1 <= engine.threads <= len(os.sched_getaffinity(0))


def test_auto_is_bf16_only_where_the_cpu_has_it(tiny_path):
    with open_backend(tiny_path) as engine:
        assert engine.precision == ('bf16' if has_bf16() else 'fp32')


def test_auto_is_fp32_where_the_cpu_only_emulates_bf16(tiny_path, cpu_without_bf16):
    with open_backend(tiny_path) as engine:
        assert engine.precision == 'fp32'


def test_bf16_raises_where_the_cpu_only_emulates_it(tiny_path, cpu_without_bf16):
    with pytest.raises(EngineUnavailableError, match='bf16 needs a CPU with .*; use precision'):
        open_backend(tiny_path, precision='bf16')


def test_int8_file_runs_in_int8(int8_path, noise):
    image, model = noise(48, 64)[None], onnx.load(str(int8_path))
    # The reference evaluator quantizes from this opset on, with the same result.
    model.opset_import[0].version = 21
    expected = ReferenceEvaluator(model).run(None, {'image': image})[0][0]
    with open_backend(int8_path) as engine:
        assert engine.precision == 'int8'
        error = np.abs(engine.infer(image) - expected)
    # The two libraries may round a quantized value differently.
    assert np.mean(error > 1e-3 * np.abs(expected).max()) < 0.02


def test_precision_selects_the_file_of_a_pair(int8_path, tiny_path):
    assert tiny_path == int8_path.with_name('tiny.fp32.onnx')
    pair = int8_path.with_name('tiny.onnx')
    for precision, file, used in (
        ('auto', 'tiny.int8.onnx', 'int8'),
        ('int8', 'tiny.int8.onnx', 'int8'),
        ('fp32', 'tiny.fp32.onnx', 'fp32'),
    ):
        opened = open_model_file(pair, BackendOptions(engine='openvino', precision=precision))
        with opened.backend as backend:
            assert (opened.model.path.name, backend.precision) == (file, used)


@pytest.mark.parametrize('precision', ['fp32', 'bf16'])
def test_float_precision_of_an_int8_file_raises_with_the_right_file(int8_path, precision):
    text = f'it is int8, but precision {precision} needs a float file; use .*tiny.fp32.onnx'
    with pytest.raises(InvalidModelError, match=text):
        open_backend(int8_path, precision=precision)


def test_int8_of_a_float_file_raises_with_the_right_file(tiny_path):
    text = 'it is fp32, but precision int8 .*; use .*tiny.int8.onnx, created with: python'
    with pytest.raises(InvalidModelError, match=text):
        open_backend(tiny_path, precision='int8')


def test_precision_of_another_backend_raises(tiny_path):
    expected = 'expected one of auto, fp32, bf16, int8 with engine openvino'
    with pytest.raises(InvalidValueError, match=expected):
        open_backend(tiny_path, 'openvino', 'fp16')


def test_missing_openvino_raises_with_what_to_install(tiny_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'openvino', None)
    monkeypatch.delitem(sys.modules, 'swiftnet_ros.backends.openvino.engine')
    with pytest.raises(EngineUnavailableError, match='dependencies .for OpenVINO: pip'):
        open_backend(tiny_path)


def test_no_backend_is_imported_before_it_is_chosen():
    code = 'import swiftnet_ros.backends.registry, sys; print("openvino" in sys.modules)'
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, cwd=ROOT)
    assert done.stdout.split() == [b'False'], done.stderr


def test_openvino_is_imported_without_its_telemetry(tmp_path):
    # Telemetry is off in CI, which OpenVINO knows by this variable.
    environment = {name: value for name, value in os.environ.items() if name != 'CI'}
    environment['HOME'] = str(tmp_path)
    code = 'import swiftnet_ros.backends.openvino.engine, sys; print(*sys.modules)'
    command = [sys.executable, '-c', code]
    done = subprocess.run(command, capture_output=True, cwd=ROOT, env=environment, text=True)
    assert done.stderr == '' and 'openvino' in done.stdout.split()
    assert 'openvino_telemetry.main' not in done.stdout.split()
    assert not list(tmp_path.iterdir())


def test_graph_that_openvino_cannot_compile_raises_one_line(tmp_path, contract_model, spec_with):
    model = contract_model()
    model.graph.initializer[0].CopyFrom(helper.make_tensor('kernel', 1, [5, 7, 4, 4], [0] * 560))
    write_model(model, tmp_path / 'odd.onnx', spec_with(), None)
    with pytest.raises(InvalidModelError, match='OpenVINO cannot compile it') as error:
        open_backend(tmp_path / 'odd.onnx')
    assert '\n' not in str(error.value)


@pytest.mark.parametrize(
    'image',
    [
        np.zeros((48, 64, 3), np.uint8),
        np.zeros((1, 3, 48, 64), np.uint8),
        np.zeros((1, 48, 64, 3), np.float32),
    ],
)
def test_network_input_of_another_shape_raises(tiny_path, image):
    expected = r'expected uint8 \[1, 48, 64, 3\]'
    with open_backend(tiny_path) as engine, pytest.raises(InvalidValueError, match=expected):
        engine.infer(image)


class FakeBackend(Backend):
    """A backend whose logits have the wrong shape, with the options that it was opened with."""

    name, precision, device = 'fake', 'fp32', 'none'
    threads = 3

    @classmethod
    def open(cls, model, file, options):  # noqa: A003
        return cls(model, file, options)

    def __init__(self, model, file, options):
        self.opened = (model.path, file.path, options.precision, options.threads)
        self.closed = 0
        super().__init__(model.spec)

    def _infer(self, image):
        return np.zeros((5, 2, 2), np.float32)

    def _close(self):
        self.closed += 1


@pytest.fixture
def fake_backend(monkeypatch):
    """Enter a fake in the registry."""
    monkeypatch.setitem(BACKENDS, 'fake', FakeBackend)


def test_new_backend_enters_by_one_line_of_the_registry(fake_backend, tiny_path):
    with open_backend(tiny_path, engine='fake', precision='fp16', threads=2) as backend:
        assert backend.opened == (tiny_path, tiny_path, 'fp16', 2)
    backend.close()
    assert backend.closed == 1


def test_auto_stays_openvino_with_a_new_backend(fake_backend, tiny_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'tensorrt', None)
    with open_backend(tiny_path) as backend:
        assert backend.name == 'openvino'


def test_logits_of_another_shape_raise(fake_backend, tiny_path, noise):
    expected = r'returned logits float32 \[5, 2, 2\], expected float32 \[5, 12, 16\]'
    backend = open_backend(tiny_path, 'fake')
    with pytest.raises(InvalidModelError, match=expected):
        backend.segment(Frame(noise(4, 4)), (4, 4))


SIGNAL_AFTER = """
import faulthandler, os, signal, sys, threading
from swiftnet_ros.backends.registry import open_backend

faulthandler.enable()
signal.signal(signal.SIGUSR1, lambda number, frame: print('heard'))
opened = [open_backend(sys.argv[1], threads=1) for _ in range(3)]
while opened:
    opened.pop(0).close()
thread = threading.Thread(target=lambda: open_backend(sys.argv[1], threads=1).close())
thread.start()
thread.join()
os.kill(os.getpid(), signal.SIGUSR1)
"""


def test_signal_is_handled_after_closing_in_any_order(tiny_path):
    """Each core replaces the signal stack of a thread; several restore it in the wrong order."""
    command = [sys.executable, '-c', SIGNAL_AFTER, str(tiny_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, 'heard\n'), done.stderr
