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

"""Augmentation of one training image and its label, by torchvision's transforms."""

from typing import Any

import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import InterpolationMode, v2
from torchvision.transforms.v2 import functional as F
from training.datasets.class_table import UNLABELED
from training.datasets.transforms.color_jitter import color_jitter
from training.datasets.transforms.corruptions import RandomCorruption
from training.schema.config import AugmentationConfig

# (image [3, H, W], label [H, W]), both uint8
Crop = tuple[Tensor, Tensor]

# Padding has ImageNet's mean color, which is neither black nor typical of a class.
FILL = (124, 116, 104)


def augment(transform: v2.Transform, image: Tensor, label: Tensor) -> Crop:
    """Apply a transform to an image [3, H, W] and its label [H, W] together."""
    crop, mask = transform(tv_tensors.Image(image), tv_tensors.Mask(label[None]))
    return crop.as_subclass(Tensor), mask.as_subclass(Tensor)[0]


def training_transform(config: AugmentationConfig, class_id: int | None = None) -> v2.Transform:
    """
    Return the transform: scale, crop padded as unlabeled, flip, photometric changes.

    With `class_id` the crop contains a pixel of that class, if the scaled label does.
    """
    fill: dict[Any, Any] = {tv_tensors.Image: FILL, tv_tensors.Mask: UNLABELED}
    crop = (
        v2.RandomCrop(config.crop_size, pad_if_needed=True, fill=fill)
        if class_id is None
        else CropWithClass(config.crop_size, fill, class_id)
    )
    return v2.Compose(
        [
            RandomScale(config.scale_min, config.scale_max),
            crop,
            v2.RandomHorizontalFlip(config.flip),
            color_jitter(config),
            *_occasional_changes(config),
        ]
    )


class RandomScale(v2.Transform):  # type: ignore[misc]
    """
    Scale image and label by one random factor, the label to the nearest pixel center.

    torchvision's own scale jitter takes `nearest` for masks, which shifts them by up to half a
    pixel against the image.
    """

    def __init__(self, low: float, high: float) -> None:
        super().__init__()
        self.low, self.high = low, high

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """Draw the factor."""
        return {'factor': self.low + (self.high - self.low) * float(torch.rand(()))}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """Scale the image or the label."""
        size = [max(1, round(side * params['factor'])) for side in inpt.shape[-2:]]
        if isinstance(inpt, tv_tensors.Mask):
            scaled = F.resize_image(inpt, size, InterpolationMode.NEAREST_EXACT)
            return tv_tensors.wrap(scaled, like=inpt)
        return F.resize(inpt, size, InterpolationMode.BILINEAR, antialias=True)


class CropWithClass(v2.RandomCrop):  # type: ignore[misc]
    """A random crop that contains a pixel of a class, drawn from all pixels of that class."""

    def __init__(self, size: tuple[int, int], fill: dict[Any, Any], class_id: int) -> None:
        super().__init__(size, pad_if_needed=True, fill=fill)
        self.class_id = class_id

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """Draw a crop as usual and move it to a pixel of the class, if there is one."""
        params: dict[str, Any] = super().make_params(flat_inputs)
        label = next(item for item in flat_inputs if isinstance(item, tv_tensors.Mask))[0]
        found = (label == self.class_id).flatten().nonzero()[:, 0]
        if not len(found) or not params['needs_crop']:
            return params
        pixel = int(found[int(torch.randint(len(found), ()))])
        width = label.shape[1]
        left, top, right, bottom = params['padding']
        params['top'] = _start(pixel // width + top, label.shape[0] + top + bottom, self.size[0])
        params['left'] = _start(pixel % width + left, width + left + right, self.size[1])
        return params


def _start(pixel: int, length: int, size: int) -> int:
    """Draw the start of an interval of `size` within `length` that contains `pixel`."""
    first, last = max(0, pixel - size + 1), min(pixel, length - size)
    return first + int(torch.randint(last - first + 1, ()))


def _occasional_changes(config: AugmentationConfig) -> list[v2.Transform]:
    """Return the photometric changes that only a fraction of the crops gets."""
    color_changes = (
        (config.grayscale, v2.Grayscale(num_output_channels=3)),
        (config.permute, v2.RandomChannelPermutation()),
    )
    changes = [v2.RandomApply([change], p) for p, change in color_changes if p]
    return [*changes, RandomCorruption(config)] if config.blur or config.noise else changes


def class_mix(crop: Crop, other: Crop) -> Crop:
    """
    Paste half of the classes of another crop, drawn at random, over a crop of equal size.

    Unlabeled pixels are never pasted; a crop without labels changes nothing.
    """
    present = other[1].unique()
    present = present[present != UNLABELED]
    pasted = present[torch.randperm(len(present))[: (len(present) + 1) // 2]]
    mask = torch.isin(other[1], pasted)
    return torch.where(mask, other[0], crop[0]), torch.where(mask, other[1], crop[1])
