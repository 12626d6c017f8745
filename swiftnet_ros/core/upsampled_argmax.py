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
Fast argmax of bilinearly upsampled logits, with half-pixel centers.

Between two rows of logits, each class is linear down a column of pixels. The two classes that win
at its ends also win in between, up to the point where they cross, unless a third class is larger
there. So only the rows of logits and those few columns need all classes, which takes a fifth of
the time of interpolating every class to every pixel.
"""

from typing import Iterable, Tuple

import cv2
import numpy as np
import numpy.typing as npt

Labels = npt.NDArray[np.unsignedinteger]
Logits = npt.NDArray[np.float32]
Indices = npt.NDArray[np.intp]

# The fast way needs this many output rows per row of logits, and at most this fraction of columns
# whose two ends have different classes; for a trained network it is about 0.1.
_MIN_ROWS = 4
_MAX_DIFFERENT = 0.3
# Bytes of logits that are widened to the output at a time.
_BAND_BYTES = 2**23


def label_dtype(classes: int) -> type:
    """Return the pixel type of labels: uint8, or uint16 above 255 classes."""
    return np.uint8 if classes <= 255 else np.uint16


def best_classes(logits: Logits, height: int, width: int) -> Labels:
    """Return the argmax [height, width] of upsampled logits [C, h, w]."""
    classes, rows, _ = logits.shape
    if rows < 2 or height < _MIN_ROWS * rows or _differing(logits) > _MAX_DIFFERENT:
        return best_and_largest(logits, height, width)[0]
    labels: Labels = np.empty((height, width), label_dtype(classes))
    above, offset = _positions(height, rows)
    step = max(1, _BAND_BYTES // (4 * classes * width))
    for first in range(0, rows - 1, step):
        last = min(first + step, rows - 1)
        begin, end = np.searchsorted(above, (first, last))
        within = slice(first, last + 1)
        wide = _widened(logits[:, within], width)
        _fill(labels[begin:end], wide, above[begin:end] - first, offset[begin:end])
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


def _differing(logits: Logits) -> float:
    """Return the fraction of pixels whose best class differs from the row above."""
    labels = _argmax(np.ascontiguousarray(logits), len(logits))[0]
    return float(np.mean(labels[1:] != labels[:-1]))


def _positions(size: int, rows: int) -> Tuple[Indices, Logits]:
    """Return, for each output row, the row of logits above it and the distance to it, 0 to 1."""
    at = np.clip((np.arange(size) + 0.5) * (rows / size) - 0.5, 0, rows - 1)
    above = np.minimum(at.astype(np.intp), rows - 2)
    return above, (at - above).astype(np.float32)


def _widened(logits: Logits, width: int) -> Logits:
    """Return logits with every row interpolated to the width of the output."""
    wide = np.empty((*logits.shape[:2], width), np.float32)
    for logit, plane in zip(logits, wide):
        size = (width, logits.shape[1])
        cv2.resize(logit, size, dst=plane, interpolation=cv2.INTER_LINEAR)
    return wide


def _fill(labels: Labels, wide: Logits, above: Indices, offset: Logits) -> None:
    """
    Label the output rows between rows of widened logits [C, n + 1, W].

    `above` ascends from 0 to n - 1; `offset` is 0 at that row and 1 at the next.
    """
    winners = _argmax(wide, len(wide))[0]
    upper, lower = winners[:-1], winners[1:]
    crossing, open_columns = _crossings(wide, upper, lower)
    starts = np.searchsorted(above, np.arange(len(upper) + 1))
    begin, count = starts[:-1], np.diff(starts)
    for line in range(count.max(initial=0)):
        chosen = np.flatnonzero(count > line)
        rows = begin[chosen] + line
        passed = np.less(crossing[chosen], offset[rows, np.newaxis])
        labels[rows] = cv2.copyTo(lower[chosen], passed.view(np.uint8), upper[chosen])
    row, column = np.divmod(open_columns, wide.shape[2])
    top = wide[:, row, column]
    rise = wide[:, row + 1, column] - top
    for line in range(count[row].max(initial=0)):
        chosen = np.flatnonzero(count[row] > line)
        rows = begin[row[chosen]] + line
        found = (top[:, chosen] + offset[rows] * rise[:, chosen]).argmax(axis=0)
        labels[rows, column[chosen]] = found


def _crossings(wide: Logits, upper: Labels, lower: Labels) -> Tuple[Logits, Indices]:
    """
    Return where, from 0 to 1, the class that wins below takes over from the one above.

    It is [n, W], infinite where both are the same. Also returned are the flat indices of the
    columns in which a third class is larger at the crossing.
    """
    classes, _, width = wide.shape
    different = np.flatnonzero(upper != lower)
    first, second = (ids.reshape(-1)[different].astype(np.intp) for ids in (upper, lower))
    flat = wide.reshape(classes, -1)
    top, bottom = flat[first, different], flat[first, different + width]
    lead = top - flat[second, different]
    with np.errstate(divide='ignore', invalid='ignore'):
        at = lead / (lead + (flat[second, different + width] - bottom))
    value = top + at * (bottom - top)
    is_open = np.zeros(len(different), bool)
    for index, plane in enumerate(flat):
        start, end = plane.take(different), plane.take(different + width)
        is_open |= (start + at * (end - start) > value) & (index != first) & (index != second)
    # On a tie the smaller id wins.
    at = np.where(second < first, np.nextafter(at, np.float32(-1)), at)
    crossing = np.full(upper.shape, np.inf, np.float32)
    crossing.reshape(-1)[different] = np.minimum(at, np.nextafter(np.float32(1), np.float32(0)))
    return crossing, different[is_open]
