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

"""The CUDA kernels, compiled for this CPU, compared with core/frames.py and core/labels.py."""

import re

from helpers import kernel_runs
import numpy as np
import pytest
from swiftnet_ros.backends.cuda.kernels import SIGNATURES, SOURCE
from swiftnet_ros.core.frames import CHANNEL_ORDERS, Frame, to_network_input
from swiftnet_ros.core.labels import from_logits

CAMERA_SIZES = [
    (48, 64), (96, 128), (24, 32), (192, 256), (1, 1), (1, 87), (87, 1), (31, 77), (49, 65),
    (150, 20), (271, 301), (2, 3),
]  # fmt: skip
C_TYPES = {'P': r'\*', 'i': 'int', 'f': 'float'}


def resized(pixels, order, size):
    return kernel_runs.resized(kernel_runs.CpuRunner(), pixels, order, size)


def segmented(logits, size, with_confidence=False):
    return kernel_runs.segmented(kernel_runs.CpuRunner(), logits, size, with_confidence)


def logits_of(classes, h, w, seed=0, spread=4.0):
    logits = np.random.default_rng(seed).normal(0.0, spread, (classes, h, w))
    return logits.astype(np.float32)


def regions_of(classes, h, w, seed=0):
    """Return logits like those of a trained network: large regions of one confident class."""
    random = np.random.default_rng(seed)
    nearest = random.integers(0, classes, (h // 8 + 1, w // 8 + 1))
    regions = np.kron(nearest, np.ones((8, 8), int))[:h, :w]
    logits = random.normal(0.0, 1.0, (classes, h, w))
    logits += 9.0 * (np.arange(classes)[:, None, None] == regions)
    return logits.astype(np.float32)


@pytest.mark.parametrize('order', CHANNEL_ORDERS)
@pytest.mark.parametrize('size', CAMERA_SIZES)
def test_network_input_equals_frames(size, order):
    channels = len(CHANNEL_ORDERS[order])
    pixels = np.random.default_rng(5).integers(0, 256, (*size, channels), dtype=np.uint8)
    pixels = pixels[..., 0].copy() if order == 'mono' else pixels
    expected = to_network_input(Frame(pixels, order), 48, 64)
    difference = np.abs(resized(pixels, order, (48, 64)).astype(int) - expected)
    # OpenCV rounds differently on some CPUs, by one at most.
    assert difference.max() <= 1
    assert np.mean(difference > 0) <= 0.001


@pytest.mark.parametrize('classes', [1, 2, 5, 31, 32, 33, 150, 255, 256, 300])
@pytest.mark.parametrize('size', [(40, 72), (5, 9), (3, 4), (1, 1), (67, 131), (200, 9)])
def test_labels_equal_from_logits(classes, size):
    logits = logits_of(classes, 5, 9)
    expected = from_logits(logits, *size, True)
    result, _ = segmented(logits, size)
    assert result.labels.dtype == expected.labels.dtype
    assert np.mean(result.labels == expected.labels) >= 0.9999
    confident, _ = segmented(logits, size, True)
    np.testing.assert_array_equal(confident.labels, result.labels)
    difference = np.abs(confident.confidence.astype(int) - expected.confidence)
    assert difference.max() <= 1 and np.mean(difference > 0) <= 0.01


@pytest.mark.parametrize('make', [logits_of, regions_of])
@pytest.mark.parametrize(('classes', 'size'), [(19, (512, 1024)), (150, (360, 640))])
def test_labels_equal_from_logits_at_camera_sizes(make, classes, size):
    logits = make(classes, 64, 128)
    expected = from_logits(logits, *size, True)
    result, _ = segmented(logits, size, True)
    assert np.mean(result.labels == expected.labels) >= 0.9999
    difference = np.abs(result.confidence.astype(int) - expected.confidence)
    assert difference.max() <= 1 and np.mean(difference > 0) <= 0.001


@pytest.mark.parametrize('scale', [1e-7, 1.0, 1e30])
def test_the_argmax_is_always_a_candidate(bilinear, scale):
    logits = logits_of(40, 9, 7) * np.float32(scale)
    exact = bilinear(logits, 90, 56)
    result, _ = segmented(logits, (90, 56))
    chosen = np.take_along_axis(exact, result.labels[None].astype(int), 0)[0]
    assert np.all(chosen >= exact.max(axis=0) - 1e-6 * np.abs(exact).max())


def test_few_classes_are_candidates_if_a_network_is_confident():
    logits = regions_of(150, 64, 128)
    _, candidates = segmented(logits, (512, 1024))
    per_cell = np.unpackbits(candidates).sum() / (65 * 129)
    # Most are at the borders of the regions.
    assert 1.0 <= per_cell < 30.0
    assert np.unpackbits(segmented(logits, (512, 1024), True)[1]).sum() > 65 * 129 * 100


@pytest.mark.parametrize('classes', [7, 300])
def test_fp16_logits_are_supported(classes):
    logits = logits_of(classes, 9, 11).astype(np.float16)
    # Subnormal numbers, both zeros, and the largest numbers.
    logits[:, 0, :4] = np.array([6e-8, -0.0, 65504, -65504], np.float16)
    expected = from_logits(logits.astype(np.float32), 70, 90, True)
    result, _ = segmented(logits, (70, 90), True)
    assert np.mean(result.labels == expected.labels) >= 0.9999
    assert np.abs(result.confidence.astype(int) - expected.confidence).max() <= 1


def test_every_finite_fp16_number_is_read_exactly():
    every = np.arange(0x7C00, dtype=np.uint16).view(np.float16)
    for sign in (1, -1):
        pair = np.stack([every[:-1], every[1:]])[:, None] * np.float16(sign)
        result, _ = segmented(np.ascontiguousarray(pair), pair.shape[1:])
        assert np.unique(result.labels).tolist() == [1 if sign > 0 else 0]


def test_the_lowest_id_of_equal_logits_is_the_label():
    logits = np.zeros((40, 3, 3), np.float32)
    logits[33:] = 1.0
    result, _ = segmented(logits, (17, 19), True)
    assert np.unique(result.labels).tolist() == [33]


@pytest.mark.parametrize('value', [np.nan, np.inf, -np.inf])
def test_nan_and_infinite_logits_have_a_valid_label(value):
    logits = np.full((3, 4, 4), value, np.float32)
    result, _ = segmented(logits, (9, 9), True)
    assert result.labels.max() <= 2
    logits[1] = 1.0
    logits[:, 2:] = [[[0.0]], [[1.0]], [[0.5]]]
    assert np.all(segmented(logits, (64, 64), True)[0].labels[48:] == 1)


def test_signatures_match_the_source():
    text = SOURCE.read_text()
    for name, signature in SIGNATURES.items():
        macro = re.search(rf'\b([A-Z_]+)\({name}[,)]', text)
        head = rf'void {"NAME" if macro else name}\('
        start = text.index(f'#define {macro[1]}') if macro else 0
        parameters = re.compile(head + r'(.*?)\)\s*\\?\s*\{', re.DOTALL).search(text, start)[1]
        found = parameters.split(',')
        assert len(found) == len(signature), name
        for parameter, code in zip(found, signature):
            assert re.search(C_TYPES[code], parameter), (name, parameter)
            assert code == 'P' or '*' not in parameter
