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
Folders of labelme's JSON files, one for each image, in SPLIT/.

https://github.com/wkentaro/labelme: shapes are drawn in their order by Pillow, as its own export
does; `imagePath` is relative to the JSON file.
"""

import base64
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from math import hypot
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw
from swiftnet_ros.core.image_listing import find_files, IMAGE_SUFFIXES
from swiftnet_ros.errors import FileMissingError, NoImagesError, UnreadableFileError
from swiftnet_ros.system.file_reader import read_text
from swiftnet_ros.system.image_size import Size
from swiftnet_ros.system.json_reader import check_kinds, read_json_object
from swiftnet_ros.system.library_errors import library_errors
from swiftnet_ros.text import safe_text
from training.datasets.annotations import (
    annotated_images,
    AnnotatedImage,
    AnnotatedImages,
    checked_points,
    checked_size,
    Ids,
    open_classes,
    path_below,
)
from training.datasets.base import required_root
from training.datasets.class_table import UNLABELED

Points = npt.NDArray[np.float64]

_WHAT = 'labelme annotations'
# They may hold the image itself.
_MAX_BYTES = 1 << 28
_EXPECTED = "labelme's format"
_LABELS = 'labels.txt'
# What has no area is not drawn.
_WITHOUT_AREA = ('line', 'linestrip', 'point', 'points')


@dataclass(frozen=True)
class LabelmeShape:
    """A shape: the name of its class, its type, its points [N, 2], and the PNG of a mask."""

    name: str
    kind: str
    points: Points
    png: bytes = b''


@dataclass(frozen=True)
class LabelmeFile:
    """The shapes of an image; those without an area are only counted, by type."""

    path: Path
    image: str
    size: Size
    shapes: Sequence[LabelmeShape]
    without_area: Mapping[str, int]


@dataclass(frozen=True)
class LabelmeAnnotations:
    """The annotations of one image; `ids` are the class ids by name."""

    file: LabelmeFile
    ids: Mapping[str, int]
    background: int

    def to_ids(self) -> Ids:
        """Return the class ids [H, W]."""
        height, width = self.file.size
        label = Image.new('L', (width, height), self.background)
        for shape in self.file.shapes:
            background = self.background if shape.name == '_background_' else UNLABELED
            class_id = self.ids.get(shape.name, background)
            DRAW[shape.kind](label, shape, class_id, self.file.path)
        return np.asarray(label, np.uint8)


def labelme(
    root: Path | None,
    split: str,
    classes: str | None = None,
    remap: dict[str, str] | None = None,
    background: str | None = None,
    allow_unpaired: bool = False,
    only: list[str] | None = None,
    without: list[str] | None = None,
) -> AnnotatedImages:
    """
    Open the JSON files in a split's folder; images may be anywhere below the root.

    Without a class table, classes are those of labelme's own ROOT/labels.txt. `background` is the
    class of what is not annotated, if it is not unlabeled.
    """
    base = required_root(root, 'labelme')
    folder = base / split
    files = [
        read_labelme(path)
        for path in find_files(folder, ('.json',), 'labelme files', nested=True).files
    ]
    names = {shape.name for file in files for shape in file.shapes}
    table = open_classes(base, classes, remap, lambda: _label_names(base), base / _LABELS)
    ids = {name: table[name] for name in names if table[name] != UNLABELED}
    items = [
        AnnotatedImage(
            path_below(base, file.path.parent, file.image, file.path, _WHAT),
            file.path,
            LabelmeAnnotations(file, ids, table.background(background)),
            Counter(shape.name for shape in file.shapes),
        )
        for file in files
    ]
    annotated = {item.image for item in items}
    unannotated = [path for path in _images(folder) if path not in annotated]
    skipped: Counter[str] = Counter()
    for file in files:
        skipped.update(file.without_area)
    kinds = ', '.join(f'{count} {kind}' for kind, count in sorted(skipped.items()))
    notes = [f'left out, since they have no area: {kinds}' if kinds else '']
    return annotated_images(base, items, table, unannotated, allow_unpaired, only, without, notes)


def read_labelme(path: Path) -> LabelmeFile:
    """Read a JSON file; raise UnreadableFileError or InvalidTextError if it is damaged."""
    tree = read_json_object(path, _WHAT, _MAX_BYTES)
    check_kinds(tree, {'imagePath': str, 'shapes': list}, str(path), _EXPECTED)
    size = checked_size(tree.get('imageHeight'), tree.get('imageWidth'), path, _WHAT)
    shapes, without_area = [], Counter[str]()
    for number, item in enumerate(tree['shapes']):
        where = f'{path}: shapes[{number}]'
        if not isinstance(item, dict):
            raise UnreadableFileError(path, _WHAT, f'shapes[{number}] is no object')
        check_kinds(item, {'label': str, 'points': list}, where, _EXPECTED)
        # Files of labelme before version 3.4 have polygons only.
        kind = item.get('shape_type') or 'polygon'
        if kind in _WITHOUT_AREA:
            without_area[kind] += 1
        else:
            shapes.append(_shape(item, kind, size, path))
    return LabelmeFile(path, tree['imagePath'], size, shapes, without_area)


def _shape(item: dict[str, Any], kind: Any, size: Size, path: Path) -> LabelmeShape:
    if not isinstance(kind, str) or kind not in DRAW:
        reason = f'shape_type {safe_text(kind, 40)!r}, expected one of {", ".join(DRAW)}'
        raise UnreadableFileError(path, _WHAT, reason)
    points = checked_points(item['points'], size, path, _WHAT)
    least, most = _POINTS[kind]
    if not least <= len(points) <= most:
        reason = f'a {kind} of {len(points)} points, expected {least} or more'
        raise UnreadableFileError(path, _WHAT, reason)
    if kind != 'mask':
        return LabelmeShape(item['label'], kind, points)
    (left, top), (right, bottom) = points.astype(int)
    if not (0 <= left <= right < size[1] and 0 <= top <= bottom < size[0]):
        raise UnreadableFileError(path, _WHAT, 'a mask whose box is not in the image')
    try:
        png = base64.b64decode(item.get('mask') or '', validate=True)
    except (ValueError, TypeError) as error:
        raise UnreadableFileError(path, _WHAT, 'a mask that is no base64 text') from error
    return LabelmeShape(item['label'], kind, points, png)


def _label_names(root: Path) -> dict[str, None]:
    """Return the names of ROOT/labels.txt, one a line, as labelme's option --labels takes them."""
    path = root / _LABELS
    if not path.is_file():
        raise FileMissingError(root / 'classes.yaml', f'class table, or {_LABELS} of labelme,')
    lines = read_text(path, 'class names').splitlines()
    return dict.fromkeys(line.strip() for line in lines if line.strip())


