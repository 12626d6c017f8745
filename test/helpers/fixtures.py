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

"""Tiny models of the contract, and a bilinear interpolation without OpenCV."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any, Callable

from helpers.tiny_model import make_model, make_spec
import numpy as np
import onnx
from onnx import helper, numpy_helper, TensorProto
import pytest
from swiftnet_ros.model_spec import write_model

# A robot's Python may lack it; the tests in test/gpu do without.
if find_spec('hypothesis'):
    from hypothesis import settings

    # No failures on a busy machine, and the same examples in every run.
    settings.register_profile('steady', deadline=None, derandomize=True, database=None)
    settings.load_profile('steady')

HEIGHT, WIDTH, STRIDE, CLASSES = 48, 64, 4, 5


def _weights(classes: int = CLASSES) -> Any:
    """Return weights [C, 3, 4, 4] and biases [C] that detect one color per class."""
    random = np.random.default_rng(7)
    colors = random.normal(0.0, 0.002, (classes, 3, 1, 1))
    kernel = colors + random.normal(0.0, 0.0005, (classes, 3, STRIDE, STRIDE))
    bias = -127.5 * kernel.sum(axis=(1, 2, 3))
    return [
        numpy_helper.from_array(kernel.astype(np.float32), 'kernel'),
        numpy_helper.from_array(bias.astype(np.float32), 'bias'),
    ]


def _contract_model(classes: int = CLASSES) -> onnx.ModelProto:
    """Return a network of one convolution of stride 4 with the contract's input and output."""
    nodes = [
        helper.make_node('Cast', ['image'], ['float'], to=TensorProto.FLOAT),
        helper.make_node('Transpose', ['float'], ['planes'], perm=[0, 3, 1, 2]),
        helper.make_node('Conv', ['planes', 'kernel', 'bias'], ['logits'], strides=[STRIDE] * 2),
    ]
    image = ('image', TensorProto.UINT8, [1, HEIGHT, WIDTH, 3])
    logits = ('logits', TensorProto.FLOAT, [1, classes, HEIGHT // STRIDE, WIDTH // STRIDE])
    return make_model(nodes, [image], [logits], _weights(classes))


def _float_model(**changes: Any) -> onnx.ModelProto:
    """Return the same network as others would export it, with a float input."""
    names = changes.pop('names', ('x', 'y'))
    size = changes.pop('size', [HEIGHT, WIDTH])
    nodes = [
        helper.make_node('Conv', [names[0], 'kernel', 'bias'], [names[1]], strides=[STRIDE] * 2)
    ]
    image = (names[0], changes.pop('kind', TensorProto.FLOAT), [1, 3, *size])
    small = [HEIGHT // STRIDE, WIDTH // STRIDE] if size == [HEIGHT, WIDTH] else ['h', 'w']
    logits = (names[1], TensorProto.FLOAT, [1, CLASSES, *small])
    return make_model(nodes, [image], [logits], _weights())


def _bilinear(array: Any, height: int, width: int) -> Any:
    """Return [..., h, w] interpolated to [..., height, width] in float64: half-pixel centers."""
    array = np.asarray(array, np.float64)
    for axis, size in ((-2, height), (-1, width)):
        last = array.shape[axis] - 1
        centers = (np.arange(size) + 0.5) * (last + 1) / size - 0.5
        centers = np.clip(centers, 0, last)
        low = np.floor(centers).astype(int)
        offset = (centers - low).reshape((-1, 1) if axis == -2 else (-1,))
        high = np.minimum(low + 1, last)
        array = np.take(array, low, axis) * (1 - offset) + np.take(array, high, axis) * offset
    return array


@pytest.fixture(scope='session')
def spec_with() -> Callable[..., Any]:
    """Return a function that makes specifications of the tiny model with fields changed."""
    return make_spec


@pytest.fixture(scope='session')
def contract_model() -> Callable[..., Any]:
    """Return a function that makes the tiny model of the contract."""
    return _contract_model


@pytest.fixture(scope='session')
def float_model() -> Callable[..., Any]:
    """Return a function that makes the tiny model with a float input."""
    return _float_model


@pytest.fixture(scope='session')
def bilinear() -> Callable[..., Any]:
    """Return the reference implementation of the interpolation."""
    return _bilinear


@pytest.fixture(scope='session')
def noise() -> Callable[..., Any]:
    """Return a function that makes smooth noise, uint8 [H, W, C]."""

    def make(height: int, width: int, channels: int = 3, seed: int = 0) -> Any:
        coarse = np.random.default_rng(seed).uniform(0, 255, (channels, 9, 12))
        planes = np.rint(_bilinear(coarse, height, width)).astype(np.uint8)
        return planes.transpose(1, 2, 0).copy()

    return make


@pytest.fixture
def tiny_path(tmp_path: Path) -> Path:
    """Return an ONNX file of the contract."""
    path = tmp_path / 'tiny.fp32.onnx'
    write_model(_contract_model(), path, make_spec(), None)
    return path
