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

"""A loaded model is open and has passed the self-check, which compares its golden labels."""

import hashlib

from helpers.tiny_model import write_golden_model, write_tiny_model
import numpy as np
from onnx import numpy_helper
import pytest
from swiftnet_ros import open_model
from swiftnet_ros.backends import registry
from swiftnet_ros.backends.openvino.engine import OpenVinoBackend
from swiftnet_ros.backends.options import BackendOptions
from swiftnet_ros.errors import (
    InvalidModelError,
    ModelNotFoundError,
    NonFiniteLogitsError,
    SelfCheckError,
)
from swiftnet_ros.model_spec import (
    Golden,
    onnx_file,
    read_golden,
    read_model,
    read_spec,
    write_model,
)
from swiftnet_ros.self_check import golden_agreement
from swiftnet_ros.serving.model_loader import load_model
from swiftnet_ros.system.file_reader import read_regular


@pytest.fixture
def path(tmp_path):
    """Write a tiny model that predicts 90 of its 100 golden labels."""
    return write_golden_model(tmp_path / 'golden.onnx', wrong=10)


def test_loaded_model_has_the_facts_of_its_file(path):
    options = BackendOptions(precision='fp32', threads=1, self_check_min_agreement=0.9)
    model = load_model(str(path), options)
    content = path.read_bytes()
    assert (model.agreement, model.path, model.file_bytes) == (0.9, path, len(content))
    assert model.sha256 == hashlib.sha256(content).hexdigest()
    assert (model.segmenter.precision, model.segmenter.threads) == ('fp32', 1)
    model.close()


def test_a_model_with_too_little_agreement_is_closed_and_raises(path, monkeypatch):
    closed = []

    class Closing(OpenVinoBackend):
        """Records that it was closed."""

        def _close(self):
            closed.append(True)
            super()._close()

    monkeypatch.setitem(registry.BACKENDS, 'openvino', Closing)
    options = BackendOptions(engine='openvino', self_check_min_agreement=0.91)
    with pytest.raises(SelfCheckError, match='0.90000 of .* at least 0.91'):
        load_model(str(path), options)
    assert closed == [True]


@pytest.mark.parametrize(('precision', 'wrong', 'is_sound'), [
    ('fp32', 2, True), ('fp32', 3, False), ('int8', 5, True), ('int8', 6, False),
])  # fmt: skip
def test_default_minimum_depends_on_the_precision(tmp_path, precision, wrong, is_sound):
    path = write_golden_model(tmp_path / 'golden.onnx', wrong, precision=precision)
    if is_sound:
        load_model(str(path), BackendOptions()).close()
    else:
        with pytest.raises(SelfCheckError):
            load_model(str(path), BackendOptions())


MINIMA = {'fp32': 0.99, 'bf16': 0.98, 'fp16': 0.985, 'int8': 0.97}


@pytest.mark.parametrize(
    ('precision', 'runs_in', 'minimum'),
    [
        ('fp32', 'fp32', 0.99),
        ('fp32', 'bf16', 0.98),
        ('fp32', 'fp16', 0.985),
        ('fp16', 'fp32', 0.985),
        ('fp32', 'fp16+fp32', 0.985),
        # A float model that TensorRT built in INT8, with the layers that it cannot in FP16.
        ('fp32', 'int8+fp16', 0.97),
        ('int8', 'int8', 0.97),
    ],
)
def test_minimum_is_that_of_the_golden_frame_for_the_precision(
    tmp_path, monkeypatch, precision, runs_in, minimum
):
    class Fake(OpenVinoBackend):
        """Reports another precision."""

        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            self.precision = runs_in

    monkeypatch.setitem(registry.BACKENDS, 'openvino', Fake)
    write_golden_model(tmp_path / 'golden.onnx', wrong=10, precision=precision)
    file = read_golden(tmp_path / 'golden.onnx')
    path, spec = tmp_path / 'own.onnx', read_spec(tmp_path / 'golden.onnx')
    golden = Golden(file.frame, file.labels, MINIMA)
    write_model(read_model(tmp_path / 'golden.onnx'), path, spec, golden)
    with pytest.raises(SelfCheckError, match=f'at least {minimum:g};'):
        load_model(str(path), BackendOptions(engine='openvino'))
    # The parameter has precedence.
    options = BackendOptions(engine='openvino', self_check_min_agreement=0.9)
    load_model(str(path), options).close()


