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


"""The pictures of a quantization: some to calibrate with, others to measure on."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
import hashlib
import math
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt
from swiftnet_ros.core.frames import Frame, to_network_input
from swiftnet_ros.core.image_files import image_files
from swiftnet_ros.errors import InvalidValueError
from training.datasets.base import ImageLabelDataset


@dataclass(frozen=True)
class Picture:
    """RGB uint8 [H, W, 3], class ids [H, W] where there are labels, and a name."""

    image: npt.NDArray[np.uint8]
    label: npt.NDArray[np.uint8] | None
    name: str


class Pictures(Protocol):
    """Numbered pictures: all of them have labels or none has."""

    def __len__(self) -> int:
        """Count the pictures."""

    def __getitem__(self, index: int) -> Picture:
        """Read one picture."""


class LabelledPictures:
    """A split of a data set."""

    def __init__(self, dataset: ImageLabelDataset) -> None:
        self._dataset = dataset

    def __len__(self) -> int:
        """Count the pictures."""
        return len(self._dataset)

    def __getitem__(self, index: int) -> Picture:
        """Read one picture with its label."""
        sample = self._dataset[index]
        return Picture(sample.image, sample.label, sample.name)


class FolderPictures:
    """The image files of a folder, without labels."""

    def __init__(self, folder: Path) -> None:
        self._files = image_files(folder)

    def __len__(self) -> int:
        """Count the pictures."""
        return len(self._files)

    def __getitem__(self, index: int) -> Picture:
        """Read one picture, which has to be in colour."""
        path = self._files[index]
        pixels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        if pixels is None:
            raise InvalidValueError(str(path), 'unreadable', 'an image file')
        channels = 1 if pixels.ndim == 2 else pixels.shape[2]
        if channels != 3 or pixels.dtype != np.uint8:
            received = f'an image of {channels} channels, {pixels.dtype}'
            raise InvalidValueError(str(path), received, '3 channels, uint8, as the camera gives')
        return Picture(np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)), None, path.name)


@dataclass(frozen=True)
class Subset:
    """Some of the pictures, in a fixed order."""

    pictures: Pictures
    indices: Sequence[int]

    def __len__(self) -> int:
        """Count the pictures."""
        return len(self.indices)

    def __getitem__(self, index: int) -> Picture:
        """Read one picture."""
        return self.pictures[self.indices[index]]


def split(pictures: Pictures, count: int, held_out: int, seed: int) -> tuple[Subset, Subset]:
    """
    Choose pictures to calibrate with and others to measure on, by a seed.

    Where there are fewer than both want, each gets its share.
    """
    for name, value in (('--count', count), ('--held-out', held_out)):
        if value < 1:
            raise InvalidValueError(name, value, 'at least 1')
    if len(pictures) < 2:
        raise InvalidValueError('the number of images', len(pictures), 'at least 2, better 100')
    order = np.random.default_rng(seed).permutation(len(pictures)).tolist()
    share = min(1.0, len(order) / (count + held_out))
    first = min(len(order) - 1, max(1, math.floor(count * share)))
    others = order[first:]
    return Subset(pictures, order[:first]), Subset(pictures, others[:held_out])


@dataclass(frozen=True)
class NetworkInputs:
    """Pictures as the runtime gives them to a network of so many pixels."""

    pictures: Pictures
    height: int
    width: int

    def __iter__(self) -> Iterator[tuple[str, npt.NDArray[np.uint8]]]:
        """Give names and uint8 [1, H, W, 3]."""
        for index in range(len(self.pictures)):
            picture = self.pictures[index]
            yield picture.name, to_network_input(Frame(picture.image), self.height, self.width)

    def __len__(self) -> int:
        """Count the pictures."""
        return len(self.pictures)


def names_and_hash(pictures: Pictures) -> tuple[list[str], str]:
    """List the pictures, and give the SHA-256 of their names and pixels."""
    names, digest = [], hashlib.sha256()
    for index in range(len(pictures)):
        picture = pictures[index]
        names.append(picture.name)
        digest.update(f'{picture.name} {picture.image.shape}\n'.encode())
        digest.update(picture.image.tobytes())
    return names, digest.hexdigest()
