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

"""The fast argmax equals comparing all interpolated classes, at every pixel."""

import cv2
import numpy as np
import pytest
from swiftnet_ros.core import upsampled_argmax, upsampled_cells
from swiftnet_ros.core.upsampled_argmax import best_and_largest, best_classes, label_dtype

SIZES = [(512, 1024), (300, 461), (257, 64), (1080, 720), (97, 49)]


def regions(classes: int, h: int, w: int, seed: int = 0):
    """Return logits with large regions, as of a network."""
    random = np.random.default_rng(seed)
    coarse = random.normal(0.0, 4.0, (classes, 5, 7)).astype(np.float32)
    smooth = [cv2.resize(plane, (w, h), interpolation=cv2.INTER_CUBIC) for plane in coarse]
    return np.stack(smooth) + random.normal(0.0, 0.3, (classes, h, w)).astype(np.float32)


def fast_labels(monkeypatch, logits, height, width):
    """Return labels of the fast way, however many cells are mixed."""
    labels = np.empty((height, width), label_dtype(len(logits)))
    with monkeypatch.context() as patch:
        patch.setattr(upsampled_cells, '_MAX_MIXED', 1.0)
        assert upsampled_cells.fill(labels, logits)
    return labels


def assert_exact(monkeypatch, logits, *size):
    """Compare both ways at every pixel, and return the labels."""
    expected = best_and_largest(logits, *size)[0]
    labels = fast_labels(monkeypatch, logits, *size)
    assert labels.dtype == expected.dtype
    np.testing.assert_array_equal(labels, expected)
    np.testing.assert_array_equal(best_classes(logits, *size), expected)
    return labels


@pytest.mark.parametrize('size', SIZES)
@pytest.mark.parametrize('classes', [1, 2, 19, 150])
def test_labels_are_those_of_comparing_all_classes(monkeypatch, size, classes):
    labels = assert_exact(monkeypatch, regions(classes, 24, 48), *size)
    assert len(np.unique(labels)) >= min(classes, 3)


@pytest.mark.parametrize('seed', range(12))
def test_labels_of_any_size_and_scale_are_exact(monkeypatch, seed):
    """Rounded logits tie in many pixels, repeated classes in all of theirs."""
    random = np.random.default_rng(seed)
    h, w = random.integers(2, 30, 2).tolist()
    height, width = 4 * h + random.integers(0, 9 * h), w + 1 + random.integers(0, 9 * w)
    logits = regions(int(random.integers(2, 12)), h, w, seed)
    for changed in (
        logits,
        np.round(logits),
        logits[random.integers(0, len(logits), len(logits))],
        logits * np.float32(1e30),
        logits * np.float32(1e-30),
        logits.astype(np.float16).astype(np.float32) + 100,
        np.zeros_like(logits),
    ):
        assert_exact(monkeypatch, changed, int(height), int(width))


def test_class_that_wins_only_between_logits_is_found(monkeypatch):
    """Down and across: 0 falls, 1 rises, and 2 stays above the point where they cross."""
    ends = np.array([[4, 0], [0, 4], [3, 3]], np.float32)
    down = np.repeat(ends[:, :, np.newaxis], 3, axis=2)
    labels = assert_exact(monkeypatch, down, 16, 4)
    assert labels[:, 0].tolist() == [0] * 6 + [2] * 4 + [1] * 6
    labels = assert_exact(monkeypatch, down.transpose(0, 2, 1), 12, 16)
    assert labels[0].tolist() == [0] * 6 + [2] * 4 + [1] * 6


def test_class_that_wins_only_in_the_middle_of_a_cell_is_found(monkeypatch):
    """Class 4 is second at all four corners."""
    corners = np.eye(4, dtype=np.float32).reshape(4, 2, 2) * 4
    logits = np.concatenate((corners, np.full((1, 2, 2), 3, np.float32)))
    labels = assert_exact(monkeypatch, logits, 16, 16)
    assert labels[[0, 0, -1, -1, 8], [0, -1, 0, -1, 8]].tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize('swapped', [False, True])
def test_first_of_two_classes_equal_at_a_pixel_wins(monkeypatch, swapped):
    """Of nine rows from two, the middle one is where the two classes cross."""
    ends = np.array([[1, 0], [0, 1]], np.float32)[:: -1 if swapped else 1]
    logits = np.repeat(ends[:, :, np.newaxis], 2, axis=2)
    labels = assert_exact(monkeypatch, logits, 9, 3)
    assert labels[4].tolist() == [0, 0, 0]


def test_first_of_equal_classes_wins(monkeypatch):
    labels = assert_exact(monkeypatch, regions(3, 24, 48)[[0, 1, 1, 2, 0]], 240, 480)
    assert set(np.unique(labels)) == {0, 1, 3}


def test_more_than_255_classes_have_16_bit_labels(monkeypatch):
    labels = assert_exact(monkeypatch, regions(300, 24, 48), 120, 240)
    assert labels.dtype == np.uint16 and labels.max() > 255


def test_more_than_255_rows_between_logits(monkeypatch):
    assert_exact(monkeypatch, regions(3, 2, 3), 700, 4)


@pytest.mark.parametrize('value', [np.nan, np.inf, -np.inf, 3e38])
def test_logits_that_are_no_numbers_or_too_large_are_compared_one_by_one(value):
    logits = regions(4, 24, 48)
    logits[2, 5:9, 7:11] = value
    labels = np.full((240, 480), 77, np.uint8)
    assert not upsampled_cells.fill(labels, logits)
    assert (labels == 77).all()
    expected = best_and_largest(logits, 240, 480)[0]
    np.testing.assert_array_equal(best_classes(logits, 240, 480), expected)


def test_labels_are_written_to_an_array(monkeypatch):
    logits = regions(5, 24, 48)
    for size in ((240, 480), (48, 96)):
        out = np.empty(size, np.uint8)
        assert best_classes(logits, *size, out=out) is out
        np.testing.assert_array_equal(out, best_and_largest(logits, *size)[0])


def test_noise_and_small_outputs_compare_all_classes(monkeypatch):
    """The fast way would be slower there."""
    calls = []
    monkeypatch.setattr(upsampled_cells, '_cells', lambda *given: calls.append(given) or [])
    noise = np.random.default_rng(0).normal(size=(5, 8, 8)).astype(np.float32)
    best_classes(noise, 80, 80)
    best_classes(regions(5, 24, 48), 48, 96)
    best_classes(regions(5, 1, 48), 48, 96)
    best_classes(regions(5, 24, 48), 240, 48)
    assert not calls
    upsampled_argmax.best_classes(regions(5, 24, 48), 240, 96)
    assert len(calls) == 1
