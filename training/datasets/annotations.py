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

"""Images whose labels are made from the annotations of a labeling tool, by names of classes."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
import os
from pathlib import Path, PurePosixPath
import re
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
from swiftnet_ros.core.image_files import check_label_size
from swiftnet_ros.core.image_listing import (
    check_unpaired,
    missing_files,
    warn_of_orientation,
)
from swiftnet_ros.errors import (
    InvalidValueError,
    listing,
    SwiftnetError,
    UnknownNameError,
    UnreadableFileError,
)
from swiftnet_ros.model_spec.spec import classes_from_tree, is_integer
from swiftnet_ros.system.image_size import LARGEST_SIDE, Size
from swiftnet_ros.system.paths import expand_path
from swiftnet_ros.system.process import print_warning
from swiftnet_ros.text import safe_text
from training.datasets.base import chosen_pairs, read_image, Sample
from training.datasets.class_table import ClassTable, read_class_table, UNLABELED

RgbColor = tuple[int, int, int]
Ids = npt.NDArray[np.uint8]

# What tools write where nothing is labeled; a class only if the class table has it.
NO_CLASS = ('background', '_background_', '__ignore__')
_MAX_NAMED = 8
# Far more than any object has; drawing takes memory for each pixel of an outline.
LONGEST_OUTLINE = 1 << 22
_DRIVE = re.compile('[A-Za-z]:')


class ImageAnnotations(Protocol):
    """The annotations of one image."""

    def to_ids(self) -> Ids:
        """Return the class ids [H, W]; raise for annotations that cannot be drawn."""


class AnnotatedImage(NamedTuple):
    """An image, the file with its annotations, and how many there are of each class name."""

    image: Path
    file: Path
    annotations: ImageAnnotations
    counts: Mapping[str, int]


@dataclass(frozen=True)
class AnnotatedImages:
    """A dataset of images with annotations; `counts` are those of each class name."""

    table: ClassTable
    pairs: Sequence[tuple[Path, Path]]
    annotations: Sequence[ImageAnnotations]
    counts: Mapping[str, int]

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index: int) -> Sample:
        """Load one image and draw its label."""
        path, file = self.pairs[index]
        image, label = read_image(path), self.read_label(index)
        name = f'{file}: the label of {path.name}'
        check_label_size(Path(name), label.shape, image.shape[:2], path)
        return Sample(image, label, path.stem)

    def read_label(self, index: int) -> Ids:
        """Draw the label of one image without the image."""
        return self.annotations[index].to_ids()


@dataclass(frozen=True)
class NamedClasses:
    """The class ids by the names that annotations have, `remap` included."""

    table: ClassTable
    remap: Mapping[str, str]

    def __post_init__(self) -> None:
        known = [item.name for item in self.table.classes]
        for name, wanted in self.remap.items():
            if wanted not in known:
                raise UnknownNameError(f'class of {name} in remap', wanted, known)

    def __getitem__(self, name: str) -> int:
        """Return the id of a name, UNLABELED if it is of no class."""
        wanted = self.remap.get(name, name)
        ids = {item.name: number for number, item in enumerate(self.table.classes)}
        return ids.get(wanted, UNLABELED)

    def background(self, name: str | None) -> int:
        """Return the id of what is not annotated: that of a class, or UNLABELED for None."""
        if name is None:
            return UNLABELED
        known = [item.name for item in self.table.classes]
        if name not in known:
            raise UnknownNameError('class in background', name, known)
        return known.index(name)

    def report(self, counts: Mapping[str, int], unit: str) -> str:
        """Return which names are of no class, with counts, and which classes have no `unit`."""
        unlisted = unlisted_names(
            {name: counts[name] for name in counts if self[name] == UNLABELED}
        )
        used = {self[name] for name, count in counts.items() if count}
        unused = [
            item.name for number, item in enumerate(self.table.classes) if number not in used
        ]
        parts = []
        if unlisted:
            parts.append(
                f'unlabeled, since the class table does not have them: {unlisted}; add them to '
                'classes.yaml or to the option remap'
            )
        if unused:
            parts.append(f'no {unit} is of class {_shortened(unused)}')
        return '; '.join(parts)


def unlisted_names(counts: Mapping[str, int | None]) -> str:
    """Return names with their counts, if known, most frequent first; '' for none."""
    named = [item for item in counts.items() if item[0] not in NO_CLASS and item[1] != 0]
    named.sort(key=lambda item: -(item[1] or 0))
    return _shortened(
        [name if count is None else f'{safe_text(name, 60)} ({count})' for name, count in named]
    )


def _shortened(names: Sequence[str]) -> str:
    shown = [safe_text(name, 80) for name in names[:_MAX_NAMED]]
    more = len(names) - len(shown)
    return listing([*shown, f'{more} others'] if more else shown)


def open_classes(
    root: Path,
    classes: str | None,
    remap: Mapping[str, str] | None,
    names: Callable[[], Mapping[str, RgbColor | None]],
    source: Path,
) -> NamedClasses:
    """
    Return the classes of annotations whose `names` are in the file `source`.

    They are those of the file `classes`, or of ROOT/classes.yaml if there is one, or the names
    themselves after `remap`, without those of NO_CLASS, in their order.
    """
    remap = remap or {}
    default = root / 'classes.yaml'
    if classes or default.is_file():
        path = Path(expand_path(classes)) if classes else default
        return NamedClasses(read_class_table(path), remap)
    colors = {remap.get(name, name): color for name, color in names().items()}
    found = [(name, color) for name, color in colors.items() if name not in NO_CLASS]
    if not 1 <= len(found) <= UNLABELED:
        raise InvalidValueError(
            f'number of classes in {source}', len(found), f'1 to {UNLABELED}, or a {default}'
        )
    tree = [
        {'name': name, 'rgb': list(color or index_color(number))}
        for number, (name, color) in enumerate(found, 1)
    ]
    try:
        table = ClassTable(classes_from_tree(tree), tuple(range(len(tree))))
    except SwiftnetError as error:
        raise UnreadableFileError(source, 'class names', error) from error
    return NamedClasses(table, remap)


def index_color(index: int) -> RgbColor:
    """Return the color of an index in the palette of Pascal VOC: far from those before it."""
    red, green, blue = (
        sum((index >> (3 * bit + channel) & 1) << (7 - bit) for bit in range(8))
        for channel in range(3)
    )
    return red, green, blue


def annotated_images(
    root: Path,
    items: Iterable[AnnotatedImage],
    classes: NamedClasses,
    unannotated: Sequence[Path] = (),
    allow_unpaired: bool = False,
    only: Sequence[str] | None = None,
    without: Sequence[str] | None = None,
    notes: Sequence[str] = (),
    unit: str = 'annotation',
) -> AnnotatedImages:
    """
    Return the dataset of the images that exist, and report what is odd in one line.

    `unannotated` are images of the folder without annotations, `notes` further parts of the line,
    and `unit` is what was counted.
    Raise UnpairedFilesError for too many images without annotations or the reverse, unless
    `allow_unpaired`, and UnreadableFileError for an image that is annotated twice.
    """
    found: dict[Path, AnnotatedImage] = {}
    missing: list[Path] = []
    for item in items:
        if item.image in found:
            reason = f'{item.image} is annotated twice, also in {found[item.image].file}'
            raise UnreadableFileError(item.file, 'annotations', reason)
        if os.path.isfile(item.image):
            found[item.image] = item
        else:
            missing.append(item.image)
    parts = [f'{safe_text(root)}: {len(found)} annotated images']
    parts += missing_files('images without annotations', unannotated, root)
    parts += missing_files('annotations without an image', missing, root)
    check_unpaired(parts, len(found), len(missing) + len(unannotated), allow_unpaired)
    pairs = [(path, found[path].file) for path in sorted(found)]
    pairs = chosen_pairs(pairs, only or (), without or ())
    chosen = [found[image] for image, _ in pairs]
    counts: Counter[str] = Counter()
    for item in chosen:
        counts.update(item.counts)
    parts += [part for part in (*notes, classes.report(counts, unit)) if part]
    if len(parts) > 1:
        print_warning('; '.join(parts))
    warn_of_orientation(root, [image for image, _ in pairs])
    by_class: Counter[str] = Counter()
    for name, count in counts.items():
        by_class[classes.remap.get(name, name)] += count
    return AnnotatedImages(classes.table, pairs, [item.annotations for item in chosen], by_class)


def path_below(root: Path, folder: Path, name: str, file: Path, what: str) -> Path:
    """
    Return the path of a file that another one, which messages call `what`, names by `folder`.

    Windows' separators are understood. Raise UnreadableFileError for one that is not below `root`.
    """
    relative = PurePosixPath(name.replace('\\', '/'))
    path = Path(os.path.normpath(folder / relative))
    is_outside = relative.is_absolute() or _DRIVE.match(name) or not relative.parts
    if is_outside or not path.is_relative_to(os.path.normpath(root)) or '\0' in name:
        reason = f'its image is {safe_text(name)!r}, not a path below {safe_text(root)}'
        raise UnreadableFileError(file, what, reason)
    return path


def checked_size(height: object, width: object, file: Path, what: str) -> Size:
    """Return the size of an image that a file states; raise UnreadableFileError for no size."""
    if not (is_integer(height, 1, LARGEST_SIDE) and is_integer(width, 1, LARGEST_SIDE)):
        found = f'{safe_text(width, 20)}x{safe_text(height, 20)}'
        reason = f'an image of {found} pixels, expected 1 to {LARGEST_SIDE} a side'
        raise UnreadableFileError(file, what, reason)
    assert isinstance(height, int) and isinstance(width, int)
    return height, width


def checked_points(points: object, size: Size, file: Path, what: str) -> npt.NDArray[np.float64]:
    """
    Return points [N, 2], (x, y) in pixels, that a file lists.

    Raise UnreadableFileError for anything else, or for points farther from the image than its
    own size, or for an outline that is too long to be drawn.
    """
    rows = points if isinstance(points, list) else [None]
    is_pair = (
        isinstance(row, list) and len(row) == 2 and all(map(_is_number, row)) for row in rows
    )
    if not all(is_pair):
        raise UnreadableFileError(file, what, f'{safe_text(points, 60)} are no points (x, y)')
    array = np.array(rows, np.float64).reshape(-1, 2)
    limits = np.array(size[::-1], np.float64)
    if (array < -limits).any() or (array > 2 * limits).any():
        reason = f'a point at {array.min():g} to {array.max():g} is far outside of its image'
        raise UnreadableFileError(file, what, reason)
    length = np.abs(np.diff(array, axis=0)).sum()
    if length > LONGEST_OUTLINE:
        reason = f'an outline of {length:.0f} pixels, expected at most {LONGEST_OUTLINE}'
        raise UnreadableFileError(file, what, reason)
    return array


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value == value
