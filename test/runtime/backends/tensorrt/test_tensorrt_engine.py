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

"""The TensorRT backend on a fake TensorRT and a fake GPU, whose kernels are the real ones."""

from helpers.fake_gpu import FakeGpu
from helpers.tensorrt_setup import copied_logits, FakeTensorRtSetup, JETSON
from helpers.tensorrt_stub import VERSIONS
import numpy as np
import pytest
from swiftnet_ros.backends.registry import open_backend
from swiftnet_ros.backends.tensorrt import engine as tensorrt_engine
from swiftnet_ros.backends.tensorrt.engine import TensorRtBackend
from swiftnet_ros.core.frames import Frame
from swiftnet_ros.model_spec import write_model

ORDERS = {'rgb': 3, 'bgr': 3, 'rgba': 4, 'bgra': 4, 'mono': 1}
SIZES = [(48, 64), (96, 128), (31, 77), (7, 5)]
BEFORE_LABELS = ['event', 'upload', 'resize_frame', 'event', 'network', 'event']
LABELS = ['mark_candidates_f32', 'argmax_labels_f32_u8', 'download', 'event']


@pytest.fixture
def openvino(tiny_path):
    """Open the reference: logits for the fake network, and the expected labels."""
    with open_backend(tiny_path, 'openvino', 'fp32', 1) as engine:
        yield engine


@pytest.fixture
def setup(monkeypatch, openvino):
    """Install fakes whose network is the tiny model."""
    return FakeTensorRtSetup(monkeypatch, openvino.spec, copied_logits(openvino.infer))


@pytest.fixture
def path(setup, tmp_path):
    """Write an engine file of the Jetson's TensorRT."""
    setup.install()
    return setup.write_engine(tmp_path / 'tiny.engine')


def frame_of(noise, size=(31, 77), order='rgb', seed=0):
    pixels = noise(*size, ORDERS[order], seed)
    return Frame(pixels[..., 0] if order == 'mono' else pixels, order)


def assert_same(result, expected):
    assert np.mean(result.labels == expected.labels) >= 0.9999
    assert result.labels.dtype == expected.labels.dtype
    assert (result.confidence is None) == (expected.confidence is None)
    if expected.confidence is not None:
        assert np.abs(result.confidence.astype(int) - expected.confidence).max() <= 1


@pytest.mark.parametrize('version', VERSIONS)
def test_labels_equal_openvino_with_every_tensorrt(setup, openvino, noise, tmp_path, version):
    setup.install(version)
    with TensorRtBackend(setup.write_engine(tmp_path / 'tiny.engine')) as engine:
        for seed in range(3):
            frame = frame_of(noise, seed=seed)
            result = engine.segment(frame, (31, 77), True)
            expected = openvino.segment(frame, (31, 77), True)
            assert len(np.unique(expected.labels)) > 1
            assert_same(result, expected)
    assert not setup.gpu.alive


@pytest.mark.parametrize('with_confidence', [False, True])
@pytest.mark.parametrize('order', ORDERS)
@pytest.mark.parametrize('size', SIZES)
def test_labels_equal_openvino_for_every_frame_format(
    setup, path, openvino, noise, size, order, with_confidence
):
    frame = frame_of(noise, size, order)
    output = (size[0] + 3, max(1, size[1] - 2))
    expected = openvino.segment(frame, output, with_confidence)
    with TensorRtBackend(path) as engine:
        # The second frame is run by the graph.
        for _ in range(2):
            assert_same(engine.segment(frame, output, with_confidence), expected)
        assert engine.uses_cuda_graph


def test_fp16_logits_are_supported(setup, openvino, noise, tmp_path):
    setup.dtype = 'HALF'
    setup.install()
    frame = frame_of(noise)
    with TensorRtBackend(setup.write_engine(tmp_path / 'tiny.engine')) as engine:
        result = engine.segment(frame, (62, 154), True)
        logits = engine.infer(noise(48, 64)[None])
    expected = openvino.segment(frame, (62, 154), True)
    assert np.mean(result.labels == expected.labels) > 0.99
    assert 'argmax_labels_f16_u8' in setup.gpu.executed
    exact = openvino.infer(noise(48, 64)[None])
    np.testing.assert_array_equal(logits, exact.astype(np.float16).astype(np.float32))


def test_more_than_255_classes_have_uint16_labels(
    monkeypatch, contract_model, spec_with, noise, tmp_path
):
    write_model(contract_model(300), tmp_path / 'many.onnx', spec_with(class_count=300), None)
    frame = frame_of(noise)
    with open_backend(tmp_path / 'many.onnx', 'openvino', 'fp32', 1) as openvino:
        setup = FakeTensorRtSetup(monkeypatch, openvino.spec, copied_logits(openvino.infer))
        setup.install()
        with TensorRtBackend(setup.write_engine(tmp_path / 'many.engine')) as engine:
            result = engine.segment(frame, (31, 77), True)
        assert_same(result, openvino.segment(frame, (31, 77), True))
    assert result.labels.dtype == np.uint16 and result.labels.max() > 255


