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

"""A model is opened and checked on its own golden frame, or not opened at all."""

from dataclasses import replace
import hashlib
from pathlib import Path

from helpers.tiny_model import write_tiny_model
import numpy as np
import pytest
from swiftnet_ros.backends.registry import open_engine
from swiftnet_ros.errors import InvalidModelError, ModelNotFoundError, SelfCheckError
from swiftnet_ros.model_spec import Golden, read_model, write_model
from swiftnet_ros.serving import model_loader
from swiftnet_ros.serving.model_loader import load_model, ModelChoice


@pytest.fixture
def path(tmp_path):
    """Give a tiny model whose golden labels are right for 90 of 100 pixels."""
    path = tmp_path / 'golden.onnx'
    spec = write_tiny_model(path)
    picture = np.full((10, 10, 3), spec.classes[3].rgb, np.uint8)
    labels = np.full((10, 10), 3, np.uint8)
    labels[0] = 1
    write_model(read_model(path), path, spec, Golden(picture, labels))
    return path


def test_a_loaded_model_says_what_its_file_is(path):
    model = load_model(ModelChoice(str(path), precision='fp32', threads=1, min_agreement=0.9))
    content = path.read_bytes()
    assert (model.agreement, model.path, model.file_bytes) == (0.9, path, len(content))
    assert model.sha256 == hashlib.sha256(content).hexdigest()
    assert model.bgr_palette.shape == (256, 3)
    assert tuple(model.bgr_palette[2][::-1]) == model.spec.classes[2].rgb
    assert (model.engine.precision, model.engine.threads) == ('fp32', 1)
    model.engine.close()


def test_an_engine_that_agrees_too_little_is_closed_and_refused(path, monkeypatch):
    opened = []
    monkeypatch.setattr(
        model_loader,
        'open_engine',
        lambda *given: opened.append(open_engine(*given)) or opened[0],
    )
    with pytest.raises(SelfCheckError, match='0.90000 of .* at least 0.91'):
        load_model(ModelChoice(str(path), min_agreement=0.91))
    assert opened[0]._closed


@pytest.mark.parametrize(('precision', 'wrong', 'is_sound'), [
    ('fp32', 2, True), ('fp32', 3, False), ('int8', 5, True), ('int8', 6, False),
])  # fmt: skip
def test_what_is_usual_depends_on_the_precision(tmp_path, precision, wrong, is_sound):
    path = tmp_path / 'golden.onnx'
    spec = replace(write_tiny_model(path), precision=precision)
    picture = np.full((10, 10, 3), spec.classes[3].rgb, np.uint8)
    labels = np.full((10, 10), 3, np.uint8)
    labels.flat[:wrong] = 1
    write_model(read_model(path), path, spec, Golden(picture, labels))
    if is_sound:
        load_model(ModelChoice(str(path))).engine.close()
    else:
        with pytest.raises(SelfCheckError):
            load_model(ModelChoice(str(path)))


def test_a_model_without_a_golden_frame_is_not_checked(tmp_path):
    write_tiny_model(tmp_path / 'tiny.onnx')
    model = load_model(ModelChoice(str(tmp_path / 'tiny.onnx'), min_agreement=1.0))
    assert model.agreement is None
    model.engine.close()


def test_a_model_that_is_not_there_is_refused():
    with pytest.raises(ModelNotFoundError, match='nothing'):
        load_model(ModelChoice('nothing'))


def test_a_file_that_may_not_be_read_is_said_in_one_line(path, monkeypatch):
    """A model of another user, or on a disk that is broken; no bug of ours."""

    def refuse(self):
        raise PermissionError(13, 'Permission denied', str(self))

    monkeypatch.setattr(Path, 'read_bytes', refuse)
    with pytest.raises(InvalidModelError, match=r'cannot be read \(Permission denied\)'):
        load_model(ModelChoice(str(path)))
