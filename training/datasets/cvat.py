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
CVAT's export "Segmentation mask", the layout of Pascal VOC with a label map.

labelmap.txt has the color of each class, SegmentationClass/NAME.png the pixels in these colors,
ImageSets/Segmentation/SPLIT.txt the names, and JPEGImages/ the images, if they were exported too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
import re
import unicodedata

import numpy as np
import numpy.typing as npt
from PIL import Image
from swiftnet_ros.core.image_files import read_ids
from swiftnet_ros.core.image_listing import find_files, IMAGE_SUFFIXES
from swiftnet_ros.errors import FileMissingError, LabelFormatError, UnreadableFileError
from swiftnet_ros.system.file_reader import read_text
from swiftnet_ros.system.library_errors import library_errors
from swiftnet_ros.text import safe_text
from training.datasets.annotations import (
    annotated_images,
    AnnotatedImage,
    AnnotatedImages,
    Ids,
    open_classes,
    path_below,
    RgbColor,
)
from training.datasets.base import read_image, required_root

_WHAT = 'label map'
_LABEL_MAP = 'labelmap.txt'
# NAME:RED,GREEN,BLUE:PARTS:ACTIONS
_LINE = re.compile(r'(.+?):(\d{1,3}),(\d{1,3}),(\d{1,3})(?::.*)?')
_MAX_COUNTED = 200


@dataclass(frozen=True)
class ColorMap:
    """The class names of an export, and the color of each as a number."""

    names: Sequence[str]
    colors: Sequence[RgbColor]

    def read_indices(self, path: Path) -> npt.NDArray[np.intp]:
        """
        Return the index in `names` of each pixel of a label image [H, W].

        Pixels are colors, of a palette too; in gray images they are indices. Raise
        LabelFormatError for others.
        """
        if _is_gray(path):
            indices = read_ids(path).astype(np.intp)
            if indices.max() >= len(self.names):
                raise LabelFormatError(path, f'the index {indices.max()}', self._advice())
            return indices
        codes = _codes(read_image(path))
        known = _codes(np.array(self.colors, np.uint8))
        order = np.argsort(known)
        places = np.searchsorted(known[order], codes).clip(max=len(known) - 1)
        indices = order[places]
        wrong = known[indices] != codes
        if wrong.any():
            color = tuple(int(codes[wrong][0]) >> shift & 255 for shift in (16, 8, 0))
            raise LabelFormatError(path, f'the color {color}', self._advice())
        return np.asarray(indices, np.intp)

    def _advice(self) -> str:
        return f'{_LABEL_MAP} has {len(self.names)} classes without it; export both together'


@dataclass(frozen=True)
class ColorMask:
    """The label image of an image; `ids` are the class ids of the names in the label map."""

    path: Path
    color_map: ColorMap
    ids: npt.NDArray[np.uint8]

    def to_ids(self) -> Ids:
        """Return the class ids [H, W]."""
        return np.asarray(self.ids[self.color_map.read_indices(self.path)], np.uint8)

    def counts(self) -> dict[str, int]:
        """Return the number of pixels of each name that occurs."""
        pixels = np.bincount(self.color_map.read_indices(self.path).ravel()).tolist()
        return {name: count for name, count in zip(self.color_map.names, pixels) if count}


def cvat(
    root: Path | None,
    split: str,
    classes: str | None = None,
    remap: dict[str, str] | None = None,
    images: str = 'JPEGImages',
    allow_unpaired: bool = False,
    only: list[str] | None = None,
    without: list[str] | None = None,
) -> AnnotatedImages:
    """
    Open a split of an unpacked export; `images` is a folder below the root.

    Without a class table, classes are those of the label map except background, which is
    unlabeled.
    """
    base = required_root(root, 'cvat')
    color_map = read_color_map(base / _LABEL_MAP)
    of_color = dict(zip(color_map.names, color_map.colors, strict=True))
    table = open_classes(base, classes, remap, lambda: of_color, base / _LABEL_MAP)
    ids = np.array([table[name] for name in color_map.names], np.uint8)
    list_file = base / 'ImageSets' / 'Segmentation' / f'{split}.txt'
    masks, folder = base / 'SegmentationClass', base / images
    found = find_files(folder, IMAGE_SUFFIXES, 'images', nested=True).by_name()
    names = read_names(list_file)
    counted = range(0, len(names), -(-len(names) // _MAX_COUNTED))
    items = []
    for number, name in enumerate(names):
        path = path_below(masks, masks, f'{name}.png', list_file, 'list of images')
        if not path.is_file():
            raise FileMissingError(path, 'label image')
        mask = ColorMask(path, color_map, ids)
        image = found.get(unicodedata.normalize('NFC', name), folder / name)
        counts = mask.counts() if number in counted else {}
        items.append(AnnotatedImage(image, path, mask, counts))
    what = f'pixel in {len(counted)} images'
    return annotated_images(base, items, table, (), allow_unpaired, only, without, (), what)


def read_color_map(path: Path) -> ColorMap:
    """Read labelmap.txt; raise UnreadableFileError if it is damaged or two classes look equal."""
    found: dict[str, RgbColor] = {}
    for number, line in enumerate(read_text(path, _WHAT).splitlines(), 1):
        if not line.strip() or line.lstrip().startswith('#'):
            continue
        match = _LINE.fullmatch(line.strip())
        red, green, blue = map(int, match.groups()[1:]) if match else (256, 0, 0)
        if match is None or max(red, green, blue) > 255:
            reason = f'line {number} is {safe_text(line, 60)!r}, expected NAME:RED,GREEN,BLUE::'
            raise UnreadableFileError(path, _WHAT, reason)
        color = (red, green, blue)
        if match[1] in found or color in found.values():
            reason = f'line {number} has the name or the color of another class'
            raise UnreadableFileError(path, _WHAT, reason)
        found[match[1]] = color
    if not found:
        raise UnreadableFileError(path, _WHAT, 'it has no classes')
    return ColorMap(list(found), list(found.values()))


def read_names(path: Path) -> list[str]:
    """Return the names of images that a split lists, without suffixes."""
    lines = read_text(path, 'list of images').splitlines()
    names = list(dict.fromkeys(line.strip() for line in lines if line.strip()))
    if not names:
        raise UnreadableFileError(path, 'list of images', 'it is empty')
    return names


def _codes(rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.int32]:
    """Return colors [..., 3] as numbers."""
    red, green, blue = np.moveaxis(rgb.astype(np.int32), -1, 0)
    return np.asarray(red << 16 | green << 8 | blue, np.int32)


def _is_gray(path: Path) -> bool:
    """Return whether an image file has gray values, not colors or a palette."""
    with (
        library_errors(lambda reason: UnreadableFileError(path, 'label image', reason)),
        Image.open(path) as image,
    ):
        return image.mode not in ('P', 'RGB', 'RGBA')
