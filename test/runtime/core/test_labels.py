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

"""Postprocessing: logits to labels, confidence, palette and overlay."""

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest
from swiftnet_ros.core.labels import (
    colorize,
    from_logits,
    label_dtype,
    mask_low_confidence,
    overlay,
    palette,
    Segmentation,
)
from swiftnet_ros.errors import InvalidValueError

SIZES = [(6, 9), (48, 72), (3, 3), (13, 31), (1, 1), (100, 1), (1, 100), (4, 1), (1, 4)]


def random_logits(classes, h, w, seed=0):
    logits = np.random.default_rng(seed).normal(0.0, 4.0, (classes, h, w))
    return logits.astype(np.float32)


@pytest.mark.parametrize('size', SIZES)
@pytest.mark.parametrize('classes', [1, 2, 19])
def test_labels_are_the_argmax_of_the_upsampled_logits(bilinear, size, classes):
    logits = random_logits(classes, 6, 9)
    expected = bilinear(logits, *size).argmax(axis=0)
    assert np.mean(from_logits(logits, *size).labels == expected) >= 0.9999


def test_labels_at_the_size_of_the_logits_are_their_argmax():
    logits = random_logits(11, 45, 60)
    np.testing.assert_array_equal(from_logits(logits, 45, 60).labels, logits.argmax(axis=0))


def test_first_of_equal_logits_wins_as_in_argmax():
    logits = np.zeros((4, 3, 3), np.float32)
    logits[2:] = 1.0
    assert np.unique(from_logits(logits, 7, 7).labels).tolist() == [2]


@pytest.mark.parametrize('size', SIZES)
def test_confidence_is_the_rounded_largest_softmax(bilinear, size):
    logits = random_logits(7, 6, 9)
    powers = np.exp(bilinear(logits, *size))
    expected = 255.0 * (powers / powers.sum(axis=0)).max(axis=0)
    confidence = from_logits(logits, *size, with_confidence=True).confidence
    assert confidence.dtype == np.uint8
    assert np.abs(confidence - expected).max() < 0.501


def test_confidence_of_one_class_is_255_and_of_two_equal_ones_half():
    for classes, expected in ((1, 255), (2, 128)):
        result = from_logits(np.zeros((classes, 2, 2), np.float32), 5, 5, True)
        assert np.unique(result.confidence).tolist() == [expected]


@pytest.mark.parametrize('scale', [1e4, -1e4])
def test_large_logits_do_not_overflow(scale):
    logits = np.stack([np.zeros((2, 2)), np.full((2, 2), scale)]).astype(np.float32)
    result = from_logits(logits, 3, 3, with_confidence=True)
    assert np.unique(result.labels).tolist() == [int(scale > 0)]
    assert np.unique(result.confidence).tolist() == [255]


def test_logits_are_not_modified():
    logits = random_logits(3, 6, 9)
    logits.flags.writeable = False
    for size in ((6, 9), (12, 18)):
        from_logits(logits, *size, with_confidence=True)
    np.testing.assert_array_equal(logits, random_logits(3, 6, 9))


@pytest.mark.parametrize(('classes', 'dtype'), [(1, 'u1'), (255, 'u1'), (256, 'u2'), (300, 'u2')])
def test_labels_have_16_bits_above_255_classes(classes, dtype):
    logits = random_logits(classes, 2, 2)
    assert label_dtype(classes) == np.dtype(dtype)
    labels = from_logits(logits, 2, 2).labels
    assert labels.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(labels, logits.argmax(axis=0))


def test_palette_is_black_for_ids_without_a_class():
    table = palette([(1, 2, 3), (4, 5, 6)], 255)
    assert table.shape == (256, 3) and table.dtype == np.uint8
    assert table[:2].tolist() == [[1, 2, 3], [4, 5, 6]]
    assert not table[2:].any()


@given(st.lists(st.tuples(*[st.integers(0, 255)] * 3), min_size=1, max_size=300))
def test_every_label_has_the_color_of_its_class(colors):
    unlabeled = 255 if len(colors) <= 255 else 65535
    labels = np.append(np.arange(len(colors)), unlabeled).astype(label_dtype(len(colors)))
    colored = colorize(labels[np.newaxis], palette(colors, unlabeled))
    assert colored.dtype == np.uint8
    assert colored[0].tolist() == [*map(list, colors), [0, 0, 0]]


def test_overlay_blends_pixels_and_colors(noise):
    pixels, colors = noise(8, 9, seed=1), noise(8, 9, seed=2)
    np.testing.assert_array_equal(overlay(pixels, colors, 0.0), pixels)
    np.testing.assert_array_equal(overlay(pixels, colors, 1.0), colors)
    half = (pixels.astype(float) + colors) / 2
    assert np.abs(overlay(pixels, colors, 0.5) - half).max() <= 0.5


@pytest.mark.parametrize(('dtype', 'unlabeled'), [(np.uint8, 255), (np.uint16, 65535)])
def test_labels_below_the_threshold_become_unlabeled(dtype, unlabeled):
    confidence = np.arange(256, dtype=np.uint8).reshape(16, 16)
    labels = np.full((16, 16), 7, dtype)
    for threshold in (0.0, 0.25, 0.5, 0.999, 1.0):
        segmentation = Segmentation(labels, confidence, {'engine': 0.1})
        result = mask_low_confidence(segmentation, threshold, unlabeled)
        expected = np.where(confidence / 255 < threshold, unlabeled, 7)
        np.testing.assert_array_equal(result.labels, expected)
        assert result.labels.dtype == dtype and result.confidence is confidence
        assert result.seconds == {'engine': 0.1}
    assert np.all(labels == 7)


def test_threshold_without_confidence_raises():
    with pytest.raises(InvalidValueError, match='expected a segmentation made with confidence'):
        mask_low_confidence(Segmentation(np.zeros((2, 2), np.uint8)), 0.5, 255)
