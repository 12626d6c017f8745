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

"""
The TensorRT engine on a fake GPU, whose kernels are the real ones: what it answers, and how.

TensorRT itself, and CUDA's own behaviour, are not run here.
"""

from helpers.fake_gpu import FakeGpu
from helpers.tensorrt_setup import copied_logits, FakeTensorRtSetup, JETSON
from helpers.tensorrt_stub import VERSIONS
import numpy as np
import pytest
from swiftnet_ros.backends.registry import open_engine
from swiftnet_ros.backends.tensorrt import engine as tensorrt_engine
from swiftnet_ros.backends.tensorrt.engine import TensorRtEngine
from swiftnet_ros.backends.tensorrt.request import Progress
from swiftnet_ros.core.frames import Frame
from swiftnet_ros.model_spec import write

ORDERS = {'rgb': 3, 'bgr': 3, 'rgba': 4, 'bgra': 4, 'mono': 1}
SIZES = [(48, 64), (96, 128), (31, 77), (7, 5)]
FIRST = ['event', 'upload', 'resize_frame', 'event', 'network', 'event']
LAST = ['mark_candidates_f32', 'take_labels_f32_u8', 'download', 'event']


@pytest.fixture
def openvino(tiny_path):
    """Give the engine that is right: logits for the fake, labels to be compared."""
    with open_engine(tiny_path, 'openvino', 'fp32', 1) as engine:
        yield engine


@pytest.fixture
def setup(monkeypatch, openvino):
    """Give fakes whose network is the tiny model."""
    return FakeTensorRtSetup(monkeypatch, openvino.spec, copied_logits(openvino.infer))


@pytest.fixture
def path(setup, tmp_path):
    """Give an engine of the Jetson's TensorRT."""
    setup.install()
    return setup.write_engine(tmp_path / 'tiny.engine')


def frame_of(noise, size=(31, 77), order='rgb', seed=0):
    pixels = noise(*size, ORDERS[order], seed)
    return Frame(pixels[..., 0] if order == 'mono' else pixels, order)


def assert_same(answer, expected):
    assert np.mean(answer.labels == expected.labels) >= 0.9999
    assert answer.labels.dtype == expected.labels.dtype
    assert (answer.confidence is None) == (expected.confidence is None)
    if expected.confidence is not None:
        assert np.abs(answer.confidence.astype(int) - expected.confidence).max() <= 1


@pytest.mark.parametrize('version', VERSIONS)
def test_labels_are_those_of_openvino_with_every_tensorrt(
    setup, openvino, noise, tmp_path, version
):
    setup.install(version)
    with TensorRtEngine(setup.write_engine(tmp_path / 'tiny.engine')) as engine:
        for seed in range(3):
            frame = frame_of(noise, seed=seed)
            answer = engine.segment(frame, (31, 77), True)
            expected = openvino.segment(frame, (31, 77), True)
            assert len(np.unique(expected.labels)) > 1
            assert_same(answer, expected)
    assert not setup.gpu.alive


@pytest.mark.parametrize('with_confidence', [False, True])
@pytest.mark.parametrize('order', ORDERS)
@pytest.mark.parametrize('size', SIZES)
def test_every_form_of_frame_is_answered(
    setup, path, openvino, noise, size, order, with_confidence
):
    frame = frame_of(noise, size, order)
    output = (size[0] + 3, max(1, size[1] - 2))
    expected = openvino.segment(frame, output, with_confidence)
    with TensorRtEngine(path) as engine:
        # The second answer comes from the graph.
        for _ in range(2):
            assert_same(engine.segment(frame, output, with_confidence), expected)
        assert engine.uses_graph


def test_logits_may_be_halves(setup, openvino, noise, tmp_path):
    setup.kind = 'HALF'
    setup.install()
    frame = frame_of(noise)
    with TensorRtEngine(setup.write_engine(tmp_path / 'tiny.engine')) as engine:
        answer = engine.segment(frame, (62, 154), True)
        logits = engine.infer(noise(48, 64)[None])
    expected = openvino.segment(frame, (62, 154), True)
    assert np.mean(answer.labels == expected.labels) > 0.99
    assert 'take_labels_f16_u8' in setup.gpu.sent
    exact = openvino.infer(noise(48, 64)[None])
    np.testing.assert_array_equal(logits, exact.astype(np.float16).astype(np.float32))


def test_more_than_255_classes_give_16_bits(
    monkeypatch, contract_model, spec_with, noise, tmp_path
):
    write(contract_model(300), tmp_path / 'many.onnx', spec_with(class_count=300), None)
    frame = frame_of(noise)
    with open_engine(tmp_path / 'many.onnx', 'openvino', 'fp32', 1) as openvino:
        setup = FakeTensorRtSetup(monkeypatch, openvino.spec, copied_logits(openvino.infer))
        setup.install()
        with TensorRtEngine(setup.write_engine(tmp_path / 'many.engine')) as engine:
            answer = engine.segment(frame, (31, 77), True)
        assert_same(answer, openvino.segment(frame, (31, 77), True))
    assert answer.labels.dtype == np.uint16 and answer.labels.max() > 255


def test_frames_in_any_direction_are_taken_as_they_look(setup, path, openvino, noise):
    image = noise(62, 77)
    with TensorRtEngine(path) as engine:
        for view in (image[::-1], image[:, ::-1], image[..., ::-1], image[::2, ::3]):
            frame = Frame(view)
            assert_same(engine.segment(frame, (40, 50)), openvino.segment(frame, (40, 50)))


