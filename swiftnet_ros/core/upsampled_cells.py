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
Label the pixels between logits, exactly as comparing all classes there would.

In the cell between four logits, each class is a weighted mean of its four values. So a class that
is best at all four is best in between, without arithmetic. Where the best ones differ, a class
that is below their mean at all four is never best. What remains in a trained network is one or
two cells in ten, with two or three candidates each, and only these are interpolated. Where two
candidates are equal except for rounding, OpenCV's own values decide.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Iterator, List, Tuple

import cv2
import numpy as np
import numpy.typing as npt

Labels = npt.NDArray[np.unsignedinteger]
Logits = npt.NDArray[np.float32]
Indices = npt.NDArray[np.intp]
Mask = npt.NDArray[np.bool_]
# Row, column and one of the candidates of each pixel; a pixel may be repeated.
_Pixels = Tuple[Indices, Indices, Labels]

# With more mixed cells, comparing all classes is faster; a trained network has 0.04 to 0.25.
_MAX_MIXED = 0.5
# A bound on the rounding of the difference of two interpolated logits, relative to the largest.
_ROUNDING = 2.0**-19
# Cells with so many candidates are processed together.
_GROUPS = ((2, 2), (3, 3), (4, 2**16))
# Sums of larger logits could overflow.
_MAX_SUM = 1e37


def label_dtype(classes: int) -> type:
    """Return the pixel type of labels: uint8, or uint16 above 255 classes."""
    return np.uint8 if classes <= 255 else np.uint16


@dataclass(frozen=True)
class _Axis:
    """
    Where the pixels of a row or column of labels are between its n logits.

    The first and the last logit count twice, since the pixels at the border have a logit on one
    side only. `before` is the logit before each pixel. `pixels` and `offset` are [n + 1, m]: the
    pixels between two logits, the last one repeated where there are fewer than m, and their
    distances to the first of the two, 0 to 1, which grow by `step`.
    """

    before: Indices
    pixels: Indices
    offset: Logits
    step: float


@lru_cache(maxsize=16)
def _axis(size: int, count: int) -> _Axis:
    """Return the axis of `size` pixels over `count` logits, with the very weights of OpenCV."""
    # OpenCV rounds the position to float32.
    position = ((np.arange(size) + 0.5) * (count / size) - 0.5).astype(np.float32)
    before = np.floor(position).astype(np.intp)
    odd = np.tile(np.arange(count) % 2, (2, 1)).astype(np.float32)
    after_even, after_odd = (
        cv2.resize(line, (size, 2), interpolation=cv2.INTER_LINEAR)[0] for line in (odd, 1 - odd)
    )
    offset = np.where(before % 2, after_odd, after_even)
    is_border = (before < 0) | (before > count - 2)
    offset[is_border] = (position - before)[is_border]
    starts = np.searchsorted(before, np.arange(-1, count + 1))
    in_interval = np.diff(starts)
    number = np.minimum(np.arange(in_interval.max()), in_interval[:, np.newaxis] - 1)
    pixels = starts[:-1, np.newaxis] + number
    return _Axis(before + 1, pixels, offset[pixels], count / size)


@dataclass(frozen=True)
class _Cells:
    """
    Cells between four logits, each with K classes of which one is largest at every pixel.

    `row` and `column` [n] are those of the first of the four. `classes` [K, n] ascend, and
    `corners` [4, K, n] are their logits: two of the upper row, then two of the lower.
    """

    row: Indices
    column: Indices
    classes: Labels
    corners: Logits


def fill(labels: Labels, logits: Logits) -> bool:
    """
    Write the argmax of upsampled logits [C, h, w] to contiguous labels [H, W].

    Return False, and write nothing, if comparing all classes is faster. There must be at least two
    rows and columns of logits, and more of labels than of logits.
    """
    flat = logits.reshape(-1)
    # Also if one is no number.
    if not cv2.norm(flat, cv2.NORM_L1) < _MAX_SUM:
        return False
    rounding = np.float32(_ROUNDING * cv2.norm(flat, cv2.NORM_INF))
    rows, columns = (_axis(*sizes) for sizes in zip(labels.shape, logits.shape[1:]))
    padded = np.stack([cv2.copyMakeBorder(i, 1, 1, 1, 1, cv2.BORDER_REPLICATE) for i in logits])
    best, lead = _best_and_lead(padded)
    is_mixed = ~_is_uniform(best, lead > rounding)
    if np.count_nonzero(is_mixed) > _MAX_MIXED * is_mixed.size:
        return False
    strips = _Strips.uniform(best[:-1].take(columns.before, axis=1), rows)
    several: List[_Cells] = []
    close: List[_Pixels] = []
    for cells in _cells(padded, best, np.flatnonzero(is_mixed), rounding):
        if len(cells.classes) == 2:
            close.append(strips.add_pairs(cells, rows, columns, rounding))
        else:
            several.append(cells)
    strips.write(labels, rows)
    for cells in several:
        close += _label(labels, cells, rows, columns, rounding)
    if close:
        _decide(labels, logits, *(np.concatenate(parts) for parts in zip(*close)))
    return True


