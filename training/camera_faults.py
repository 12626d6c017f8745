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

import math
from typing import Any

import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F
from training.config import AugmentationConfig
from training.config_rules import LEAST_BLUR, LEAST_NOISE

LARGEST_GRAIN = 2.0


def blurred(image: Tensor, sigma: float) -> Tensor:
    """Blur an image uint8 [3, H, W] by a Gaussian of sigma in pixels, mirrored at its edges."""
    kernel = 2 * min(math.ceil(3 * sigma), min(image.shape[-2:]) - 1) + 1
    result: Tensor = F.gaussian_blur_image(image, [kernel, kernel], [sigma, sigma])
    return result


def noisy(image: Tensor, sigma: float, grain: float, generator: torch.Generator) -> Tensor:
    """
    Add normal noise of sigma in grey values to an image uint8 [3, H, W].

    A grain above 1, in pixels, makes it smooth over that length, as demosaicing and scaling do.
    """
    height, width = image.shape[-2:]
    size = (1, 3, math.ceil(height / grain), math.ceil(width / grain))
    noise = torch.randn(size, generator=generator, device=image.device)
    noise = torch.nn.functional.interpolate(noise, (height, width), mode='bilinear')
    return (image + sigma * noise[0]).round_().clamp_(0, 255).byte()


class CameraFaults(v2.Transform):  # type: ignore[misc]
    """Blur a share of the pictures and make a share of them noisy."""

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
        result = degraded(inpt.as_subclass(Tensor)[None].clone(), self.views, generator)
        return tv_tensors.wrap(result[0], like=inpt)


def degraded(images: Tensor, views: AugmentationConfig, generator: torch.Generator) -> Tensor:
    """
    Blur a share of the images uint8 [N, 3, H, W] in place, then make a share of them noisy.

    The generator is the CPU's; nothing is drawn from it for a share of 0.
    """
    for place in _chosen(len(images), views.blur, generator):
        sigma = _between(LEAST_BLUR, views.blur_sigma, generator)
        images[place] = blurred(images[place], sigma)
    for place in _chosen(len(images), views.noise, generator):
        sigma = _between(LEAST_NOISE, views.noise_sigma, generator)
        grain = _between(1.0, LARGEST_GRAIN, generator)
        seed = int(torch.randint(2**31, (), generator=generator))
        own = torch.Generator(images.device).manual_seed(seed)
        images[place] = noisy(images[place], sigma, grain, own)
    return images


def _chosen(count: int, share: float, generator: torch.Generator) -> list[int]:
    if not share:
        return []
    chosen: list[int] = (torch.rand(count, generator=generator) < share).nonzero()[:, 0].tolist()
    return chosen


def _between(low: float, high: float, generator: torch.Generator) -> float:
    return low + (high - low) * float(torch.rand((), generator=generator))
