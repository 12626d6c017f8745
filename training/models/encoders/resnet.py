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

"""
ResNet-18, -34 and -50 with free stage widths and one set of batch norms per pyramid level.

Architecture and parameter names follow torchvision's ResNet (He et al., CVPR 2016, the variant
whose bottleneck strides in its 3x3 convolution), so that its ImageNet weights fit.
"""

from collections.abc import Sequence
from functools import partial
import re

import torch
from torch import nn, Tensor
import torch.nn.functional as F
from training.models.encoders.base import checked_widths, Encoder
from training.models.layers import LevelNorm


class Stem(nn.Module):
    """7x7 convolution, norm, ReLU, 3x3 max pooling: stride 4."""

    def __init__(self, width: int, levels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 7, stride=2, padding=3, bias=False)
        self.bn1 = LevelNorm(width, levels)

    def forward(self, image: Tensor, level: int) -> Tensor:
        """Return [N, width, H/4, W/4] for [N, 3, H, W]."""
        features = torch.relu(self.bn1(self.conv1(image), level))
        return F.max_pool2d(features, 3, stride=2, padding=1)


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut; the ReLU after the sum is the encoder's."""

    expansion = 1

    def __init__(self, inputs: int, outputs: int, stride: int, levels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.bn1 = LevelNorm(outputs, levels)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = LevelNorm(outputs, levels)
        self.downsample = _shortcut(inputs, outputs, stride)

    def forward(self, features: Tensor, level: int) -> Tensor:
        """Return [N, outputs, H/stride, W/stride] for [N, inputs, H, W], before the ReLU."""
        branch = torch.relu(self.bn1(self.conv1(features), level))
        branch = self.bn2(self.conv2(branch), level)
        added: Tensor = branch + self.downsample(features)
        return added


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions and a shortcut; the middle is a quarter as wide."""

    expansion = 4

    def __init__(self, inputs: int, outputs: int, stride: int, levels: int) -> None:
        super().__init__()
        middle = max(1, outputs // self.expansion)
        self.conv1 = nn.Conv2d(inputs, middle, 1, bias=False)
        self.bn1 = LevelNorm(middle, levels)
        self.conv2 = nn.Conv2d(middle, middle, 3, stride, padding=1, bias=False)
        self.bn2 = LevelNorm(middle, levels)
        self.conv3 = nn.Conv2d(middle, outputs, 1, bias=False)
        self.bn3 = LevelNorm(outputs, levels)
        self.downsample = _shortcut(inputs, outputs, stride)

    def forward(self, features: Tensor, level: int) -> Tensor:
        """Return [N, outputs, H/stride, W/stride] for [N, inputs, H, W], before the ReLU."""
        branch = torch.relu(self.bn1(self.conv1(features), level))
        branch = torch.relu(self.bn2(self.conv2(branch), level))
        branch = self.bn3(self.conv3(branch), level)
        added: Tensor = branch + self.downsample(features)
        return added


def _shortcut(inputs: int, outputs: int, stride: int) -> nn.Module:
    """Return the identity, or a 1x1 convolution whose batch norm all pyramid levels share."""
    if stride == 1 and inputs == outputs:
        return nn.Identity()
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
    )


class ResNet(Encoder):
    """A ResNet of basic or bottleneck blocks."""

    classifier_keys = ('fc.',)

    def torchvision_key(self, key: str) -> str:
        """Return torchvision's key: stem.conv1 is conv1, stages.0.1.bn2.LEVEL is layer1.1.bn2."""
        key = re.sub(r'(bn\d)\.\d+\.', r'\1.', key.removeprefix('stem.'))
        return re.sub(r'^stages\.(\d)', lambda match: f'layer{int(match[1]) + 1}', key)


def _resnet(
    name: str,
    block: type[BasicBlock] | type[Bottleneck],
    depths: Sequence[int],
    widths: Sequence[int] | None,
    levels: int,
) -> ResNet:
    published = [64] + [64 * block.expansion * 2**stage for stage in range(4)]
    chosen = checked_widths(widths, published)
    stages = nn.ModuleList()
    for stage, depth in enumerate(depths):
        inputs, outputs = chosen[stage], chosen[stage + 1]
        first = block(inputs, outputs, 1 if stage == 0 else 2, levels)
        rest = [block(outputs, outputs, 1, levels) for _ in range(depth - 1)]
        stages.append(nn.ModuleList([first, *rest]))
    return ResNet(name, chosen, Stem(chosen[0], levels), stages)


# Published widths of stem and stages: 64, 64, 128, 256, 512.
resnet18 = partial(_resnet, 'resnet18', BasicBlock, (2, 2, 2, 2))
resnet34 = partial(_resnet, 'resnet34', BasicBlock, (3, 4, 6, 3))
# Published widths: 64, 256, 512, 1024, 2048.
resnet50 = partial(_resnet, 'resnet50', Bottleneck, (3, 4, 6, 3))
