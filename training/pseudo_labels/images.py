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

"""Label the images of a folder: a split in the layout of the dataset `folder`, resumable."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from swiftnet_ros.core.image_files import check_label_size, read_ids
from swiftnet_ros.core.image_listing import find_files, IMAGE_SUFFIXES, LABEL_SUFFIXES
from swiftnet_ros.core.label_coverage import Counts
from swiftnet_ros.errors import (
    InvalidTextError,
    InvalidValueError,
    listing,
    NoImagesError,
    UnreadableFileError,
)
from swiftnet_ros.system.files import write_atomic, write_json
from swiftnet_ros.system.image_encoding import write_image
from swiftnet_ros.system.json_reader import read_json_object
from swiftnet_ros.system.process import print_warning
from swiftnet_ros.system.progress import progress, warn_above
from swiftnet_ros.text import safe_text
from training.datasets.base import read_image
from training.datasets.class_table import read_class_table, UNLABELED
from training.pseudo_labels.boxes import Box, read_boxes
from training.pseudo_labels.class_map import ClassMatrix
from training.pseudo_labels.labels import pseudo_label
from training.pseudo_labels.teacher import TeacherModel
import yaml

RECORD = 'pseudo_labels.json'
BOX_SUFFIXES = ('.txt',)


@dataclass(frozen=True)
class LabelingOptions:
    """Scales of the views, whether they are mirrored too, and the least probability of a label."""

    scales: Sequence[float] = (0.75, 1.0, 1.5)
    flip: bool = True
    threshold: float = 0.9

    def __post_init__(self) -> None:
        """Raise InvalidValueError for values that make no labels."""
        if not 0 < self.threshold <= 1:
            raise InvalidValueError('--threshold', self.threshold, 'a fraction above 0')
        if not self.scales or not all(0.25 <= scale <= 4 for scale in self.scales):
            raise InvalidValueError('--scales', list(self.scales), 'numbers from 0.25 to 4')


@dataclass(frozen=True)
class LabelingSource:
    """An image, the boxes of its objects (None: without boxes), and its name without a suffix."""

    name: str
    image: Path
    boxes: Path | None


@dataclass(frozen=True)
class Labeler:
    """
    What makes labels of images: a teacher, the map of its classes, and options.

    `has_boxes` says that images are labeled with boxes; one without a file has none.
    """

    teacher: TeacherModel
    classes: ClassMatrix
    options: LabelingOptions
    has_boxes: bool

    def label(self, source: LabelingSource) -> npt.NDArray[np.uint8]:
        """Return the label image of an image; raise SwiftnetError for unreadable files."""
        image = read_image(source.image)
        boxes: list[Box] | None = [] if self.has_boxes else None
        rules = self.classes.rules
        if source.boxes is not None:
            boxes = read_boxes(source.boxes, len(rules.labels))
        views = self.teacher.averaged(image, self.options.scales, self.options.flip)
        return pseudo_label(self.classes.apply(views), boxes, rules, self.options.threshold)


def find_sources(images: Path, boxes: Path | None) -> list[LabelingSource]:
    """
    Return the images of a folder and its subfolders, with the boxes of the same relative name.

    Images without boxes, and boxes without an image, are reported in one line.
    """
    found = find_files(images, IMAGE_SUFFIXES, 'images', nested=True)
    named = found.by_name()
    boxed = {} if boxes is None else find_files(boxes, BOX_SUFFIXES, 'boxes', True).by_name()
    common = named.keys() & boxed.keys()
    if boxes is not None and not common:
        raise NoImagesError(images, [f'the names of {safe_text(boxes)}'])
    parts = []
    if found.skipped:
        parts.append(f'skipped {found.skipped_text()}')
    if len(common) < len(named) and boxes is not None:
        parts.append(f'{len(named) - len(common)} images without a file of boxes have none')
    if len(common) < len(boxed):
        parts.append(f'{len(boxed) - len(common)} files of boxes have no image')
    if parts:
        print_warning(f'{safe_text(images)}: {listing(parts)}')
    return [LabelingSource(name, path, boxed.get(name)) for name, path in named.items()]


def write_labels(
    labeler: Labeler,
    sources: Sequence[LabelingSource],
    folder: Path,
    split: str,
    copy: bool = False,
) -> tuple[Counts, int]:
    """
    Write images, labels and classes.yaml; return pixels by label id [256] and images left out.

    Images that have a label are skipped; those that cannot be read are left out with a warning.
    Images are links unless they are copied.
    """
    counts, left_out = np.zeros(256, np.int64), 0
    for source in progress(sources, 'label'):
        path = label_path(folder, split, source)
        try:
            label = read_ids(path) if path.exists() else labeler.label(source)
            if not path.exists():
                _store_image(source, folder / split / 'images', copy)
                path.parent.mkdir(parents=True, exist_ok=True)
                write_image(path, label)
        except (UnreadableFileError, InvalidTextError) as error:
            warn_above(f'left out: {error}')
            left_out += 1
            continue
        counts += np.bincount(label.reshape(-1), minlength=256)[:256]
    return counts, left_out


def label_path(folder: Path, split: str, source: LabelingSource) -> Path:
    """Return the path of an image's label."""
    return folder / split / 'labels' / f'{source.name}.png'


