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

"""The interface of a dataset, and the dataset of image and label files behind most of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
import fnmatch
import hashlib
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
from swiftnet_ros.core import image_files
from swiftnet_ros.core.frames import to_rgb
from swiftnet_ros.errors import FileMissingError, InvalidValueError, SwiftnetError
from swiftnet_ros.system.progress import progress
from training.datasets.class_table import ClassTable


class MissingPackageError(SwiftnetError):
    """A Python package that only some data needs, and the extra of this package that has it."""

    def __init__(self, package: str, user: str, extra: str = 'training') -> None:
        super().__init__(
            f'{user} needs the package {package}, which is not installed; install it with: '
            f"pip install -e '.[{extra}]'"
        )


@dataclass(frozen=True)
class Sample:
    """An image, RGB uint8 [H, W, 3], and its class ids uint8 [H, W] (255: unlabeled)."""

    image: npt.NDArray[np.uint8]
    label: npt.NDArray[np.uint8]
    name: str


class ImageLabelDataset(Protocol):
    """One split of a dataset."""

    @property
    def table(self) -> ClassTable:
        """Return the classes and the ids that label files use for them."""

    def __len__(self) -> int:
        """Return the number of images."""

    def __getitem__(self, index: int) -> Sample:
        """Load one image with its label."""


@dataclass(frozen=True)
class FilePairs:
    """A dataset whose images and labels are files; `pairs` are (image, label) paths."""

    table: ClassTable
    pairs: Sequence[tuple[Path, Path]]

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index: int) -> Sample:
        """Load one image; its size and the label's ids are checked."""
        image_path, label_path = self.pairs[index]
        image = read_image(image_path)
        source = image_files.read_ids(label_path)
        image_files.check_label_size(label_path, source.shape, image.shape[:2], image_path)
        return Sample(image, self.table.to_class_ids(source, label_path), image_path.stem)

    def read_label(self, index: int) -> npt.NDArray[np.uint8]:
        """Load the class ids of one image without the image."""
        path = self.pairs[index][1]
        return self.table.to_class_ids(image_files.read_ids(path), path)


@dataclass(frozen=True)
class CachedDataset:
    """A dataset that loads every image once; its arrays are shared and must not be changed."""

    dataset: ImageLabelDataset
    samples: dict[int, Sample] = field(default_factory=dict)

    @property
    def table(self) -> ClassTable:
        return self.dataset.table

    def fill(self) -> 'CachedDataset':
        """Load all images now, so that worker processes forked later share the memory."""
        for index in progress(range(len(self)), 'load images'):
            self[index]
        return self

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Sample:
        """Return one image with its label."""
        if index not in self.samples:
            self.samples[index] = self.dataset[index]
        return self.samples[index]

    def read_label(self, index: int) -> npt.NDArray[np.uint8]:
        """Return the label of one image, which is loaded in any case."""
        return self[index].label


def reads_labels_alone(dataset: ImageLabelDataset) -> bool:
    """Return whether labels are read without rendering or decoding images only for them."""
    return hasattr(dataset, 'read_label')


def read_label(dataset: ImageLabelDataset, index: int) -> npt.NDArray[np.uint8]:
    """Return the class ids of one image, without loading the image if the dataset can."""
    read = getattr(dataset, 'read_label', None)
    return dataset[index].label if read is None else np.asarray(read(index))


def data_files(dataset: ImageLabelDataset) -> list[Path]:
    """Return the images and labels that a dataset reads, none if it makes them itself."""
    if hasattr(dataset, 'pairs'):
        return [path for pair in dataset.pairs for path in pair]
    # A dataset around another one, or around several.
    inner = [dataset.dataset] if hasattr(dataset, 'dataset') else getattr(dataset, 'datasets', ())
    return [path for item in inner for path in data_files(item)]


def chosen_pairs(
    pairs: list[tuple[Path, Path]], only: Sequence[str], without: Sequence[str]
) -> list[tuple[Path, Path]]:
    """
    Return the pairs whose image's name matches a pattern of `only`, if any, and none of `without`.

    Patterns are those of a shell, such as `0001TP_*`. Raise InvalidValueError for one that matches
    no image, or if no image is left.
    """
    names = [image.name for image, _ in pairs]
    for option, patterns in (('only', only), ('without', without)):
        for pattern in patterns:
            if not fnmatch.filter(names, pattern):
                expected = f'a pattern of names such as {names[0]}'
                raise InvalidValueError(f'option {option}', pattern, expected)
    kept = [
        pair
        for pair, name in zip(pairs, names, strict=True)
        if (not only or _matches(name, only)) and not _matches(name, without)
    ]
    if not kept:
        raise InvalidValueError('option without', list(without), 'patterns that leave some images')
    return kept


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def names_sha256(dataset: ImageLabelDataset) -> str:
    """Return the SHA-256 of the names of a dataset's files, whose folder may move."""
    return _sha256(path.name for path in data_files(dataset))


def files_sha256(dataset: ImageLabelDataset) -> str:
    """Return the SHA-256 of the names of a dataset's files and their sizes in bytes."""
    return _sha256(f'{path.name} {path.stat().st_size}' for path in data_files(dataset))


def _sha256(lines: Iterable[str]) -> str:
    return hashlib.sha256('\n'.join(lines).encode(errors='surrogateescape')).hexdigest()


def read_image(path: Path) -> npt.NDArray[np.uint8]:
    """Read an image as RGB, uint8 [H, W, 3]."""
    return to_rgb(image_files.read_image(path))


def required_root(root: Path | None, name: str) -> Path:
    """Return the folder of a dataset's files; raise if there is none."""
    if root is None:
        raise InvalidValueError('--root', None, f"the folder of the {name} dataset's files")
    if not root.is_dir():
        raise FileMissingError(root, f'folder of the {name} dataset')
    return root


def checked_split(split: str, known: Sequence[str]) -> str:
    """Return the split; raise InvalidValueError if the dataset does not have it."""
    if split not in known:
        raise InvalidValueError('split', split, f'one of {", ".join(known)}')
    return split
