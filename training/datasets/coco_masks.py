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
Masks of COCO: polygons and run lengths, by pycocotools.

https://github.com/cocodataset/cocoapi: a mask is stored by columns as the lengths of runs of 0 and
1; the compressed form has 5 bits of a length in each character. pycocotools checks neither, and
may draw whatever memory holds, so they are checked here before.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from swiftnet_ros.errors import UnreadableFileError
from swiftnet_ros.model_spec.spec import is_integer
from swiftnet_ros.system.image_size import Size
from swiftnet_ros.text import safe_text
from training.datasets.annotations import checked_points
from training.datasets.base import MissingPackageError

WHAT = 'COCO annotations'
_FIRST_LETTER, _VALUE, _SIGN, _MORE = 48, 0x1F, 0x10, 0x20
_BITS, _LONGEST = 5, 7


@dataclass(frozen=True)
class CocoMask:
    """A mask as it is stored: polygons [N, 2], run lengths, or their compressed text."""

    size: Size
    polygons: Sequence[npt.NDArray[np.float64]] = ()
    runs: npt.NDArray[np.uint32] = field(default_factory=lambda: np.zeros(0, np.uint32))
    compressed: str = ''


def mask_library() -> Any:
    """Return pycocotools.mask; raise MissingPackageError if it is not installed."""
    # An environment of an earlier version lacks it.
    try:
        from pycocotools import mask
    except ImportError as error:
        raise MissingPackageError('pycocotools', 'the dataset coco') from error
    return mask


def read_mask(segmentation: Any, size: Size, file: Path) -> CocoMask:
    """
    Return the mask of a segmentation in a file: polygons, or run lengths.

    Raise UnreadableFileError if it is damaged or of another size.
    """
    if isinstance(segmentation, list):
        return CocoMask(size, polygons=[_polygon(item, size, file) for item in segmentation])
    tree = segmentation if isinstance(segmentation, dict) else {}
    counts = tree.get('counts')
    if tree.get('size') != list(size):
        reason = f'a mask of size {safe_text(tree.get("size"), 40)} in an image of {list(size)}'
        raise UnreadableFileError(file, WHAT, reason)
    if isinstance(counts, str):
        return CocoMask(size, compressed=counts)
    return CocoMask(size, runs=_checked_runs(counts, counts, size, file))


def draw_mask(mask: CocoMask, file: Path) -> npt.NDArray[np.bool_]:
    """Return the pixels [H, W] of a mask; raise UnreadableFileError for damaged run lengths."""
    library, (height, width) = mask_library(), mask.size
    if mask.polygons:
        polygons = [points.ravel().tolist() for points in mask.polygons]
        runs = library.merge(library.frPyObjects(polygons, height, width))
    else:
        counts = mask.runs
        if mask.compressed:
            lengths = _decompressed(mask.compressed)
            counts = _checked_runs(lengths, mask.compressed, mask.size, file)
        tree = {'size': [height, width], 'counts': counts.tolist()}
        runs = library.frPyObjects(tree, height, width)
    return np.asarray(library.decode(runs), bool)


def _polygon(points: Any, size: Size, file: Path) -> npt.NDArray[np.float64]:
    is_flat = isinstance(points, list) and len(points) >= 6 and len(points) % 2 == 0
    if not is_flat:
        reason = f'polygon {safe_text(points, 60)}, expected [x, y, ...] of at least 3 points'
        raise UnreadableFileError(file, WHAT, reason)
    pairs = [list(pair) for pair in zip(points[::2], points[1::2], strict=True)]
    return checked_points(pairs, size, file, WHAT)


def _checked_runs(lengths: Any, shown: object, size: Size, file: Path) -> npt.NDArray[np.uint32]:
    pixels = size[0] * size[1]
    are_lengths = isinstance(lengths, list) and all(is_integer(n, 0, pixels) for n in lengths)
    if not are_lengths or sum(lengths) != pixels:
        reason = f'run lengths {safe_text(shown, 60)} that do not add up to {pixels} pixels'
        raise UnreadableFileError(file, WHAT, reason)
    return np.array(lengths, np.uint32)


def _decompressed(text: str) -> list[int] | None:
    """Return the run lengths of a compressed mask, None for other text."""
    # A letter beyond Latin-1 becomes '?', which no mask has.
    letters = np.frombuffer(text.encode('latin-1', 'replace'), np.uint8).astype(np.int64)
    letters -= _FIRST_LETTER
    ends = np.flatnonzero(letters & _MORE == 0)
    lengths = np.diff(ends, prepend=-1)
    in_range = ((letters >= 0) & (letters <= _VALUE | _MORE)).all()
    if not len(ends) or ends[-1] != len(letters) - 1 or lengths.max() > _LONGEST or not in_range:
        return None
    starts = np.repeat(ends - lengths + 1, lengths)
    shifts = _BITS * (np.arange(len(letters)) - starts)
    values = np.add.reduceat((letters & _VALUE) << shifts, ends - lengths + 1)
    values -= np.where(letters[ends] & _SIGN, np.int64(1) << (_BITS * lengths), 0)
    # From the fourth on a length is stored as the difference to the last but one.
    values[1::2] = np.cumsum(values[1::2])
    values[2::2] = np.cumsum(values[2::2])
    return list(values.tolist())
