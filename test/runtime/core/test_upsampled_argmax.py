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

"""The fast argmax equals comparing all interpolated classes."""

import cv2
import numpy as np
import pytest
from swiftnet_ros.core import upsampled_argmax
from swiftnet_ros.core.upsampled_argmax import best_and_largest, best_classes

SIZES = [(512, 1024), (300, 461), (257, 64), (97, 1), (1080, 720)]


def regions(classes: int, h: int, w: int, seed: int = 0):
    """Return logits with large regions, as of a network."""
    random = np.random.default_rng(seed)
    coarse = random.normal(0.0, 4.0, (classes, 5, 7)).astype(np.float32)
    smooth = [cv2.resize(plane, (w, h), interpolation=cv2.INTER_CUBIC) for plane in coarse]
    return np.stack(smooth) + random.normal(0.0, 0.3, (classes, h, w)).astype(np.float32)


def fast_labels(monkeypatch, logits, height, width):
    """Return labels of the fast way; interpolating every class to every pixel is an error."""
    with monkeypatch.context() as patch:
        patch.setattr(upsampled_argmax, 'best_and_largest', None)
        patch.setattr(upsampled_argmax, '_MAX_DIFFERENT', 1.0)
        return best_classes(logits, height, width)


@pytest.mark.parametrize('size', SIZES)
@pytest.mark.parametrize('classes', [1, 2, 19, 150])
def test_fast_labels_are_the_argmax_of_interpolated_classes(monkeypatch, size, classes):
    logits = regions(classes, 24, 48)
    expected, largest = best_and_largest(logits, *size)
    labels = fast_labels(monkeypatch, logits, *size)
    assert labels.dtype == expected.dtype and labels.shape == size
    assert len(np.unique(expected)) >= min(classes, 3) or size[1] == 1
    # Where they differ, two classes are equal except for rounding.
    rows, columns = np.nonzero(labels != expected)
    assert len(rows) <= 1e-5 * labels.size
    for row, column in zip(rows, columns):
        other = cv2.resize(logits[labels[row, column]], size[::-1])[row, column]
        assert other == pytest.approx(largest[row, column], rel=1e-4, abs=1e-4)


def test_class_that_wins_only_between_two_rows_is_found(monkeypatch):
    """Down the column: 0 falls, 1 rises, and 2 stays above the point where they cross."""
    ends = np.array([[4, 0], [0, 4], [3, 3]], np.float32)
    logits = np.repeat(ends[:, :, np.newaxis], 3, axis=2)
    labels = fast_labels(monkeypatch, logits, 16, 3)
    np.testing.assert_array_equal(labels, best_and_largest(logits, 16, 3)[0])
    assert labels[:, 0].tolist() == [0] * 6 + [2] * 4 + [1] * 6


@pytest.mark.parametrize('swapped', [False, True])
def test_first_of_two_classes_equal_at_a_pixel_wins(monkeypatch, swapped):
    """Of nine rows from two, the middle one is where the two classes cross."""
    ends = np.array([[1, 0], [0, 1]], np.float32)[:: -1 if swapped else 1]
    logits = np.repeat(ends[:, :, np.newaxis], 2, axis=2)
    labels = fast_labels(monkeypatch, logits, 9, 2)
    assert labels[4].tolist() == [0, 0]
    np.testing.assert_array_equal(labels, best_and_largest(logits, 9, 2)[0])


def test_first_of_equal_classes_wins(monkeypatch):
    logits = regions(3, 24, 48)[[0, 1, 1, 2, 0]]
    labels = fast_labels(monkeypatch, logits, 240, 480)
    assert set(np.unique(labels)) == {0, 1, 3}


def test_labels_do_not_depend_on_the_band_size(monkeypatch):
    logits = regions(7, 24, 48)
    expected = fast_labels(monkeypatch, logits, 333, 480)
    for rows in (1, 5, 23):
        monkeypatch.setattr(upsampled_argmax, '_BAND_BYTES', 4 * 7 * 480 * rows)
        np.testing.assert_array_equal(fast_labels(monkeypatch, logits, 333, 480), expected)


def test_more_than_255_classes_have_16_bit_labels(monkeypatch):
    logits = regions(300, 24, 48)
    labels = fast_labels(monkeypatch, logits, 120, 240)
    assert labels.dtype == np.uint16 and labels.max() > 255
    assert np.mean(labels == best_and_largest(logits, 120, 240)[0]) > 0.9999


@pytest.mark.parametrize('value', [np.nan, np.inf, -np.inf])
def test_nan_and_infinite_logits_have_a_class(monkeypatch, value):
    logits = regions(4, 24, 48)
    logits[2, 5:9, 7:11] = value
    labels = fast_labels(monkeypatch, logits, 240, 480)
    assert labels.max() < 4
    far = best_and_largest(logits, 240, 480)[0][130:]
    np.testing.assert_array_equal(labels[130:], far)


def test_noise_and_small_outputs_compare_all_classes(monkeypatch):
    """The fast way would be slower there."""
    calls = []
    monkeypatch.setattr(upsampled_argmax, '_fill', lambda *given: calls.append(given))
    noise = np.random.default_rng(0).normal(size=(5, 8, 8)).astype(np.float32)
    best_classes(noise, 80, 80)
    best_classes(regions(5, 24, 48), 48, 96)
    best_classes(regions(5, 1, 48), 48, 96)
    assert not calls
