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

"""What every data set is: a class table and pairs of an image and its label."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
import numpy.typing as npt
from swiftnet_ros.errors import (
    FileMissingError,
    InvalidValueError,
    MissingLabelError,
    NoImagesError,
    SizeMismatchError,
)
from tqdm import tqdm
from training.datasets.class_table import ClassTable

IMAGE_SUFFIXES = ('.jpg', '.jpeg', '.png', '.bmp')


@dataclass(frozen=True)
class Sample:
    """RGB uint8 [H, W, 3] and class ids uint8 [H, W] (255: unlabeled) of one picture."""

    image: npt.NDArray[np.uint8]
    label: npt.NDArray[np.uint8]
    name: str


class ImageLabelDataset(Protocol):
    """A split of a data set."""

    @property
    def table(self) -> ClassTable:
        """Give the classes and what stands for them in the label files."""

    def __len__(self) -> int:
        """Count the pictures."""

    def __getitem__(self, index: int) -> Sample:
        """Read one picture with its label."""


@dataclass(frozen=True)
class FilePairs:
    """A data set whose images and labels are files; `pairs` are (image, label) paths."""

    table: ClassTable
    pairs: Sequence[tuple[Path, Path]]

    def __len__(self) -> int:
        """Count the pictures."""
        return len(self.pairs)

    def __getitem__(self, index: int) -> Sample:
        """Read one picture; sizes and label ids are checked."""
        image_path, label_path = self.pairs[index]
        image = read_image(image_path)
        source = read_ids(label_path)
        if source.shape != image.shape[:2]:
            raise SizeMismatchError(label_path, source.shape, image.shape[:2])
        return Sample(image, self.table.to_class_ids(source, label_path), image_path.stem)


def read_image(path: Path) -> npt.NDArray[np.uint8]:
    """Read a picture as RGB, uint8 [H, W, 3]."""
    return np.asarray(cv2.cvtColor(_read(path, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB), np.uint8)


def read_ids(path: Path) -> npt.NDArray[Any]:
    """Read the ids of a label file as they are, [H, W]."""
    ids = _read(path, cv2.IMREAD_UNCHANGED)
    if ids.ndim != 2:
        raise InvalidValueError(str(path), f'{ids.shape[2]} channels', 'one channel of ids')
    return ids


def _read(path: Path, mode: int) -> npt.NDArray[Any]:
    pixels = cv2.imread(str(path), mode)
    if pixels is None:
        raise InvalidValueError(str(path), 'unreadable', 'an image file')
    return np.asarray(pixels)


def pair_files(images: Path, labels: Path, image_ending: str = '', label_ending: str = '.png'
               ) -> list[tuple[Path, Path]]:  # fmt: skip
    """
    Pair every image below a folder with the label at the same place in another.

    `image_ending` is cut off an image's name and `label_ending` put in its place; without one
    any image file counts and its suffix is replaced.
    """
    for folder in (images, labels):
        if not folder.is_dir():
            raise FileMissingError(folder, 'folder')
    endings = (image_ending,) if image_ending else IMAGE_SUFFIXES
    lower = tuple(ending.lower() for ending in endings)
    found = sorted(p for p in images.rglob('*') if p.name.lower().endswith(lower))
    if not found:
        raise NoImagesError(images, endings)
    return [(path, _label_of(path, images, labels, image_ending, label_ending)) for path in found]


def _label_of(path: Path, images: Path, labels: Path, image_ending: str, label_ending: str
              ) -> Path:  # fmt: skip
    cut = -len(image_ending)
    stem = path.name[:cut] if image_ending else path.stem
    label = labels / path.relative_to(images).with_name(stem + label_ending)
    if not label.is_file():
        raise MissingLabelError(path, label)
    return label


def required_root(root: Path | None, name: str) -> Path:
    """Insist on a folder for a data set that lives in files."""
    if root is None:
        raise InvalidValueError('--root', None, f"the folder of the {name} data set's files")
    if not root.is_dir():
        raise FileMissingError(root, f'folder of the {name} data set')
    return root


def checked_split(split: str, known: Sequence[str]) -> str:
    """Refuse a split that the data set does not have."""
    if split not in known:
        raise InvalidValueError('split', split, f'one of {", ".join(known)}')
    return split


@dataclass(frozen=True)
class CachedDataset:
    """Reads every picture once; the arrays that it gives are shared and must not be changed."""

    source: ImageLabelDataset
    kept: dict[int, Sample] = field(default_factory=dict)

    @property
    def table(self) -> ClassTable:
        """Give the classes and what stands for them in the label files."""
        return self.source.table

    def fill(self) -> 'CachedDataset':
        """Read everything now: processes that are forked afterwards share the memory."""
        for index in tqdm(range(len(self)), 'read pictures', disable=None):
            self[index]
        return self

    def __len__(self) -> int:
        """Count the pictures."""
        return len(self.source)

    def __getitem__(self, index: int) -> Sample:
        """Give one picture with its label."""
        if index not in self.kept:
            self.kept[index] = self.source[index]
        return self.kept[index]
