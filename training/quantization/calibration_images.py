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

"""Images for quantization: a calibration set, and a held-out set to measure on."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
import hashlib
import math
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
from swiftnet_ros.core.frames import Frame, to_network_input
from swiftnet_ros.core.image_listing import image_files
from swiftnet_ros.errors import InvalidValueError
from swiftnet_ros.system.process import print_warning
from training.datasets.base import read_image, Sample


@dataclass(frozen=True)
class UnlabeledImage:
    """RGB uint8 [H, W, 3] and a name; what a Sample has, without a label."""

    image: npt.NDArray[np.uint8]
    name: str
    label: None = None


class CalibrationImages(Protocol):
    """A dataset, or a sequence of images without labels."""

    def __len__(self) -> int:
        """Return the number of images."""

    def __getitem__(self, index: int) -> Sample | UnlabeledImage:
        """Load one image."""


class FolderImages:
    """The image files of a folder, without labels."""

    def __init__(self, folder: Path) -> None:
        self._files = image_files(folder)

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, index: int) -> UnlabeledImage:
        """Load one image."""
        path = self._files[index]
        return UnlabeledImage(read_image(path), path.name)


@dataclass(frozen=True)
class ImageSubset:
    """Some of the images, in a fixed order."""

    images: CalibrationImages
    indices: Sequence[int]

    @property
    def labeled_ids(self) -> frozenset[int] | None:
        """Return the ids that labels can have, where classes are matched by name."""
        return getattr(self.images, 'labeled_ids', None)

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> Sample | UnlabeledImage:
        return self.images[self.indices[index]]


def split_images(
    images: CalibrationImages, count: int, held_out: int, seed: int
) -> tuple[ImageSubset, ImageSubset]:
    """
    Draw disjoint images to calibrate with and to measure on, reproducibly by a seed.

    If there are fewer than both sets need, both shrink by the same fraction, with a warning.
    """
    for name, value in (('--count', count), ('--held-out', held_out)):
        if value < 1:
            raise InvalidValueError(name, value, 'at least 1')
    if len(images) < 2:
        raise InvalidValueError('the number of images', len(images), 'at least 2, better 100')
    order = np.random.default_rng(seed).permutation(len(images)).tolist()
    fraction = min(1.0, len(order) / (count + held_out))
    first = min(len(order) - 1, max(1, math.floor(count * fraction)))
    rest = order[first:][:held_out]
    if first < count or len(rest) < held_out:
        print_warning(
            f'there are {len(order)} images: {first} to calibrate or train with, {count} '
            f'were requested; {len(rest)} to measure and choose on, {held_out} were requested'
        )
    return ImageSubset(images, order[:first]), ImageSubset(images, rest)


@dataclass(frozen=True)
class NetworkInputs:
    """Images preprocessed as at runtime for a network input of `height` x `width`."""

    images: CalibrationImages
    height: int
    width: int

    def __iter__(self) -> Iterator[tuple[str, npt.NDArray[np.uint8]]]:
        """Yield names and uint8 [1, H, W, 3]."""
        for index in range(len(self.images)):
            item = self.images[index]
            yield item.name, to_network_input(Frame(item.image), self.height, self.width)

    def __len__(self) -> int:
        return len(self.images)


def names_and_hash(images: CalibrationImages) -> tuple[list[str], str]:
    """Return the images' names, and the SHA-256 of their names and pixels."""
    names, digest = [], hashlib.sha256()
    for index in range(len(images)):
        item = images[index]
        names.append(item.name)
        digest.update(f'{item.name} {item.image.shape}\n'.encode(errors='surrogateescape'))
        digest.update(item.image.tobytes())
    return names, digest.hexdigest()
