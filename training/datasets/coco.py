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

"""COCO (Lin et al., 2014) and what exports its format: instances and stuff, by category names."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
import os
from pathlib import Path
from typing import Any

import numpy as np
from swiftnet_ros.core.image_listing import IMAGE_SUFFIXES
from swiftnet_ros.errors import FileMissingError, InvalidValueError, UnreadableFileError
from swiftnet_ros.system.image_size import Size
from swiftnet_ros.system.json_reader import check_kinds, read_json_object
from training.datasets.annotations import (
    annotated_images,
    AnnotatedImage,
    AnnotatedImages,
    checked_size,
    Ids,
    open_classes,
    path_below,
)
from training.datasets.base import required_root
from training.datasets.class_table import UNLABELED
from training.datasets.coco_masks import CocoMask, draw_mask, mask_library, read_mask, WHAT

# The annotations of COCO's training images have 450 MB.
_MAX_BYTES = 1 << 30
_EXPECTED = "the format of COCO's instances or stuff"
_CROWD = ('class', 'unlabeled')
_ID = (int, str)


@dataclass(frozen=True)
class CocoObject:
    """One annotation."""

    name: str
    is_crowd: bool
    mask: CocoMask


@dataclass
class CocoImage:
    """An image of a file and its annotations in the order of the file."""

    file_name: str
    size: Size
    objects: list[CocoObject] = field(default_factory=list)


@dataclass
class CocoFile:
    """What a file holds: category names in their order, images by id, and boxes without masks."""

    path: Path
    names: list[str]
    images: dict[int | str, CocoImage]
    boxes: int = 0


@dataclass(frozen=True)
class CocoAnnotations:
    """
    The annotations of one image; `layers` are those of each file.

    Layers are drawn in their order. In a layer crowds come first, then objects from the largest
    mask to the smallest, in the order of the file if they are equal.
    """

    size: Size
    layers: Sequence[tuple[Path, Sequence[CocoObject]]]
    ids: Mapping[str, int]
    background: int
    crowd_is_unlabeled: bool

    def to_ids(self) -> Ids:
        """Return the class ids [H, W]."""
        label = np.full(self.size, self.background, np.uint8)
        for path, objects in self.layers:
            drawn = [(item, draw_mask(item.mask, path)) for item in objects]
            drawn.sort(key=lambda pair: (not pair[0].is_crowd, -int(pair[1].sum())))
            for item, mask in drawn:
                hidden = item.is_crowd and self.crowd_is_unlabeled
                label[mask] = UNLABELED if hidden else self.ids[item.name]
        return label


def coco(
    root: Path | None,
    split: str,
    classes: str | None = None,
    remap: dict[str, str] | None = None,
    annotations: list[str] | None = None,
    images: str | None = None,
    background: str | None = None,
    crowd: str = 'class',
    allow_unpaired: bool = False,
    only: list[str] | None = None,
    without: list[str] | None = None,
) -> AnnotatedImages:
    """
    Open the images of annotation files, which are drawn one over the other.

    `annotations` are paths below `root`, by default those of `annotation_files`, and `images` is a
    folder below it. `crowd` is whether crowd regions are of their class or unlabeled, `background`
    the class of what is not annotated, if it is not unlabeled.
    """
    base = required_root(root, 'coco')
    mask_library()
    if crowd not in _CROWD:
        raise InvalidValueError('option crowd', crowd, f'one of {", ".join(_CROWD)}')
    paths = [base / name for name in annotations or ()] or annotation_files(base, split)
    files = [read_coco(path) for path in paths]
    names = list(dict.fromkeys(name for file in files for name in file.names))
    table = open_classes(base, classes, remap, lambda: dict.fromkeys(names), paths[0])
    ids = {name: table[name] for name in names}
    folder = base / images if images else _image_folder(base, split)
    items = [
        AnnotatedImage(
            path_below(base, folder, file_name, files[0].path, WHAT),
            files[0].path,
            CocoAnnotations(size, layers, ids, table.background(background), crowd != 'class'),
            Counter(item.name for _, objects in layers for item in objects),
        )
        for file_name, size, layers in _merged(files)
    ]
    kept = [item for item in items if item.counts or background]
    boxes = sum(file.boxes for file in files)
    notes = [
        f'left out, since they have no annotation: {len(items) - len(kept)} images'
        if len(kept) < len(items)
        else '',
        f'left out, since they have no mask: {boxes} annotations' if boxes else '',
    ]
    return annotated_images(base, kept, table, (), allow_unpaired, only, without, notes)


def annotation_files(root: Path, split: str) -> list[Path]:
    """
    Return the files of a split: stuff and instances in COCO's folder, or Roboflow's one file.

    Stuff is first, so that objects are drawn over it.
    """
    folder = root / 'annotations'
    known = [folder / f'{kind}_{split}.json' for kind in ('stuff', 'instances')]
    found = [path for path in known if path.is_file()]
    roboflow = root / split / '_annotations.coco.json'
    if not found and not roboflow.is_file():
        raise FileMissingError(known[1], f'{WHAT} (option annotations)')
    return found or [roboflow]


def read_coco(path: Path) -> CocoFile:
    """Read an annotation file; raise UnreadableFileError or InvalidTextError if it is damaged."""
    tree = read_json_object(path, WHAT, _MAX_BYTES)
    lists = {'images': list, 'annotations': list, 'categories': list}
    check_kinds(tree, lists, str(path), _EXPECTED)
    categories: dict[int | str, str] = {}
    for item, where in _objects(tree, 'categories', path, {'id': _ID, 'name': str}):
        if categories.setdefault(item['id'], item['name']) != item['name']:
            raise UnreadableFileError(path, WHAT, f'{where} has the id of another one')
    found = CocoFile(path, list(dict.fromkeys(categories.values())), {})
    for item, where in _objects(tree, 'images', path, {'id': _ID, 'file_name': str}):
        if item['id'] in found.images:
            raise UnreadableFileError(path, WHAT, f'{where} has the id of another one')
        size = checked_size(item.get('height'), item.get('width'), path, WHAT)
        found.images[item['id']] = CocoImage(item['file_name'], size)
    kinds = {'image_id': _ID, 'category_id': _ID}
    for item, where in _objects(tree, 'annotations', path, kinds):
        for key, known in (('image_id', found.images), ('category_id', categories)):
            if item[key] not in known:
                raise UnreadableFileError(path, WHAT, f'{where} has an unknown {key}')
        segmentation = item.get('segmentation') or []
        if not segmentation:
            found.boxes += 1
            continue
        image = found.images[item['image_id']]
        mask = read_mask(segmentation, image.size, path)
        name, is_crowd = categories[item['category_id']], bool(item.get('iscrowd', 0))
        image.objects.append(CocoObject(name, is_crowd, mask))
    return found


def _objects(
    tree: Mapping[str, Any], key: str, path: Path, kinds: Mapping[str, Any]
) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield the objects of a list that have keys of `kinds`, with their names for messages."""
    for number, item in enumerate(tree[key]):
        where = f'{key}[{number}]'
        if not isinstance(item, dict):
            raise UnreadableFileError(path, WHAT, f'{where} is no object')
        check_kinds(item, kinds, f'{path}: {where}', _EXPECTED)
        yield item, where


def _merged(
    files: Sequence[CocoFile],
) -> Iterator[tuple[str, Size, list[tuple[Path, Sequence[CocoObject]]]]]:
    """Yield name, size and annotations by file of every image; raise if sizes differ."""
    named: dict[str, list[tuple[CocoFile, CocoImage]]] = {}
    for file in files:
        for image in file.images.values():
            named.setdefault(image.file_name, []).append((file, image))
    for file_name, found in named.items():
        size = found[0][1].size
        for file, image in found:
            if image.size != size:
                reason = f'{file_name} is {image.size}, but {size} in {found[0][0].path}'
                raise UnreadableFileError(file.path, WHAT, reason)
        yield file_name, size, [(file.path, image.objects) for file, image in found]


def _image_folder(root: Path, split: str) -> Path:
    """Return the first folder that tools use for a split's images and that has any."""
    folders = [root / split, root / 'images' / split, root / 'images']
    for folder in folders:
        if os.path.isdir(folder) and any(
            name.lower().endswith(IMAGE_SUFFIXES) for name in os.listdir(folder)
        ):
            return folder
    raise FileMissingError(folders[0], 'folder of images (option images)')
