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

"""
Argmax of bilinearly upsampled logits, with half-pixel centers.

`best_and_largest` compares all classes at every pixel. `best_classes` has the same result, and
interpolates only where it can depend on it.
"""

from typing import Iterable, Optional, Tuple

import cv2
import numpy as np
from swiftnet_ros.core.upsampled_cells import fill, label_dtype, Labels, Logits

# With fewer output rows per row of logits, comparing all classes is as fast.
_MIN_ROWS = 4


def best_classes(logits: Logits, height: int, width: int, out: Optional[Labels] = None) -> Labels:
    """
    Return the argmax [height, width] of upsampled logits [C, h, w]; the first class on a tie.

    It is written to `out`, a contiguous array, if there is one.
    """
    classes, rows, columns = logits.shape
    labels: Labels = np.empty((height, width), label_dtype(classes)) if out is None else out
    is_large = height >= _MIN_ROWS * rows and width > columns and min(rows, columns) > 1
    if not is_large or not fill(labels, np.ascontiguousarray(logits)):
        labels[:] = best_and_largest(logits, height, width)[0]
    return labels


def best_and_largest(logits: Logits, height: int, width: int) -> Tuple[Labels, Logits]:
    """
    Return the best class and its interpolated logit for every pixel.

    One class at a time is interpolated and compared with the best so far, which needs memory for a
    few planes instead of C.
    """
    plane = np.empty((height, width), np.float32)

    def resized(logit: Logits) -> Logits:
        cv2.resize(logit, (width, height), dst=plane, interpolation=cv2.INTER_LINEAR)
        return plane

    return _argmax(map(resized, logits), len(logits))


def _argmax(planes: Iterable[Logits], classes: int) -> Tuple[Labels, Logits]:
    """Return the class with the largest value and that value; on a tie the first one stays."""
    remaining = iter(planes)
    largest = next(remaining).copy()
    labels: Labels = np.zeros(largest.shape, label_dtype(classes))
    better, ids = np.empty(largest.shape, np.uint8), labels.copy()
    for index, plane in enumerate(remaining, 1):
        cv2.compare(plane, largest, cv2.CMP_GT, dst=better)
        cv2.max(plane, largest, dst=largest)
        ids.fill(index)
        # Thirty times faster than numpy.putmask.
        cv2.copyTo(ids, better, labels)
    return labels, largest
