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

"""Blur and noise as cameras make them, for the views of training and for the test of a model."""

from collections.abc import Callable
from dataclasses import dataclass, replace
import math
from typing import Any

import numpy as np
import numpy.typing as npt
from swiftnet_ros.errors import InvalidValueError, UnknownNameError
import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F
from training.datasets.base import ImageLabelDataset, Sample
from training.datasets.class_table import ClassTable
from training.schema.config import AugmentationConfig
from training.schema.rules import MIN_BLUR_SIGMA, MIN_NOISE_SIGMA

MAX_GRAIN = 2.0


def gaussian_blur(image: Tensor, sigma: float) -> Tensor:
    """Blur an image uint8 [3, H, W] by a Gaussian of sigma in pixels, mirrored at its edges."""
    kernel = 2 * min(math.ceil(3 * sigma), min(image.shape[-2:]) - 1) + 1
    result: Tensor = F.gaussian_blur_image(image, [kernel, kernel], [sigma, sigma])
    return result


def add_noise(image: Tensor, sigma: float, grain: float, generator: torch.Generator) -> Tensor:
    """
    Add normal noise of sigma in grey values to an image uint8 [3, H, W].

    A grain above 1, in pixels, makes it smooth over that length, as demosaicing and scaling do.
    """
    height, width = image.shape[-2:]
    size = (1, 3, math.ceil(height / grain), math.ceil(width / grain))
    noise = torch.randn(size, generator=generator, device=image.device)
    noise = torch.nn.functional.interpolate(noise, (height, width), mode='bilinear')
    return (image + sigma * noise[0]).round_().clamp_(0, 255).byte()


class RandomCorruption(v2.Transform):  # type: ignore[misc]
    """Blur a share of the pictures and make a share of them add_noise."""

    def __init__(self, views: AugmentationConfig) -> None:
        super().__init__()
        self.views = views

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """Draw the seed of a picture."""
        return {'seed': int(torch.randint(2**31, ()))}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """Change a picture uint8 [3, H, W]; a label stays."""
        if isinstance(inpt, tv_tensors.Mask):
            return inpt
        generator = torch.Generator().manual_seed(params['seed'])
        result = corrupt_randomly(inpt.as_subclass(Tensor)[None].clone(), self.views, generator)
        return tv_tensors.wrap(result[0], like=inpt)


def corrupt_randomly(
    images: Tensor, views: AugmentationConfig, generator: torch.Generator
) -> Tensor:
    """
    Blur a share of the images uint8 [N, 3, H, W] in place, then make a share of them add_noise.

    The generator is the CPU's; nothing is drawn from it for a share of 0.
    """
    for place in _chosen(len(images), views.blur, generator):
        sigma = _between(MIN_BLUR_SIGMA, views.blur_sigma, generator)
        images[place] = gaussian_blur(images[place], sigma)
    for place in _chosen(len(images), views.noise, generator):
        sigma = _between(MIN_NOISE_SIGMA, views.noise_sigma, generator)
        grain = _between(1.0, MAX_GRAIN, generator)
        seed = int(torch.randint(2**31, (), generator=generator))
        own = torch.Generator(images.device).manual_seed(seed)
        images[place] = add_noise(images[place], sigma, grain, own)
    return images


def _chosen(count: int, share: float, generator: torch.Generator) -> list[int]:
    if not share:
        return []
    chosen: list[int] = (torch.rand(count, generator=generator) < share).nonzero()[:, 0].tolist()
    return chosen


def _between(low: float, high: float, generator: torch.Generator) -> float:
    return low + (high - low) * float(torch.rand((), generator=generator))


Image = npt.NDArray[np.uint8]


def _blur(image: Image, sigma: float, index: int) -> Image:
    return _pixels(gaussian_blur(_planes(image), sigma))


def _noise(image: Image, sigma: float, index: int) -> Image:
    return _pixels(add_noise(_planes(image), sigma, 1.0, torch.Generator().manual_seed(index)))


def _gamma(image: Image, exponent: float, index: int) -> Image:
    table = 255 * np.linspace(0, 1, 256) ** exponent
    return table.round().astype(np.uint8)[image]


# name: (change of an image by a value and the picture's number, least and largest value, unit)
CORRUPTIONS: dict[str, tuple[Callable[[Image, float, int], Image], float, float, str]] = {
    'blur': (_blur, MIN_BLUR_SIGMA, 16, 'pixels of sigma'),
    'noise': (_noise, 0, 128, 'grey values of sigma'),
    'gamma': (_gamma, 0.1, 10, 'exponent of the values, above 1 darker'),
}


@dataclass(frozen=True)
class Corruption:
    """One fault by its name in CORRUPTIONS, and how strong it is, in its unit."""

    name: str
    value: float

    @classmethod
    def parse(cls, text: str) -> 'Corruption':
        """Read NAME=VALUE; raises UnknownNameError or InvalidValueError."""
        name, _, value = text.partition('=')
        if name not in CORRUPTIONS:
            raise UnknownNameError('--fault', name, CORRUPTIONS)
        _, low, high, unit = CORRUPTIONS[name]
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
class CorruptedDataset:
    """The pictures of a data set with faults, one after another; each time the same."""

    source: ImageLabelDataset
    faults: tuple[Corruption, ...]

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
            image = CORRUPTIONS[fault.name][0](image, fault.value, index)
        return replace(sample, image=image)


def _planes(image: Image) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))


def _pixels(planes: torch.Tensor) -> Image:
    return np.ascontiguousarray(planes.numpy().transpose(1, 2, 0))