def test_logits_are_the_networks(path, openvino, noise):
    image = noise(48, 64)[None]
    with TensorRtEngine(path) as engine:
        np.testing.assert_array_equal(engine.infer(image), openvino.infer(image))


def test_labels_of_one_call_outlive_the_next(path, noise):
    with TensorRtEngine(path) as engine:
        first = engine.segment(frame_of(noise, seed=1), (31, 77), True)
        labels, confidence = first.labels.copy(), first.confidence.copy()
        second = engine.segment(frame_of(noise, seed=2), (31, 77), True)
    assert not np.array_equal(second.labels, labels)
    np.testing.assert_array_equal(first.labels, labels)
    np.testing.assert_array_equal(first.confidence, confidence)


def test_only_camera_bytes_go_up_and_label_bytes_come_down(setup, path, noise):
    with TensorRtEngine(path) as engine:
        for _ in range(3):
            engine.segment(frame_of(noise, (31, 77), 'bgra'), (20, 30), True)
    assert setup.gpu.bytes_up == 3 * 31 * 77 * 4
    assert setup.gpu.bytes_down == 3 * 2 * 20 * 30


def test_the_work_of_a_frame_is_in_order_also_in_the_graph(setup, path, noise):
    with TensorRtEngine(path) as engine:
        for _ in range(3):
            engine.segment(frame_of(noise), (31, 77))
    assert setup.gpu.sent == 3 * (FIRST + LAST)
    assert setup.gpu.journal.count('cuGraphLaunch') == 2


def test_with_the_hosts_own_memory_nothing_is_copied(setup, openvino, noise, tmp_path):
    setup.use_gpu(FakeGpu(is_integrated=True))
    setup.install()
    frame = frame_of(noise)
    with TensorRtEngine(setup.write_engine(tmp_path / 'tiny.engine')) as engine:
        for _ in range(2):
            answer = engine.segment(frame, (31, 77), True)
        assert_same(answer, openvino.segment(frame, (31, 77), True))
    work = [name for name in FIRST + LAST if name not in ('upload', 'download')]
    assert setup.gpu.sent == 2 * work
    assert not setup.gpu.alive


def test_each_edge_gets_its_address_before_the_network_runs(setup, path):
    with TensorRtEngine(path):
        pass
    calls = setup.gpu.journal
    assert [name for name in calls if name.startswith('set_tensor_address')] == [
        'set_tensor_address image',
        'set_tensor_address logits',
    ]


def test_each_form_has_a_graph_of_its_own_and_keeps_it(setup, path, noise):
    forms = [((31, 77), False), ((31, 77), True), ((20, 30), False)]
    with TensorRtEngine(path) as engine:
        for _ in range(3):
            for output, with_confidence in forms:
                engine.segment(frame_of(noise), output, with_confidence)
    assert setup.gpu.journal.count('cuStreamBeginCapture_v2') == len(forms)
    assert setup.gpu.journal.count('cuGraphLaunch') == 2 * len(forms)


def test_forms_that_come_no_more_give_their_memory_back(setup, path, noise, monkeypatch):
    monkeypatch.setattr(tensorrt_engine, '_MOST_PLANS', 2)
    with TensorRtEngine(path) as engine:
        engine.segment(frame_of(noise), (10, 20))
        engine.segment(frame_of(noise), (10, 21))
        two_forms = sorted(setup.gpu.alive.values())
        engine.segment(frame_of(noise), (10, 20))
        engine.segment(frame_of(noise), (10, 22))
        assert len(setup.gpu.alive) == len(two_forms)
        captured = setup.gpu.journal.count('cuStreamBeginCapture_v2')
        # The one that was used last is still there.
        engine.segment(frame_of(noise), (10, 20))
        assert setup.gpu.journal.count('cuStreamBeginCapture_v2') == captured == 3
    assert not setup.gpu.alive


def test_each_stage_says_how_long_it_took(path, noise):
    with TensorRtEngine(path) as engine:
        for _ in range(2):
            seconds = engine.segment(frame_of(noise), (31, 77)).seconds
            assert list(seconds) == ['prepare', 'engine', 'labels']
            assert all(0 < value < 10 for value in seconds.values())


def test_engine_says_what_it_is(setup, path, spec_with):
    with TensorRtEngine(path) as engine:
        assert (engine.name, engine.device, engine.threads) == ('tensorrt', 'Xavier', 1)
        assert engine.spec == spec_with()
        assert engine.precision == 'int8+fp16'


@pytest.mark.parametrize(
    ('precisions', 'expected'),
    [({}, 'int8'), ({'a': 'fp16'}, 'fp16'), ({'a': 'uint8', 'b': 'int8'}, 'int8')],
)
def test_precision_is_what_the_layers_got(setup, tmp_path, precisions, expected):
    setup.install(JETSON)
    path = setup.write_engine(tmp_path / 'tiny.engine', precisions=precisions)
    with TensorRtEngine(path) as engine:
        assert engine.precision == expected


def test_an_onnx_file_is_built_or_found(setup, path, tiny_path, monkeypatch, caplog):
    asked = []

    def find_or_build(request, report):
        asked.append((request.model, request.precision))
        for phase in ('no such engine yet', 'building', 'building'):
            report(Progress(phase, None, 1.0, None))
        return path

    monkeypatch.setattr(tensorrt_engine, 'find_or_build', find_or_build)
    for precision in ('auto', 'int8'):
        with TensorRtEngine(tiny_path, precision) as engine:
            assert engine.device == 'Xavier'
    assert asked == [(tiny_path, 'best'), (tiny_path, 'int8')]
    logged = [f'engine of {tiny_path}: {text}' for text in ('no such engine yet', 'building')]
    assert caplog.messages == 2 * logged
