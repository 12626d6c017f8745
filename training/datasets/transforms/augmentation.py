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
from training.datasets.transforms.corruptions import is_corrupted, RandomCorruption
from training.datasets.transforms.robot_views import RandomReflection, RandomTilt
from training.schema.config import AugmentationConfig

# (image [3, H, W], label [H, W]), both uint8
Crop = tuple[Tensor, Tensor]

# Padding has ImageNet's mean color, which is neither black nor typical of a class.
FILL = (124, 116, 104)
# The largest side of a nearly whole image relative to the crop's.
_NEARLY_WHOLE = 1.15


def augment(transform: v2.Transform, image: Tensor, label: Tensor) -> Crop:
    """Apply a transform to an image [3, H, W] and its label [H, W] together."""
    crop, mask = transform(tv_tensors.Image(image), tv_tensors.Mask(label[None]))
    return crop.as_subclass(Tensor), mask.as_subclass(Tensor)[0]


def training_transform(
    config: AugmentationConfig, class_id: int | None = None, reflecting: int | None = None
) -> v2.Transform:
    """
    Return the transform: tilt, scale, crop padded as unlabeled, flip, photometric changes.

    With `class_id` the crop contains a pixel of that class, if the scaled label does; with
    `reflecting` a class may reflect what stands on it.
    """
    fill: dict[Any, Any] = {tv_tensors.Image: FILL, tv_tensors.Mask: UNLABELED}
    crop = (
        v2.RandomCrop(config.crop_size, pad_if_needed=True, fill=fill)
        if class_id is None
        else CropWithClass(config.crop_size, fill, class_id)
    )
    views: list[v2.Transform] = []
    if config.tilt:
        views.append(v2.RandomApply([RandomTilt(config.roll, config.pitch, FILL)], config.tilt))
    reflections: list[v2.Transform] = []
    if reflecting is not None:
        reflections.append(v2.RandomApply([RandomReflection(reflecting)], config.reflection))
    return v2.Compose(
        [
            *views,
            RandomScale(config.scale_min, config.scale_max, config.whole, config.crop_size),
            crop,
            v2.RandomHorizontalFlip(config.flip),
            *reflections,
            color_jitter(config),
            *_occasional_changes(config),
        ]
    )


class RandomScale(v2.Transform):  # type: ignore[misc]
    """
    Scale image and label by one random factor, the label to the nearest pixel center.

    torchvision's own scale jitter takes `nearest` for masks, which shifts them by up to half a
    pixel against the image. A fraction `whole` of the images is scaled so that the whole of it,
    or nearly so, is in a crop of a size (height, width).
    """

    def __init__(
        self, low: float, high: float, whole: float = 0.0, crop: tuple[int, int] = (0, 0)
    ) -> None:
        super().__init__()
        self.low, self.high, self.whole, self.crop = low, high, whole, crop

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """Draw the factor."""
        low, high = self.low, self.high
        if self.whole and float(torch.rand(())) < self.whole:
            height, width = flat_inputs[0].shape[-2:]
            fitting = min(self.crop[0] / height, self.crop[1] / width)
            low, high = fitting, _NEARLY_WHOLE * fitting
        return {'factor': low + (high - low) * float(torch.rand(()))}

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
    return [*changes, RandomCorruption(config)] if is_corrupted(config) else changes


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
