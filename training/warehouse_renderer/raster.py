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

"""Rasterization: exact coverage of pixel centers by faces, with a depth buffer."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from training.warehouse_renderer.geometry import FloatArray

IntArray = NDArray[np.int32]
FAR = 1e-4


class Spans(NamedTuple):
    """
    The pixel runs of F polygons, one per polygon and image row, polygon by polygon.

    first [F + 1]: the start of each polygon's runs; top [F]: its first row; left and right [runs]:
    first column and the one after the last.
    """

    first: NDArray[np.intp]
    top: NDArray[np.intp]
    left: IntArray
    right: IntArray


def scan(outline: FloatArray, height: int, width: int) -> Spans:
    """Return the runs of pixels whose centers are in convex polygons [F, K, 2], in pixels."""
    start, end = outline.reshape(-1, 2), np.roll(outline, -1, 1).reshape(-1, 2)
    owner = np.arange(len(outline)).repeat(outline.shape[1])
    rows = np.clip(np.ceil(outline[..., 1]), 0, height).astype(np.intp)
    top, bottom = rows.min(1), rows.max(1)
    first = np.concatenate([[0], np.cumsum(bottom - top)])
    low = np.clip(np.ceil(np.minimum(start[:, 1], end[:, 1])), 0, height).astype(np.intp)
    high = np.clip(np.ceil(np.maximum(start[:, 1], end[:, 1])), 0, height).astype(np.intp)
    edge = np.arange(len(start)).repeat(high - low)
    row = np.arange(len(edge)) + (low - np.cumsum(high - low) + (high - low))[edge]
    rise = end[:, 1] - start[:, 1]
    slope = (end[:, 0] - start[:, 0]) / np.where(rise == 0, 1, rise)
    x = start[edge, 0] + (row - start[edge, 1]) * slope[edge]
    column = np.clip(np.ceil(x), 0, width).astype(np.int32)
    at = (first[:-1] - top)[owner[edge]] + row
    # A convex outline crosses each row once upwards and once downwards.
    upwards = (rise < 0)[edge]
    crossings = np.empty((2, first[-1]), np.int32)
    crossings[0, at[upwards]] = column[upwards]
    crossings[1, at[~upwards]] = column[~upwards]
    return Spans(first, top, crossings.min(0), crossings.max(0))


def rasterize(
    outline: FloatArray, plane: FloatArray, height: int, width: int
) -> tuple[IntArray, FloatArray]:
    """
    Return the index of the nearest face and the inverse of its depth, both [height, width].

    outline [F, K, 2] in pixels; plane [F, 3]: inverse depth as a function of (column, row, 1).
    """
    spans = scan(outline, height, width)
    face_index = np.full((height, width), -1, np.int32)
    inverse_depth = np.full((height, width), FAR, np.float32)
    lines = np.diff(spans.first)
    index = np.arange(len(outline)).repeat(lines)
    row = np.arange(len(index)) + (spans.top - spans.first[:-1])[index]
    offset = (plane[index, 1] * row + plane[index, 2]).astype(np.float32)[:, None]
    left, right = spans.left[:, None], spans.right[:, None]
    columns, steps = np.arange(width, dtype=np.int32), np.arange(width, dtype=np.float32)
    some = np.flatnonzero(lines)
    begin = np.minimum.reduceat(spans.left, spans.first[some])
    stop = np.maximum.reduceat(spans.right, spans.first[some])
    kept = stop > begin
    todo = (some, begin, stop, spans.first[some], lines[some], spans.top[some], plane[some, 0])
    for i, x0, x1, a, n, y, slope in zip(*(t[kept].tolist() for t in todo), strict=True):
        rows, runs = slice(y, y + n), slice(a, a + n)
        before = inverse_depth[rows, x0:x1]
        here = steps[x0:x1] * slope + offset[runs]
        across = columns[x0:x1]
        wins = here > before
        wins &= across >= left[runs]
        wins &= across < right[runs]
        if wins.any():
            np.copyto(before, here, where=wins)
            np.copyto(face_index[rows, x0:x1], i, where=wins)
    return face_index, inverse_depth