def _best_and_lead(logits: Logits) -> Tuple[Labels, Logits]:
    """Return the best class [h, w], and by how much its logit is larger than all others."""
    best: Labels = np.zeros(logits.shape[1:], label_dtype(len(logits)))
    largest, second = logits[0].copy(), np.full(best.shape, -np.inf, np.float32)
    better, ids, smaller = np.empty(best.shape, np.uint8), best.copy(), largest.copy()
    for index, logit in enumerate(logits[1:], 1):
        cv2.compare(logit, largest, cv2.CMP_GT, dst=better)
        cv2.min(logit, largest, dst=smaller)
        cv2.max(smaller, second, dst=second)
        cv2.max(logit, largest, dst=largest)
        ids.fill(index)
        cv2.copyTo(ids, better, best)
    return best, largest - second


def _is_uniform(best: Labels, is_sure: Mask) -> Mask:
    """Return whether the four logits of a cell [h - 1, w - 1] surely have the same best class."""
    pairs = is_sure[1:] & is_sure[:-1] & (best[1:] == best[:-1])
    return np.asarray(pairs[:, 1:] & pairs[:, :-1] & (best[1:, 1:] == best[1:, :-1]))


def _cells(logits: Logits, best: Labels, cells: Indices, rounding: np.float32) -> Iterator[_Cells]:
    """Yield cells, of flat indices, with the classes that may be largest in them."""
    width, n = best.shape[1], len(cells)
    row, column = np.divmod(cells, width - 1)
    corner = row * width + column + np.array([[0], [1], [width], [width + 1]])
    values = logits.reshape(len(logits), -1).take(corner, axis=1)
    here = np.arange(4 * n).reshape(4, n)
    winners = best.reshape(-1).take(corner).astype(np.intp)
    mean = values.reshape(-1).take(4 * n * winners[:, np.newaxis] + here).mean(axis=0)
    candidates = (values > mean - rounding).any(axis=1)
    count = candidates.sum(axis=0)
    for low, high in _GROUPS:
        chosen = np.flatnonzero((count >= low) & (count <= high))
        if len(chosen):
            classes = _ids(candidates.take(chosen, axis=1), count[chosen])
            corners = values.reshape(-1).take(4 * n * classes + chosen + here[:, :1, np.newaxis])
            yield _Cells(row[chosen], column[chosen], classes.astype(best.dtype), corners)


def _ids(candidates: Mask, count: Indices) -> Indices:
    """Return the ids [K, n] of candidates [C, n]; others fill up where there are less than K."""
    most = int(count.max())
    if count.min() == most:
        return np.nonzero(candidates.T)[1].reshape(-1, most).T
    return np.sort(np.argsort(~candidates, axis=0, kind='stable')[:most], axis=0)


@dataclass(frozen=True)
class _Strips:
    """
    The pixels between two rows of logits, each strip [W] as wide as the labels.

    Down a column of a strip, the first `kept` pixels have the class `upper`, the others `lower`.
    """

    upper: Labels
    lower: Labels
    kept: Labels

    @classmethod
    def uniform(cls, labels: Labels, rows: _Axis) -> '_Strips':
        """Return strips that have one class down each column."""
        most = rows.pixels.shape[1]
        return cls(labels, labels.copy(), np.full(labels.shape, most, np.min_scalar_type(most)))

    def add_pairs(
        self, cells: _Cells, rows: _Axis, columns: _Axis, rounding: np.float32
    ) -> _Pixels:
        """
        Add cells with two candidates, of which one replaces the other at most once in a column.

        Return the pixels that rounding might decide.
        """
        lead = cells.corners[:, 0] - cells.corners[:, 1]
        start, end = _edges(lead, columns.offset[cells.column])
        classes = np.repeat(cells.classes, columns.offset.shape[1], axis=1)
        strip, column = _places(cells, columns)
        place = strip * self.upper.shape[1] + column
        for target, edge in ((self.upper, start), (self.lower, end)):
            best = classes[0].copy()
            cv2.copyTo(classes[1], np.less(edge, 0).view(np.uint8), best)
            target.reshape(-1)[place] = best
        most, fall = rows.pixels.shape[1], start - end
        with np.errstate(divide='ignore', invalid='ignore'):
            crossing = (start / fall - rows.offset[:, 0].take(strip)) / rows.step
        # The pixel that is nearest to the crossing decides; a value that is no number becomes 0.
        line = np.fmin(np.fmax(np.rint(crossing), 0), most - 1).astype(np.intp)
        value = start - fall * rows.offset.reshape(-1).take(strip * most + line)
        kept = line + (np.less(value, 0) == np.less(start, 0))
        self.kept.reshape(-1)[place] = kept.astype(self.kept.dtype)
        close = np.flatnonzero(np.abs(value) <= rounding)
        return _pixels(rows, strip[close], column[close], classes[:, close])

    def write(self, labels: Labels, rows: _Axis) -> None:
        """Write the pixels of all strips to labels [H, W]."""
        block = self.lower.copy()
        # From below, as a pixel that is repeated counts with its first number.
        for line in reversed(range(rows.pixels.shape[1])):
            cv2.copyTo(self.upper, np.greater(self.kept, line).view(np.uint8), block)
            labels[rows.pixels[:, line]] = block


