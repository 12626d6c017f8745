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

"""MIoU against counts by hand and by sets, calibration error by hand."""

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
import numpy as np
import pytest
from swiftnet_ros.core.metrics import (
    calibration_error,
    class_iou,
    confidence_counts,
    confusion_matrix,
    mean_iou,
)

UNLABELED = 255
images = arrays(np.uint8, (6, 7), elements=st.sampled_from([0, 1, 2, 3, UNLABELED]))


def test_matrix_counts_true_class_by_predicted_class():
    truth = np.array([[0, 0, 1], [2, UNLABELED, 2]], np.uint8)
    predicted = np.array([[0, 1, 1], [2, 0, 0]], np.uint8)
    matrix = confusion_matrix(truth, predicted, 3)
    assert matrix.dtype == np.int64
    assert matrix[:, :3].tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 1]]
    assert not matrix[:, 3].any()


def test_iou_of_an_absent_class_is_none():
    truth, predicted = np.array([0, 0, 1], np.uint8), np.array([0, 1, 1], np.uint8)
    assert class_iou(confusion_matrix(truth, predicted, 3)) == [0.5, 0.5, None]
    value = mean_iou(confusion_matrix(truth, predicted, 3))
    assert value == 0.5 and type(value) is float


def test_true_ids_of_no_class_do_not_count():
    truth, predicted = np.array([0, 3, 254, 255], np.uint8), np.zeros(4, np.uint8)
    assert confusion_matrix(truth, predicted, 3).sum() == 1


def test_prediction_outside_the_classes_is_a_miss():
    truth, predicted = np.array([0, 0, 1], np.uint8), np.array([0, UNLABELED, 1], np.uint8)
    assert class_iou(confusion_matrix(truth, predicted, 2)) == [0.5, 1.0]


def test_unlabeled_truth_does_not_count():
    truth = np.full((4, 4), UNLABELED, np.uint8)
    matrix = confusion_matrix(truth, np.zeros((4, 4), np.uint8), 3)
    assert matrix.sum() == 0
    assert class_iou(matrix) == [None] * 3
    assert mean_iou(matrix) is None


@given(images, images)
def test_iou_is_intersection_over_union_of_labeled_pixels(truth, predicted):
    labeled = truth < 4
    for index, value in enumerate(class_iou(confusion_matrix(truth, predicted, 4))):
        of_truth, of_prediction = (truth == index) & labeled, (predicted == index) & labeled
        union = np.sum(of_truth | of_prediction)
        assert value == (np.sum(of_truth & of_prediction) / union if union else None)


@given(st.lists(st.tuples(images, images), min_size=1, max_size=4))
def test_matrices_of_images_add_up_to_that_of_the_split(pairs):
    whole = confusion_matrix(*(np.concatenate(images) for images in zip(*pairs)), 4)
    np.testing.assert_array_equal(sum(confusion_matrix(*pair, 4) for pair in pairs), whole)


def test_16_bit_labels_are_counted():
    ids = np.arange(300, dtype=np.uint16)
    assert mean_iou(confusion_matrix(ids, ids, 300)) == 1.0
    assert mean_iou(confusion_matrix(ids, ids[::-1].copy(), 300)) == 0.0


def test_calibration_error_by_hand():
    """15 intervals: 0.2 is in one, 0.8 and 204 / 255 in another, 1.0 in the last."""
    confidence = np.array([[51, 51, 51, 51], [204, 204, 204, 255]], np.uint8)
    truth = np.array([[0, 1, 1, 1], [0, 0, 1, 255]], np.uint8)
    predicted = np.array([[0, 0, 0, 0], [0, 0, 0, 0]], np.uint8)
    counts = confidence_counts(truth, predicted, confidence, 2)
    assert counts.shape == (256, 2) and counts.sum() == 7
    assert counts[51].tolist() == [3, 1] and counts[204].tolist() == [1, 2]
    expected = 4 / 7 * abs(0.2 - 1 / 4) + 3 / 7 * abs(0.8 - 2 / 3)
    assert calibration_error(counts) == pytest.approx(expected, rel=1e-12)


def test_over_and_underconfidence_in_one_interval_cancel():
    counts = np.zeros((256, 2), np.int64)
    counts[206], counts[210] = (0, 1), (1, 0)
    assert calibration_error(counts) == pytest.approx(abs(416 / 255 - 1) / 2)
    # Another interval.
    counts[190] = (0, 1)
    expected = (abs(416 / 255 - 1) + abs(190 / 255 - 1)) / 3
    assert calibration_error(counts) == pytest.approx(expected)


def test_perfect_confidence_has_no_calibration_error_and_no_pixels_have_none():
    counts = np.zeros((256, 2), np.int64)
    assert calibration_error(counts) is None
    counts[255], counts[51] = (0, 100), (80, 20)
    assert calibration_error(counts) == pytest.approx(0, abs=1e-12)