def prepare_folder(folder: Path, split: str, labeler: Labeler, facts: Mapping[str, Any]) -> None:
    """
    Create the folder of a split, its record and classes.yaml, or check those that are there.

    Raise InvalidValueError if labels by another model, map or options, or of other classes, are
    there: labels of two kinds would be mixed.
    """
    record = {**facts, 'has_boxes': labeler.has_boxes, **asdict(labeler.options)}
    record['scales'] = list(record['scales'])
    table = [{'name': item.name, 'rgb': list(item.rgb)} for item in labeler.classes.classes]
    (folder / split).mkdir(parents=True, exist_ok=True)
    path, classes = folder / split / RECORD, folder / 'classes.yaml'
    if path.exists():
        before = read_json_object(path, 'record of pseudo-labels')
        changed = [key for key in record if before.get(key) != record[key]]
        if changed:
            expected = f'a new folder, or one with the same {listing(changed)}'
            raise InvalidValueError('-o', str(folder), expected)
    if classes.exists() and tuple(read_class_table(classes).classes) != tuple(
        labeler.classes.classes
    ):
        raise InvalidValueError('-o', str(folder), 'a folder whose classes.yaml has these classes')
    write_atomic(classes, yaml.safe_dump({'classes': table}, sort_keys=False))
    write_json(path, record)


def precision(
    folder: Path, split: str, sources: Sequence[LabelingSource], truth: Path, classes: int
) -> tuple[Counts, Counts]:
    """
    Return by class how many labeled pixels are right and how many have a known truth.

    `truth` has label images of the same names and class ids; other ids are unlabeled.
    """
    labels = find_files(truth, LABEL_SUFFIXES, 'labels', nested=True).by_name()
    right, known = np.zeros(classes, np.int64), np.zeros(classes, np.int64)
    for source in progress(sources, 'compare with the truth'):
        path = label_path(folder, split, source)
        if source.name not in labels or not path.exists():
            continue
        label, true = read_ids(path), read_ids(labels[source.name])
        check_label_size(labels[source.name], true.shape, label.shape, source.image)
        is_known = (label != UNLABELED) & (true < classes)
        known += np.bincount(label[is_known], minlength=classes)[:classes]
        right += np.bincount(label[is_known & (label == true)], minlength=classes)[:classes]
    if not known.any():
        raise NoImagesError(truth, ['the names of the images'])
    return right, known


def _store_image(source: LabelingSource, folder: Path, copy: bool) -> None:
    """Link or copy an image below a folder, with its relative name and its own suffix."""
    path = folder / f'{source.name}{source.image.suffix}'
    path.parent.mkdir(parents=True, exist_ok=True)
    if copy:
        write_atomic(path, source.image.read_bytes())
    elif not path.exists():
        path.unlink(missing_ok=True)
        os.symlink(source.image.resolve(), path)