def _edges(corners: Logits, offset: Logits) -> Tuple[Logits, Logits]:
    """Return corners [4, ..., n] interpolated to the n * m pixels of the upper and lower edge."""
    upper, lower = (
        (left[..., np.newaxis] + (right - left)[..., np.newaxis] * offset)
        for left, right in (corners[:2], corners[2:])
    )
    return upper.reshape(*upper.shape[:-2], -1), lower.reshape(*lower.shape[:-2], -1)


def _places(cells: _Cells, columns: _Axis) -> Tuple[Indices, Indices]:
    """Return the strip and the column of each line of pixels through cells."""
    pixels = columns.pixels[cells.column]
    return np.repeat(cells.row, pixels.shape[1]), pixels.reshape(-1)


def _pixels(rows: _Axis, strip: Indices, column: Indices, classes: Labels) -> _Pixels:
    """Return all pixels of columns of strips, once for each of their classes [K, n]."""
    pixels = rows.pixels[strip]
    shape = (len(classes), *pixels.shape)
    across = np.broadcast_to(column[:, np.newaxis], shape)
    ids: Labels = np.broadcast_to(classes[..., np.newaxis], shape)
    return np.broadcast_to(pixels, shape).reshape(-1), across.reshape(-1), ids.reshape(-1)


def _label(
    labels: Labels, cells: _Cells, rows: _Axis, columns: _Axis, rounding: np.float32
) -> Iterator[_Pixels]:
    """Label all pixels of cells; yield those that rounding might decide."""
    start, end = _edges(cells.corners, columns.offset[cells.column])
    classes = np.repeat(cells.classes, columns.offset.shape[1], axis=1)
    rise, flat = end - start, labels.reshape(-1)
    strip, column = _places(cells, columns)
    for pixels, offset in zip(rows.pixels.T, rows.offset.T):
        best, lead = _largest(start + offset.take(strip) * rise, classes)
        row = pixels.take(strip)
        flat[row * labels.shape[1] + column] = best
        close = np.flatnonzero(lead <= rounding)
        for ids in classes[:, close]:
            yield row[close], column[close], ids


def _largest(values: Logits, classes: Labels) -> Tuple[Labels, Logits]:
    """Return the class with the largest of values [K, n], and its lead over the second."""
    best, first, second = classes[0].copy(), values[0], np.float32(-np.inf)
    for value, ids in zip(values[1:], classes[1:]):
        # Many times faster than numpy.where.
        cv2.copyTo(ids, np.greater(value, first).view(np.uint8), best)
        second = np.maximum(second, np.minimum(value, first))
        first = np.maximum(value, first)
    return best, first - second


def _decide(
    labels: Labels, logits: Logits, row: Indices, column: Indices, classes: Labels
) -> None:
    """
    Label pixels as comparing all classes would, of which only `classes` can be the largest.

    OpenCV interpolates some rows or columns as it does all, but not a single one.
    """
    if not len(row):
        return
    height, width = labels.shape
    before = np.clip(_axis(height, logits.shape[1]).before[row], 1, logits.shape[1] - 1)
    rows = np.unique((before - 1, before))
    columns = np.unique(column)
    if len(columns) == 1:
        columns = np.array([0, max(1, column[0])])
    used = np.unique(classes)
    strip = np.zeros((logits.shape[1], len(columns)), np.float32)
    values = np.empty((len(used), len(row)), np.float32)
    for value, index in zip(values, used):
        wide = cv2.resize(logits[index, rows], (width, len(rows)), interpolation=cv2.INTER_LINEAR)
        strip[rows] = wide[:, columns]
        tall = cv2.resize(strip, (len(columns), height), interpolation=cv2.INTER_LINEAR)
        value[:] = tall[row, np.searchsorted(columns, column)]
    labels[row, column] = used[values.argmax(axis=0)]
