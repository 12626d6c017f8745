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


"""Engines of TensorRT on the GPU predict the labels that NumPy computes in FP32."""

from dataclasses import replace
from itertools import permutations

from helpers.gpu_networks import agreement, blocks, expected
from helpers.tiny_model import write_tiny_model
import numpy as np
import pytest
from swiftnet_ros.backends.options import BackendOptions
from swiftnet_ros.backends.registry import open_model_file
from swiftnet_ros.backends.tensorrt.api import has_calibrators, is_strongly_typed, tensorrt_module
from swiftnet_ros.backends.tensorrt.engine import TensorRtBackend
from swiftnet_ros.backends.tensorrt.engine_cache import find_or_build
from swiftnet_ros.backends.tensorrt.engine_file import load, store
from swiftnet_ros.backends.tensorrt.log import ErrorLog, make_logger
from swiftnet_ros.core.frames import Frame
from swiftnet_ros.errors import EngineFileError, EngineMismatchError, SwiftnetError
from swiftnet_ros.fastest_engine import build_fastest
from swiftnet_ros.model_spec import read_model_file
from swiftnet_ros.segmenter import Segmenter
from swiftnet_ros.self_check import self_check

KINDS = ['fp32', 'fp16', 'int8 explicit', 'int8 implicit']
# The fraction of labels that equal those of FP32; in INT8 that of the network itself.
LEAST = {'fp32': 0.999, 'fp16': 0.995, 'int8 explicit': 0.98, 'int8 implicit': 0.98}
# Frame sizes (height, width) and channel orders of cameras that take turns.
CAMERAS = [((96, 128), 'rgb'), ((120, 160), 'bgr'), ((45, 77), 'rgba'), ((200, 64), 'bgra')]
NO_IMPLICIT = 'this TensorRT has no implicit INT8'
NO_DLA = 'this GPU has no DLA'
# Of device memory, between measurements: the driver rounds to pages of 2 MiB.
PAGE_MB = 2.2


def silent(progress):
    """Ignore the progress."""


@pytest.fixture(scope='session')
def engine_of(pair, cache):
    """Return a function that builds an engine of a kind once and returns its path."""

    def build(kind, **options):
        trt = tensorrt_module()
        if kind == 'int8 implicit' and not has_calibrators(trt):
            pytest.skip(NO_IMPLICIT)
        precision = kind.split()[0]
        file, table = precision, ''
        if kind == 'int8 implicit':
            file, table = 'fp32', str(pair.with_name('three.int8.calibration'))
        elif precision == 'fp16' and not is_strongly_typed(trt):
            file = 'fp32'
        model = read_model_file(pair.with_name(f'three.{file}.onnx'))
        given = {'precision': precision, 'calibration': table, 'engine_cache': str(cache)}
        return find_or_build(model, BackendOptions(**given, **options), silent)

    return build


def frame_of(size=(96, 128), order='rgb', seed=0):
    rgb = blocks(*size, seed=seed)
    image = {'rgb': rgb, 'bgr': rgb[..., ::-1]}.get(order)
    if image is None:
        opaque = np.full((*size, 1), 255, np.uint8)
        image = np.concatenate([rgb if order == 'rgba' else rgb[..., ::-1], opaque], axis=2)
    return Frame(np.ascontiguousarray(image), order)


def labels_of(engine, frame):
    return engine.segment(frame, (frame.height, frame.width), True)


@pytest.mark.parametrize('kind', KINDS)
def test_labels_equal_fp32(engine_of, kind):
    fractions = []
    with TensorRtBackend(engine_of(kind)) as engine:
        print(kind, 'layers in', engine.precision)
        for seed, (size, order) in enumerate(CAMERAS):
            frame = frame_of(size, order, seed)
            reference = expected(frame.pixels, order)
            assert len(np.unique(reference.labels)) > 1
            fractions.append(agreement(labels_of(engine, frame), reference))
    assert min(fractions) >= LEAST[kind], fractions


@pytest.mark.parametrize('kind', KINDS)
def test_confidence_and_logits_are_those_of_fp32(engine_of, kind):
    frame = frame_of()
    with TensorRtBackend(engine_of(kind)) as engine:
        confidence = labels_of(engine, frame).confidence.astype(int)
        assert np.isfinite(engine.infer(frame.pixels[None])).all()
    reference = expected(frame.pixels).confidence
    assert np.mean(np.abs(confidence - reference)) < (1.0 if kind == 'fp32' else 12.0)


@pytest.mark.parametrize('kind', KINDS)
def test_self_check_passes(pair, engine_of, kind):
    with Segmenter(TensorRtBackend(engine_of(kind))) as segmenter:
        assert self_check(segmenter, read_model_file(pair), -1.0) > 0.95


@pytest.mark.parametrize('kind', KINDS)
def test_a_graph_computes_the_same_bits(engine_of, kind):
    frames = [frame_of(seed=seed) for seed in range(4)]
    with TensorRtBackend(engine_of(kind)) as engine:
        engine._can_capture = False
        without = [labels_of(engine, frame) for frame in frames]
        assert not engine.uses_cuda_graph
    with TensorRtBackend(engine_of(kind)) as engine:
        # The first frame of a format runs without a graph.
        labels_of(engine, frames[0])
        assert engine.uses_cuda_graph
        with_graph = [labels_of(engine, frame) for frame in frames]
    for one, other in zip(without, with_graph):
        np.testing.assert_array_equal(one.labels, other.labels)
        np.testing.assert_array_equal(one.confidence, other.confidence)


