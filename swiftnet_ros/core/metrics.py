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

"""Metrics from counts that are summed over a whole split: mIoU, IoU, calibration error."""

from typing import Any, Iterable, List, Optional

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.int64]

# Equal intervals of confidence that the calibration error compares.
_BINS = 15


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
    return mean_of_known(class_iou(matrix))


def mean_of_known(values: Iterable[Optional[float]]) -> Optional[float]:
    """Return the mean of the values that are not None; None if all are."""
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def confidence_counts(
    truth: npt.NDArray[Any],
    predicted: npt.NDArray[Any],
    confidence: npt.NDArray[np.uint8],
    classes: int,
) -> Matrix:
    """
    Return pixel counts by confidence, 0 to 255, and whether the class is right: int64 [256, 2].

    Pixels whose true id is not a class (unlabeled) do not count.
    """
    valid = truth < classes
    is_right = predicted[valid] == truth[valid]
    cells = 2 * confidence[valid].astype(np.int64) + is_right
    return np.bincount(cells, minlength=512).reshape(256, 2)


def calibration_error(counts: Matrix) -> Optional[float]:
    """
    Return the expected calibration error (ECE) of `confidence_counts`, None without pixels.

    It is the difference between confidence and fraction of right pixels, 0 to 1, averaged over 15
    equal intervals of confidence, each weighted by its pixels (Guo et al., ICML 2017).
    """
    total = counts.sum()
    if not total:
        return None
    confidence = np.arange(256) / 255
    excess = confidence * counts.sum(axis=1) - counts[:, 1]
    interval = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    return float(np.abs(np.bincount(interval, excess)).sum() / total)