@pytest.mark.parametrize('has_golden', [True, False])
def test_logits_that_are_no_numbers_fail_the_self_check(tmp_path, has_golden):
    path = tmp_path / 'golden.onnx'
    # Every label is class 0, the first of equal ones, as it would be for NaN.
    write_golden_model(path, class_id=0)
    model = read_model(path)
    weight = next(item for item in model.graph.initializer if item.name == 'weight')
    huge = np.full_like(numpy_helper.to_array(weight), 3e38)
    weight.CopyFrom(numpy_helper.from_array(huge, 'weight'))
    write_model(model, path, read_spec(path), read_golden(path) if has_golden else None)
    with pytest.raises(NonFiniteLogitsError, match='use model tiny: its logits in fp32 are NaN'):
        load_model(str(path), BackendOptions(precision='fp32', self_check_min_agreement=0.0))


def test_model_without_golden_frame_has_no_agreement(tmp_path):
    write_tiny_model(tmp_path / 'tiny.onnx')
    options = BackendOptions(self_check_min_agreement=1.0)
    model = load_model(str(tmp_path / 'tiny.onnx'), options)
    assert model.agreement is None
    model.close()


def test_missing_model_raises():
    with pytest.raises(ModelNotFoundError, match='nothing'):
        load_model('nothing', BackendOptions())


def test_unreadable_file_raises_one_line(path, monkeypatch):
    """A model of another user, or on a broken disk, is no bug."""

    def deny(path):
        raise PermissionError(13, 'Permission denied', str(path))

    monkeypatch.setattr(onnx_file, 'read_regular', deny)
    with pytest.raises(InvalidModelError, match=r'cannot be read \(Permission denied\)'):
        load_model(str(path), BackendOptions())


def test_model_file_is_read_once(path, monkeypatch):
    """Nothing else opens it, OpenVINO included: it is deleted as soon as it was read."""
    reads = []

    def read_once(file):
        content = read_regular(file)
        if file == path:
            reads.append(file)
            file.unlink()
        return content

    monkeypatch.setattr(onnx_file, 'read_regular', read_once)
    model = load_model(str(path), BackendOptions(engine='openvino', self_check_min_agreement=0.9))
    model.close()
    assert len(reads) == 1 and model.agreement == 0.9 and not path.exists()


@pytest.fixture
def segmenter(tiny_path):
    """Open the tiny model on the CPU."""
    with open_model(tiny_path, threads=1) as opened:
        yield opened


def test_own_predictions_agree_fully(segmenter, noise):
    frame = noise(60, 90)
    labels = segmenter.segment(frame).labels
    assert golden_agreement(segmenter, Golden(frame, labels)) == 1.0


def test_agreement_is_the_fraction_of_correct_pixels(segmenter, noise):
    frame = noise(48, 64)
    labels = segmenter.segment(frame).labels.copy()
    labels[:12] = 99
    assert golden_agreement(segmenter, Golden(frame, labels)) == 0.75
    assert golden_agreement(segmenter, Golden(frame, labels.astype(np.uint16))) == 0.75


def test_swapped_channels_lower_the_agreement(segmenter, noise):
    frame = noise(48, 64)
    labels = segmenter.segment(frame).labels
    swapped = np.ascontiguousarray(frame[:, :, ::-1])
    assert golden_agreement(segmenter, Golden(swapped, labels)) < 0.9
