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

"""Boxes in YOLO's text format: read them, draw them, and make them of label images."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
from swiftnet_ros.core.labels import Labels
from swiftnet_ros.errors import InvalidTextError
from swiftnet_ros.system.file_reader import read_text

_MAX_BYTES = 4 << 20
# Augmented boxes may reach outside of their image by about its size.
_LOWEST, _HIGHEST = -1.0, 2.0
# Fractions of a pixel that OpenCV draws with.
_SHIFT = 4
_FORM = 'lines of a class id and x y width height, or a polygon, as fractions of the image'

PixelMask = npt.NDArray[np.bool_]


class Box(NamedTuple):
    """The id of a box's class, and its corners [N, 2] as fractions of width and height."""

    class_id: int
    corners: npt.NDArray[np.float64]

    def mask(self, size: Sequence[int], fill: float = 1.0) -> PixelMask:
        """Return which pixels of a size [H, W] are inside the box, scaled about its center."""
        height, width = size
        center = (self.corners.min(0) + self.corners.max(0)) / 2
        corners = center + fill * (self.corners - center)
        points = np.rint((corners * (width, height) - 0.5) * 2**_SHIFT).astype(np.int32)
        mask = np.zeros((height, width), np.uint8)
        return np.asarray(cv2.fillPoly(mask, [points], 1, shift=_SHIFT), bool)

    def aspect(self, size: Sequence[int]) -> float:
        """Return width over height in pixels of an image of a size [H, W]."""
        width, height = (self.corners.max(0) - self.corners.min(0)) * (size[1], size[0])
        return float(width / max(height, 1e-6))


def read_boxes(path: Path, classes: int) -> list[Box]:
    """
    Return the boxes of a file, whose ids are below `classes`; an empty file has none.

    Raise UnreadableFileError, or InvalidTextError that names the line.
    """
    boxes = []
    for number, line in enumerate(read_text(path, 'boxes', _MAX_BYTES).splitlines(), 1):
        words = line.split()
        if not words:
            continue
        name = f'boxes {path}, line {number}'
        try:
            class_id, values = int(words[0]), np.array([float(word) for word in words[1:]])
        except ValueError as error:
            raise InvalidTextError(name, error, _FORM) from error
        if not 0 <= class_id < classes:
            raise InvalidTextError(name, f'class {class_id}', f'0 to {classes - 1}')
        if len(values) != 4 and (len(values) < 6 or len(values) % 2):
            raise InvalidTextError(name, f'{len(values)} numbers', _FORM)
        if not np.all((values >= _LOWEST) & (values <= _HIGHEST)):
            raise InvalidTextError(name, 'a number outside of the image', _FORM)
        boxes.append(Box(class_id, _corners(values)))
    return boxes


def _corners(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    if len(values) != 4:
        return values.reshape(-1, 2)
    (x, y), (half_width, half_height) = values[:2], values[2:] / 2
    signs = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)])
    return np.asarray((x, y) + signs * (half_width, half_height))


def boxes_of_labels(label: Labels, class_ids: Sequence[int], smallest: int = 30) -> list[str]:
    """
    Return the lines of a box file: the bounding boxes of the connected regions of classes.

    Box ids are positions in `class_ids`; regions of fewer than `smallest` pixels have no box.
    """
    height, width = label.shape
    lines = []
    for box_id, class_id in enumerate(class_ids):
        is_class = (label == class_id).astype(np.uint8)
        _, _, stats, _ = cv2.connectedComponentsWithStats(is_class, connectivity=4)
        for left, top, box_width, box_height, area in stats[1:].tolist():
            if area >= smallest:
                x, y = (left + box_width / 2) / width, (top + box_height / 2) / height
                size = f'{box_width / width:.6f} {box_height / height:.6f}'
                lines.append(f'{box_id} {x:.6f} {y:.6f} {size}')
    return lines
