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

"""Image corruptions as cameras cause them: light, blur, noise, JPEG; for training and tests."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
import math
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from swiftnet_ros.core.labels import Pixels
from swiftnet_ros.errors import InvalidValueError, UnknownNameError
from swiftnet_ros.system.image_encoding import encode_image
import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F
from training.datasets.base import ImageLabelDataset, Sample
from training.datasets.class_table import ClassTable
from training.schema.config import AugmentationConfig
from training.schema.rules import MAX_JPEG_QUALITY, MIN_BLUR_SIGMA, MIN_NOISE_SIGMA

# Pixels: the coarsest noise of training crops.
_MAX_GRAIN = 2.0


def gaussian_blur(image: Tensor, sigma: float) -> Tensor:
    """Blur an image uint8 [3, H, W] by a Gaussian of sigma in pixels, mirrored at its edges."""
    kernel = 2 * min(math.ceil(3 * sigma), min(image.shape[-2:]) - 1) + 1
    if image.device.type == 'cpu':
        # A twentieth of the time of torchvision's, whose kernel is two-dimensional.
        blurred = cv2.GaussianBlur(_to_array(image).astype(np.float32), (kernel, kernel), sigma)
        return _to_tensor(blurred.round().astype(np.uint8))
    result: Tensor = F.gaussian_blur_image(image, [kernel, kernel], [sigma, sigma])
    return result


def add_noise(image: Tensor, sigma: float, grain: float, generator: torch.Generator) -> Tensor:
    """
    Add normal noise of sigma in gray values to an image uint8 [3, H, W].

    A grain above 1, in pixels, correlates neighbors over that length, as demosaicing does.
    """
    height, width = image.shape[-2:]
    size = (1, 3, math.ceil(height / grain), math.ceil(width / grain))
    noise = torch.randn(size, generator=generator, device=image.device)
    noise = torch.nn.functional.interpolate(noise, (height, width), mode='bilinear')
    return (image + sigma * noise[0]).round_().clamp_(0, 255).byte()


def adjust_tones(image: Tensor, gamma: float, gains: Sequence[float]) -> Tensor:
    """Raise values 0 to 1 of an image uint8 [3, H, W] to a power; scale its channels."""
    values = torch.linspace(0, 1, 256) ** gamma
    table = (255 * torch.tensor(gains)[:, None] * values).round().clamp(0, 255).byte()
    flat = image.flatten(1).long()
    return table.to(image.device).gather(1, flat).view(image.shape)


def compress(image: Tensor, quality: int) -> Tensor:
    """Return an image uint8 [3, H, W] compressed as JPEG with a quality of 1 to 100."""
    return _to_tensor(_jpeg(_to_array(image.cpu()), quality, 0)).to(image.device)


def corrupt_randomly(
    images: Tensor, augmentation: AugmentationConfig, generator: torch.Generator
) -> Tensor:
    """
    Corrupt a fraction of the images uint8 [N, 3, H, W] in place, each kind for its own fraction.

    In a camera's order: light (color cast, darkness), blur, noise, compression. The generator is
    the CPU's; no number is drawn for a fraction of 0.
    """
    for index in _drawn(len(images), augmentation.cast, generator):
        strength = augmentation.cast_strength
        gains = [_uniform(1 - strength, 1 + strength, generator) for _ in range(3)]
        images[index] = adjust_tones(images[index], 1.0, gains)
    for index in _drawn(len(images), augmentation.dark, generator):
        gamma = _uniform(1.0, augmentation.dark_gamma, generator)
        images[index] = adjust_tones(images[index], gamma, [1.0] * 3)
    for index in _drawn(len(images), augmentation.blur, generator):
        sigma = _uniform(MIN_BLUR_SIGMA, augmentation.blur_sigma, generator)
        images[index] = gaussian_blur(images[index], sigma)
    for index in _drawn(len(images), augmentation.noise, generator):
        sigma = _uniform(MIN_NOISE_SIGMA, augmentation.noise_sigma, generator)
        grain = _uniform(1.0, _MAX_GRAIN, generator)
        seed = int(torch.randint(2**31, (), generator=generator))
        own = torch.Generator(images.device).manual_seed(seed)
        images[index] = add_noise(images[index], sigma, grain, own)
    for index in _drawn(len(images), augmentation.jpeg, generator):
        quality = _uniform(augmentation.jpeg_quality, MAX_JPEG_QUALITY, generator)
        images[index] = compress(images[index], round(quality))
    return images


def is_corrupted(augmentation: AugmentationConfig) -> bool:
    """Return whether some crops are corrupted."""
    kinds = ('cast', 'dark', 'blur', 'noise', 'jpeg')
    return any(getattr(augmentation, kind) for kind in kinds)


def _drawn(count: int, fraction: float, generator: torch.Generator) -> list[int]:
    if not fraction:
        return []
    is_drawn = torch.rand(count, generator=generator) < fraction
    indices: list[int] = is_drawn.nonzero()[:, 0].tolist()
    return indices


def _uniform(low: float, high: float, generator: torch.Generator) -> float:
    return low + (high - low) * float(torch.rand((), generator=generator))


class RandomCorruption(v2.Transform):  # type: ignore[misc]
    """Corrupt fractions of the training crops as `corrupt_randomly` does."""

    def __init__(self, augmentation: AugmentationConfig) -> None:
        super().__init__()
        self.augmentation = augmentation

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """Draw the seed of a crop."""
        return {'seed': int(torch.randint(2**31, ()))}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """Change an image uint8 [3, H, W]; a label is returned as it is."""
        if isinstance(inpt, tv_tensors.Mask):
            return inpt
        generator = torch.Generator().manual_seed(params['seed'])
        images = inpt.as_subclass(Tensor)[None].clone()
        return tv_tensors.wrap(
            corrupt_randomly(images, self.augmentation, generator)[0], like=inpt
        )


def _blur(image: Pixels, sigma: float, index: int) -> Pixels:
    return _to_array(gaussian_blur(_to_tensor(image), sigma))


def _noise(image: Pixels, sigma: float, index: int) -> Pixels:
    generator = torch.Generator().manual_seed(index)
    return _to_array(add_noise(_to_tensor(image), sigma, 1.0, generator))


def _gamma(image: Pixels, exponent: float, index: int) -> Pixels:
    curve: npt.NDArray[np.float64] = 255 * np.linspace(0, 1, 256) ** exponent
    return curve.round().astype(np.uint8)[image]


def _jpeg(image: Pixels, quality: float, index: int) -> Pixels:
    options = [cv2.IMWRITE_JPEG_QUALITY, round(quality)]
    encoded = encode_image(image[..., ::-1], '.jpg', options)
    decoded = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR)
    assert decoded is not None
    return np.ascontiguousarray(decoded[..., ::-1])


def _cast(image: Pixels, strength: float, index: int) -> Pixels:
    gains = (1 + strength, 1.0, 1 - strength)
    return _to_array(adjust_tones(_to_tensor(image), 1.0, gains))


def _to_tensor(image: Pixels) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))


def _to_array(image: Tensor) -> Pixels:
    return np.ascontiguousarray(image.numpy().transpose(1, 2, 0))


# name: (function of an image, a strength and the image's index; least and largest strength; unit)
CORRUPTIONS: dict[str, tuple[Callable[[Pixels, float, int], Pixels], float, float, str]] = {
    'blur': (_blur, MIN_BLUR_SIGMA, 16, 'pixels of sigma'),
    'noise': (_noise, 0, 128, 'gray values of sigma'),
    'gamma': (_gamma, 0.1, 10, 'exponent of the values, above 1 darker'),
    'jpeg': (_jpeg, 1, 100, 'quality, lower is worse'),
    'cast': (_cast, -0.9, 0.9, 'fraction of more red and less blue'),
}


@dataclass(frozen=True)
class Corruption:
    """A corruption by its name in CORRUPTIONS, and its strength in the unit given there."""

    name: str
    strength: float

    @classmethod
    def parse(cls, text: str) -> 'Corruption':
        """Parse NAME=VALUE; raise UnknownNameError or InvalidValueError."""
        name, _, value = text.partition('=')
        if name not in CORRUPTIONS:
            raise UnknownNameError('--corruption', name, CORRUPTIONS)
        _, low, high, unit = CORRUPTIONS[name]
        expected = f'NAME=VALUE with a value of {low} to {high}, {unit}'
        try:
            strength = float(value)
        except ValueError as error:
            raise InvalidValueError('--corruption', text, expected) from error
        if not low <= strength <= high:
            raise InvalidValueError('--corruption', text, expected)
        return cls(name, strength)

    def __str__(self) -> str:
        """Return NAME=VALUE."""
        return f'{self.name}={self.strength:g}'


# One of each kind, as a robot's camera may have it; `--corruption all`.
TYPICAL = tuple(
    Corruption(name, strength)
    for name, strength in (
        ('blur', 1.5), ('noise', 12.0), ('gamma', 2.0), ('jpeg', 30.0), ('cast', 0.3)
    )
)  # fmt: skip


@dataclass(frozen=True)
class CorruptedDataset:
    """A dataset whose images are corrupted, in order; its labels stay as they are."""

    dataset: ImageLabelDataset
    corruptions: tuple[Corruption, ...]

    @property
    def table(self) -> ClassTable:
        return self.dataset.table

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Sample:
        """Return an image, corrupted in the same way every time, with its label."""
        sample = self.dataset[index]
        image = sample.image
        for corruption in self.corruptions:
            image = CORRUPTIONS[corruption.name][0](image, corruption.strength, index)
        return replace(sample, image=image)
