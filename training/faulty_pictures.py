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

"""A data set as a worse camera would have taken it: blurred, noisy or badly exposed."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from swiftnet_ros.errors import InvalidValueError, UnknownNameError
import torch
from training.camera_faults import blurred, noisy
from training.config_rules import LEAST_BLUR
from training.datasets.base import ImageLabelDataset, Sample
from training.datasets.class_table import ClassTable

Image = npt.NDArray[np.uint8]


def _blur(image: Image, sigma: float, index: int) -> Image:
    return _pixels(blurred(_planes(image), sigma))


def _noise(image: Image, sigma: float, index: int) -> Image:
    return _pixels(noisy(_planes(image), sigma, 1.0, torch.Generator().manual_seed(index)))


def _gamma(image: Image, exponent: float, index: int) -> Image:
    table = 255 * np.linspace(0, 1, 256) ** exponent
    return table.round().astype(np.uint8)[image]


# name: (change of an image by a value and the picture's number, least and largest value, unit)
FAULTS: dict[str, tuple[Callable[[Image, float, int], Image], float, float, str]] = {
    'blur': (_blur, LEAST_BLUR, 16, 'pixels of sigma'),
    'noise': (_noise, 0, 128, 'grey values of sigma'),
    'gamma': (_gamma, 0.1, 10, 'exponent of the values, above 1 darker'),
}


@dataclass(frozen=True)
class Fault:
    """One fault by its name in FAULTS, and how strong it is, in its unit."""

    name: str
    value: float

    @classmethod
    def parse(cls, text: str) -> 'Fault':
        """Read NAME=VALUE; raises UnknownNameError or InvalidValueError."""
        name, _, value = text.partition('=')
        if name not in FAULTS:
            raise UnknownNameError('--fault', name, FAULTS)
        _, low, high, unit = FAULTS[name]
        expected = f'NAME=VALUE with a value of {low} to {high}, {unit}'
        try:
            number = float(value)
        except ValueError as error:
            raise InvalidValueError('--fault', text, expected) from error
        if not low <= number <= high:
            raise InvalidValueError('--fault', text, expected)
        return cls(name, number)

    def __str__(self) -> str:
        """Write NAME=VALUE."""
        return f'{self.name}={self.value:g}'


@dataclass(frozen=True)
class FaultyPictures:
    """The pictures of a data set with faults, one after another; each time the same."""

    source: ImageLabelDataset
    faults: tuple[Fault, ...]

    @property
    def table(self) -> ClassTable:
        """Give the classes and what stands for them in the label files."""
        return self.source.table

    def __len__(self) -> int:
        """Count the pictures."""
        return len(self.source)

    def __getitem__(self, index: int) -> Sample:
        """Give one picture with its label, which stays."""
        sample = self.source[index]
        image = sample.image
        for fault in self.faults:
            image = FAULTS[fault.name][0](image, fault.value, index)
        return replace(sample, image=image)


def _planes(image: Image) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))


def _pixels(planes: torch.Tensor) -> Image:
    return np.ascontiguousarray(planes.numpy().transpose(1, 2, 0))
