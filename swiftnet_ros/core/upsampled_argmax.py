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
The best class of every pixel of bilinearly interpolated logits, with half-pixel centres.

Upwards, down a column of pixels between two rows of logits, every class is a straight line. Of two
lines that win at the two ends the better one wins in between, unless a third passes above the
point where they cross: so only the rows of logits, the crossings and those few columns need
all classes. On the CPU that takes a fifth of the time of interpolating every class to every pixel.
"""

from typing import Tuple

import cv2
import numpy as np
import numpy.typing as npt

Labels = npt.NDArray[np.unsignedinteger]
Logits = npt.NDArray[np.float32]
Indices = npt.NDArray[np.intp]

# From how many rows of pixels for a row of logits on it is worth it, and up to which part of
# columns whose ends differ: labels of a trained network differ at one in ten.
_LEAST_ROWS = 4
_MOST_DIFFERENT = 0.3
# Bytes of the logits that are stretched to the width of the output at a time.
_BAND_BYTES = 2**23


def label_dtype(classes: int) -> type:
    """Give the pixel type of labels: uint8, or uint16 where 255 must stay free above 255."""
    return np.uint8 if classes <= 255 else np.uint16


def best_classes(logits: Logits, height: int, width: int) -> Labels:
    """Give the class ids [height, width] of the largest of interpolated logits [C, h, w]."""
    classes, rows, _ = logits.shape
    if rows < 2 or height < _LEAST_ROWS * rows or _differing(logits) > _MOST_DIFFERENT:
        return best_and_largest(logits, height, width)[0]
    labels: Labels = np.empty((height, width), label_dtype(classes))
    above, part = _positions(height, rows)
    step = max(1, _BAND_BYTES // (4 * classes * width))
    for first in range(0, rows - 1, step):
        last = min(first + step, rows - 1)
        begin, end = np.searchsorted(above, (first, last))
        within = slice(first, last + 1)
        wide = _widened(logits[:, within], width)
        _fill(labels[begin:end], wide, above[begin:end] - first, part[begin:end])
    return labels


def best_and_largest(logits: Logits, height: int, width: int) -> Tuple[Labels, Logits]:
    """
    Give the best class and its interpolated logit for every pixel.

    One class is interpolated at a time and compared with the best so far, so that the memory is a
    few planes and not C.
    """
    plane = np.empty((height, width), np.float32)

    def resized(logit: Logits) -> Logits:
        cv2.resize(logit, (width, height), dst=plane, interpolation=cv2.INTER_LINEAR)
        return plane

    largest = resized(logits[0]).copy()
    labels: Labels = np.zeros((height, width), label_dtype(len(logits)))
    better, ids = np.empty(plane.shape, np.uint8), labels.copy()
    for index in range(1, len(logits)):
        _take_better(resized(logits[index]), index, largest, labels, better, ids)
    return labels, largest


def _take_better(
    plane: Logits, index: int, largest: Logits, labels: Labels, better: Labels, ids: Labels
) -> None:
    """Compare a class with the best so far; the first of equals stays."""
    cv2.compare(plane, largest, cv2.CMP_GT, dst=better)
    cv2.max(plane, largest, dst=largest)
    ids.fill(index)
    # Thirty times faster than numpy.putmask.
    cv2.copyTo(ids, better, labels)


def _best(planes: Logits) -> Labels:
    largest = planes[0].copy()
    labels: Labels = np.zeros(largest.shape, label_dtype(len(planes)))
    better, ids = np.empty(largest.shape, np.uint8), labels.copy()
    for index in range(1, len(planes)):
        _take_better(planes[index], index, largest, labels, better, ids)
    return labels


def _differing(logits: Logits) -> float:
    """Tell how often the best class changes from one row of logits to the next."""
    labels = _best(np.ascontiguousarray(logits))
    return float(np.mean(labels[1:] != labels[:-1]))


def _positions(size: int, rows: int) -> Tuple[Indices, Logits]:
    """Give each output row's logits row above it, and how far it is on the way to the next."""
    at = np.clip((np.arange(size) + 0.5) * (rows / size) - 0.5, 0, rows - 1)
    above = np.minimum(at.astype(np.intp), rows - 2)
    return above, (at - above).astype(np.float32)


def _widened(logits: Logits, width: int) -> Logits:
    """Interpolate every row to the width of the output."""
    wide = np.empty((*logits.shape[:2], width), np.float32)
    for logit, plane in zip(logits, wide):
        size = (width, logits.shape[1])
        cv2.resize(logit, size, dst=plane, interpolation=cv2.INTER_LINEAR)
    return wide


def _fill(labels: Labels, wide: Logits, above: Indices, part: Logits) -> None:
    """
    Label the output rows between rows of widened logits [C, n + 1, W].

    `above` in 0 to n - 1 ascends; `part` is 0 at that row and 1 at the next.
    """
    winners = _best(wide)
    upper, lower = winners[:-1], winners[1:]
    crossing, open_columns = _crossings(wide, upper, lower)
    starts = np.searchsorted(above, np.arange(len(upper) + 1))
    begin, count = starts[:-1], np.diff(starts)
    for offset in range(count.max(initial=0)):
        chosen = np.flatnonzero(count > offset)
        rows = begin[chosen] + offset
        passed = np.less(crossing[chosen], part[rows, np.newaxis])
        labels[rows] = cv2.copyTo(lower[chosen], passed.view(np.uint8), upper[chosen])
    row, column = np.divmod(open_columns, wide.shape[2])
    top = wide[:, row, column]
    rise = wide[:, row + 1, column] - top
    for offset in range(count[row].max(initial=0)):
        chosen = np.flatnonzero(count[row] > offset)
        rows = begin[row[chosen]] + offset
        found = (top[:, chosen] + part[rows] * rise[:, chosen]).argmax(axis=0)
        labels[rows, column[chosen]] = found


def _crossings(wide: Logits, upper: Labels, lower: Labels) -> Tuple[Logits, Indices]:
    """
    Find where, from 0 to 1, the winner below takes over from the winner above.

    Gives [n, W], infinite where both are the same, and the flat indices of the columns in which
    a third class passes above the crossing.
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
    # Where they are equal the smaller id wins.
    at = np.where(second < first, np.nextafter(at, np.float32(-1)), at)
    crossing = np.full(upper.shape, np.inf, np.float32)
    crossing.reshape(-1)[different] = np.minimum(at, np.nextafter(np.float32(1), np.float32(0)))
    return crossing, different[is_open]
