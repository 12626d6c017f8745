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

"""MIoU and IoU from a confusion matrix that is summed over a whole split."""

from typing import Any, List, Optional

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.int64]


def confusion_matrix(truth: npt.NDArray[Any], predicted: npt.NDArray[Any], classes: int) -> Matrix:
    """
    Return pixel counts by true class (row) and predicted class (column): int64 [C, C + 1].

    Pixels whose true id is not a class (unlabeled) do not count. The last column counts predicted
    ids that are not a class, each a miss of the true class.
    """
    valid = truth < classes
    column = np.minimum(predicted[valid].astype(np.int64), classes)
    cells = truth[valid].astype(np.int64) * (classes + 1) + column
    counts = np.bincount(cells, minlength=classes * (classes + 1))
    return counts.reshape(classes, classes + 1)


def class_iou(
    matrix: Matrix, false_positives: Optional[npt.NDArray[np.int64]] = None
) -> List[Optional[float]]:
    """
    Return the intersection over union of each class, None for an empty union.

    `false_positives` [C] are further pixels predicted as each class that do not show it.
    """
    classes = len(matrix)
    intersection = np.diagonal(matrix)
    union = matrix.sum(axis=1) + matrix[:, :classes].sum(axis=0) - intersection
    if false_positives is not None:
        union = union + false_positives
    return [float(hit / total) if total else None for hit, total in zip(intersection, union)]


def mean_iou(matrix: Matrix) -> Optional[float]:
    """Return the mean IoU of classes with a non-empty union, 0 to 1; None if there are none."""
    present = [value for value in class_iou(matrix) if value is not None]
    return float(np.mean(present)) if present else None