def test_frames_with_any_strides_are_supported(setup, path, openvino, noise):
    image = noise(62, 77)
    with TensorRtBackend(path) as engine:
        for view in (image[::-1], image[:, ::-1], image[..., ::-1], image[::2, ::3]):
            frame = Frame(view)
            assert_same(engine.segment(frame, (40, 50)), openvino.segment(frame, (40, 50)))


def test_infer_returns_the_logits_of_the_network(path, openvino, noise):
    image = noise(48, 64)[None]
    with TensorRtBackend(path) as engine:
        np.testing.assert_array_equal(engine.infer(image), openvino.infer(image))


def test_labels_are_not_overwritten_by_the_next_frame(path, noise):
    with TensorRtBackend(path) as engine:
        first = engine.segment(frame_of(noise, seed=1), (31, 77), True)
        labels, confidence = first.labels.copy(), first.confidence.copy()
        second = engine.segment(frame_of(noise, seed=2), (31, 77), True)
    assert not np.array_equal(second.labels, labels)
    np.testing.assert_array_equal(first.labels, labels)
    np.testing.assert_array_equal(first.confidence, confidence)


def test_only_camera_pixels_and_labels_are_copied(setup, path, noise):
    with TensorRtBackend(path) as engine:
        for _ in range(3):
            engine.segment(frame_of(noise, (31, 77), 'bgra'), (20, 30), True)
    assert setup.gpu.uploaded_bytes == 3 * 31 * 77 * 4
    assert setup.gpu.downloaded_bytes == 3 * 2 * 20 * 30


def test_work_is_in_the_same_order_with_and_without_a_graph(setup, path, noise):
    with TensorRtBackend(path) as engine:
        for _ in range(3):
            engine.segment(frame_of(noise), (31, 77))
    assert setup.gpu.executed == 3 * (BEFORE_LABELS + LABELS)
    assert setup.gpu.calls.count('cuGraphLaunch') == 2


def test_an_integrated_gpu_copies_nothing(setup, openvino, noise, tmp_path):
    setup.use_gpu(FakeGpu(is_integrated=True))
    setup.install()
    frame = frame_of(noise)
    with TensorRtBackend(setup.write_engine(tmp_path / 'tiny.engine')) as engine:
        for _ in range(2):
            result = engine.segment(frame, (31, 77), True)
        assert_same(result, openvino.segment(frame, (31, 77), True))
    work = [name for name in BEFORE_LABELS + LABELS if name not in ('upload', 'download')]
    assert setup.gpu.executed == 2 * work
    assert not setup.gpu.alive


def test_each_frame_format_keeps_its_graph(setup, path, noise):
    formats = [((31, 77), False), ((31, 77), True), ((20, 30), False)]
    with TensorRtBackend(path) as engine:
        for _ in range(3):
            for output, with_confidence in formats:
                engine.segment(frame_of(noise), output, with_confidence)
    assert setup.gpu.calls.count('cuStreamBeginCapture_v2') == len(formats)
    assert setup.gpu.calls.count('cuGraphLaunch') == 2 * len(formats)


def test_the_least_recent_frame_format_is_freed(setup, path, noise, monkeypatch):
    monkeypatch.setattr(tensorrt_engine, '_MAX_PLANS', 2)
    with TensorRtBackend(path) as engine:
        engine.segment(frame_of(noise), (10, 20))
        engine.segment(frame_of(noise), (10, 21))
        two_formats = sorted(setup.gpu.alive.values())
        engine.segment(frame_of(noise), (10, 20))
        engine.segment(frame_of(noise), (10, 22))
        assert len(setup.gpu.alive) == len(two_formats)
        captured = setup.gpu.calls.count('cuStreamBeginCapture_v2')
        # The most recent one is kept.
        engine.segment(frame_of(noise), (10, 20))
        assert setup.gpu.calls.count('cuStreamBeginCapture_v2') == captured == 3
    assert not setup.gpu.alive


def test_each_stage_is_timed(path, noise):
    with TensorRtBackend(path) as engine:
        for _ in range(2):
            seconds = engine.segment(frame_of(noise), (31, 77)).seconds
            assert list(seconds) == ['prepare', 'engine', 'labels']
            assert all(0 < value < 10 for value in seconds.values())


def test_properties(setup, path, spec_with):
    with TensorRtBackend(path) as engine:
        assert (engine.name, engine.device, engine.threads) == ('tensorrt', 'Xavier', 1)
        assert engine.spec == spec_with()
        assert engine.precision == 'int8+fp16'


@pytest.mark.parametrize(
    ('precisions', 'expected'),
    [({}, 'int8'), ({'a': 'fp16'}, 'fp16'), ({'a': 'uint8', 'b': 'int8'}, 'int8')],
)
def test_precision_is_that_of_the_layers(setup, tmp_path, precisions, expected):
    setup.install(JETSON)
    path = setup.write_engine(tmp_path / 'tiny.engine', precisions=precisions)
    with TensorRtBackend(path) as engine:
        assert engine.precision == expected
