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

"""MIoU against counts by hand and by sets."""

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
import numpy as np
from swiftnet_ros.core.metrics import class_iou, confusion_matrix, mean_iou

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