def _images(folder: Path) -> list[Path]:
    try:
        return find_files(folder, IMAGE_SUFFIXES, 'images', nested=True).files
    # They may be in another folder.
    except NoImagesError:
        return []


def _draw_polygon(label: Image.Image, shape: LabelmeShape, class_id: int, _: Path) -> None:
    corners = [(x, y) for x, y in shape.points.tolist()]
    ImageDraw.Draw(label).polygon(corners, fill=class_id, outline=class_id)


def _draw_rectangle(label: Image.Image, shape: LabelmeShape, class_id: int, _: Path) -> None:
    corners = [*shape.points.min(0).tolist(), *shape.points.max(0).tolist()]
    ImageDraw.Draw(label).rectangle(corners, fill=class_id, outline=class_id)


def _draw_circle(label: Image.Image, shape: LabelmeShape, class_id: int, _: Path) -> None:
    (x, y), (edge_x, edge_y) = shape.points.tolist()
    radius = hypot(x - edge_x, y - edge_y)
    box = (x - radius, y - radius, x + radius, y + radius)
    ImageDraw.Draw(label).ellipse(box, fill=class_id, outline=class_id)


def _draw_mask(label: Image.Image, shape: LabelmeShape, class_id: int, path: Path) -> None:
    (left, top), (right, bottom) = shape.points.astype(int).tolist()
    size = (right - left + 1, bottom - top + 1)
    with (
        library_errors(lambda reason: UnreadableFileError(path, _WHAT, f'a mask: {reason}')),
        Image.open(BytesIO(shape.png), formats=('PNG',)) as image,
    ):
        if image.size != size:
            reason = f'a mask of {image.size[0]}x{image.size[1]} in a box of {size[0]}x{size[1]}'
            raise UnreadableFileError(path, _WHAT, reason)
        mask = np.asarray(image.convert('L')) > 0
    label.paste(class_id, (left, top), Image.fromarray(mask))


DRAW: dict[str, Callable[[Image.Image, LabelmeShape, int, Path], None]] = {
    'polygon': _draw_polygon,
    'oriented_rectangle': _draw_polygon,
    'rectangle': _draw_rectangle,
    'circle': _draw_circle,
    'mask': _draw_mask,
}
# The fewest and the most points of each type.
_POINTS = {
    'polygon': (3, 1 << 22),
    'oriented_rectangle': (4, 4),
    'rectangle': (2, 4),
    'circle': (2, 2),
    'mask': (2, 2),
}
