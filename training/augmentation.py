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

"""Random views of a training picture, by torchvision's transforms."""

from typing import Any

import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import InterpolationMode, v2
from torchvision.transforms.v2 import functional as F
from training.config import AugmentationConfig
from training.datasets.class_table import UNLABELED

# ImageNet's mean colour: what lies outside the picture is neither black nor a class
_FILL = (124, 116, 104)


class RandomScale(v2.Transform):  # type: ignore[misc]
    """
    Scale picture and label by one random factor, the label to the nearest pixel centre.

    torchvision's own scale jitter takes `nearest` for masks, which shifts them by up to half a
    pixel against the picture.
    """

    def __init__(self, low: float, high: float) -> None:
        super().__init__()
        self.low, self.high = low, high

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """Draw the factor."""
        return {'factor': self.low + (self.high - self.low) * float(torch.rand(()))}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """Scale one of the two."""
        size = [max(1, round(side * params['factor'])) for side in inpt.shape[-2:]]
        if isinstance(inpt, tv_tensors.Mask):
            scaled = F.resize_image(inpt, size, InterpolationMode.NEAREST_EXACT)
            return tv_tensors.wrap(scaled, like=inpt)
        return F.resize(inpt, size, InterpolationMode.BILINEAR, antialias=True)


def training_transform(config: AugmentationConfig) -> v2.Transform:
    """Make the transform: photometric, scale, flip, square crop padded as unlabeled."""
    fill: dict[Any, Any] = {tv_tensors.Image: _FILL, tv_tensors.Mask: UNLABELED}
    return v2.Compose(
        [
            RandomScale(config.scale_min, config.scale_max),
            v2.RandomCrop(config.crop, pad_if_needed=True, fill=fill),
            v2.RandomHorizontalFlip(config.flip),
            v2.ColorJitter(config.brightness, config.contrast, config.saturation, config.hue),
        ]
    )


def augment(transform: v2.Transform, image: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
    """Apply a transform to an image [3, H, W] and its label [H, W] together."""
    view, mask = transform(tv_tensors.Image(image), tv_tensors.Mask(label[None]))
    return view.as_subclass(Tensor), mask.as_subclass(Tensor)[0]
