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

"""Labels that lack a class, or whose 255 may be one, against hand-made counts."""

import numpy as np
import pytest
from swiftnet_ros.core.label_coverage import coverage_warning, label_counts

NAMES = ('floor', 'person')
LABEL = np.array([[0, 0, 1], [255, 255, 7]], np.uint8)


def warning(*rows):
    return coverage_warning(NAMES, np.array(rows), 'the labels', 'do this')


def test_counts_are_of_the_classes_and_last_of_no_class():
    assert label_counts(LABEL, 2, 255).tolist() == [2, 1, 2]
    assert label_counts(LABEL[:1], 2, 255).tolist() == [2, 1, 0]
    assert label_counts(LABEL.astype(np.uint16), 8, 65535).tolist() == [2, 1, 0, 0, 0, 0, 0, 1, 0]


@pytest.mark.parametrize(
    'rows',
    [
        # All classes, with borders of objects or much of images of several classes unlabeled.
        [[90, 5, 5]],
        [[20, 20, 60], [30, 30, 40]],
        # One image of a single class with few unlabeled pixels.
        [[80, 0, 20], [50, 50, 0]],
        [],
    ],
)
def test_labels_of_all_classes_have_no_warning(rows):
    assert warning(*rows or [[0, 0, 0]]) is None


def test_a_class_without_a_pixel():
    assert warning([100, 0, 0], [50, 0, 0]) == (
        'no pixel of the labels is of class person; check the labels and the ids of the classes'
    )


def test_masks_of_0_and_255():
    assert warning([90, 0, 10], [95, 0, 5]) == (
        'no pixel of the labels is of class person; 7.5% of them are unlabeled (255 or ignored); '
        'if 255 marks a class, as in masks of 0 and 255, do this'
    )


def test_masks_next_to_labels_of_every_class():
    assert warning([50, 0, 50], [60, 0, 40], [50, 50, 0]) == (
        '30.0% of the labels are unlabeled (255 or ignored); if 255 marks a class, as in masks of '
        '0 and 255, do this'
    )


def test_many_absent_classes_are_not_all_listed():
    names = [f'c{index}' for index in range(20)]
    text = coverage_warning(names, np.array([[1] + [0] * 20]), 'the labels', '')
    assert 'of class c1, c2, c3, c4, c5, c6, c7, c8, ...;' in text