def test_cameras_take_turns_and_change_their_size(engine_of):
    path = engine_of('fp32')
    sizes = [(40 + 8 * i, 60 + 4 * i) for i in range(12)]
    with TensorRtBackend(path) as engine:
        for seed in range(3):
            for size, order in [*CAMERAS, *((size, 'rgb') for size in sizes)]:
                frame = frame_of(size, order, seed)
                reference = expected(frame.pixels, order)
                assert agreement(labels_of(engine, frame), reference) >= LEAST['fp32']


def test_memory_does_not_grow(engine_of):
    with TensorRtBackend(engine_of('fp16')) as engine:
        frames = [frame_of(size, order, seed=1) for size, order in CAMERAS]

        def run(count):
            for i in range(count):
                labels_of(engine, frames[i % len(frames)])
            return engine.device_memory_mb

        before = run(40)
        after = run(1000)
    assert abs(after - before) <= PAGE_MB


def test_opening_and_closing_does_not_leak(engine_of):
    path = engine_of('fp16')
    used = []
    with TensorRtBackend(path) as observer:
        for _ in range(6):
            with TensorRtBackend(path) as engine:
                labels_of(engine, frame_of())
            used.append(observer.device_memory_mb)
    assert abs(used[-1] - used[1]) <= PAGE_MB, used


@pytest.mark.parametrize('order', list(permutations(range(3)))[::2], ids=str)
def test_engines_of_one_process_close_in_any_order(engine_of, order):
    frame = frame_of()
    reference = expected(frame.pixels)
    engines = [TensorRtBackend(engine_of(kind)) for kind in ('fp32', 'fp16', 'int8 explicit')]
    for closed in (None, *order):
        if closed is not None:
            engines[closed].close()
            engines[closed] = None
        for engine in filter(None, engines):
            assert agreement(labels_of(engine, frame), reference) >= 0.98


def test_engine_of_another_tensorrt_is_one_line(engine_of, tmp_path):
    content, sidecar = load(engine_of('fp32'))
    path = tmp_path / 'other.engine'
    store(path, content, replace(sidecar, identity=replace(
        sidecar.identity, tensorrt_version='8.4.1.5')))  # fmt: skip
    with pytest.raises(EngineMismatchError, match=r'TensorRT is .*, the engine was built for 8.4'):
        TensorRtBackend(path)


def test_truncated_engine_is_one_line(engine_of, tmp_path):
    content, sidecar = load(engine_of('fp32'))
    path = tmp_path / 'cut.engine'
    store(path, content, sidecar)
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(EngineFileError, match='truncated or changed') as found:
        TensorRtBackend(path)
    assert '\n' not in str(found.value)


def test_content_that_is_no_engine_is_one_line(engine_of, tmp_path):
    import hashlib

    _, sidecar = load(engine_of('fp32'))
    path, content = tmp_path / 'no.engine', b'ptrt' + bytes(4096)
    store(path, content, replace(sidecar, engine_sha256=hashlib.sha256(content).hexdigest()))
    with pytest.raises(EngineFileError, match='TensorRT rejects it') as found:
        TensorRtBackend(path)
    assert '\n' not in str(found.value)


def test_fastest_engine_is_found_by_a_node(pair, cache):
    options = BackendOptions(engine='tensorrt', engine_cache=str(cache))
    engine, measured = build_fastest(
        read_model_file(pair.with_name('three.int8.onnx')), options, silent
    )
    for item in measured:
        print(item)
    assert not [item.failure for item in measured if item.failure and 'implicit' not in item.title]
    opened = open_model_file(pair.with_name('three.onnx'), options)
    with opened.backend as backend:
        assert opened.file.path == engine
        frame = frame_of()
        assert agreement(labels_of(backend, frame), expected(frame.pixels)) >= 0.98


def test_layers_are_profiled(engine_of):
    with TensorRtBackend(engine_of('fp32')) as engine:
        labels_of(engine, frame_of())
        times = engine.layer_ms(5)
        result = labels_of(engine, frame_of())
    assert times and all(0 <= ms < 1000 for ms in times.values())
    assert agreement(result, expected(frame_of().pixels)) >= LEAST['fp32']


def test_more_than_255_classes_have_uint16_labels(cache, tmp_path):
    colors = [(i % 7 * 40, i // 7 % 7 * 40, i // 49 * 40) for i in range(300)]
    write_tiny_model(tmp_path / 'wide.onnx', colors)
    options = BackendOptions(precision='fp32', engine_cache=str(cache))
    path = find_or_build(read_model_file(tmp_path / 'wide.onnx'), options, silent)
    ids = np.repeat(np.repeat(np.arange(48).reshape(6, 8) * 6, 8, 0), 8, 1)
    frame = Frame(np.asarray(colors, np.uint8)[ids])
    with TensorRtBackend(path) as engine:
        labels = engine.segment(frame, (6, 8)).labels
    assert labels.dtype == np.uint16
    np.testing.assert_array_equal(labels, np.arange(48).reshape(6, 8) * 6)


@pytest.mark.parametrize('kind', ['fp16', 'int8 implicit'])
def test_dla_predicts_the_labels(engine_of, kind):
    trt = tensorrt_module()
    if not trt.Builder(make_logger(trt, ErrorLog())).num_DLA_cores:
        pytest.skip(NO_DLA)
    with TensorRtBackend(engine_of(kind, dla=0)) as engine:
        frame = frame_of()
        assert agreement(labels_of(engine, frame), expected(frame.pixels)) >= LEAST[kind]


def test_missing_dla_is_one_line(engine_of):
    with pytest.raises(SwiftnetError, match='DLA'):
        engine_of('fp16', dla=7)
