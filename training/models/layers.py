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

"""Layers that encoders and decoders share."""

from collections.abc import Sequence

import torch
from torch import nn, Tensor
import torch.nn.functional as F

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class Normalize(nn.Module):
    """Normalization of RGB 0 to 255, any type, [N, 3, H, W], by ImageNet's mean and deviation."""

    scale: Tensor
    shift: Tensor

    def __init__(self) -> None:
        super().__init__()
        mean, std = torch.tensor(IMAGENET_MEAN), torch.tensor(IMAGENET_STD)
        self.register_buffer('scale', (1 / (255 * std)).view(1, 3, 1, 1), persistent=False)
        self.register_buffer('shift', (-mean / std).view(1, 3, 1, 1), persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        """Return the normalized image as float32."""
        return image.float() * self.scale + self.shift


class LevelNorm(nn.ModuleList):
    """One batch norm for each pyramid level, after a convolution that all levels share."""

    def __init__(self, channels: int, levels: int) -> None:
        super().__init__(nn.BatchNorm2d(channels) for _ in range(levels))

    def forward(self, features: Tensor, level: int) -> Tensor:
        """Apply the batch norm of `level`."""
        normalized: Tensor = self[level](features)
        return normalized


def bn_relu_conv(inputs: int, outputs: int, kernel: int, bias: bool = False) -> nn.Sequential:
    """Return the decoder's unit: batch norm, ReLU, convolution that keeps height and width."""
    return nn.Sequential(
        nn.BatchNorm2d(inputs),
        nn.ReLU(inplace=False),
        nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=bias),
    )


class UpsampleBlend(nn.Module):
    """SwiftNet's upsampling module: bilinear to the skip's size, add, BN-ReLU-3x3 convolution."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.blend = bn_relu_conv(features, features, 3)

    def forward(self, coarse: Tensor, skip: Tensor) -> Tensor:
        """Return coarse [N, F, h, w] merged with skip [N, F, H, W]."""
        blended: Tensor = self.blend(skip + resize(coarse, skip.shape[2:]))
        return blended


def resize(features: Tensor, size: Sequence[int]) -> Tensor:
    """Interpolate to (height, width), bilinear with half-pixel centers, unless of that size."""
    height, width = (int(side) for side in size)
    if features.shape[2:] == (height, width):
        return features
    return F.interpolate(features, size=(height, width), mode='bilinear', align_corners=False)


def init_weights(module: nn.Module) -> None:
    """Initialize weights at random: He for convolutions, 1 and 0 for norms, 0 for biases."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode='fan_out', nonlinearity='relu')
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        elif isinstance(layer, nn.BatchNorm2d):
            nn.init.ones_(layer.weight)
            nn.init.zeros_(layer.bias)
