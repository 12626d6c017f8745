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
MobileNetV2 with free stage widths and one set of batch norms per pyramid level.

Architecture and weights follow torchvision's MobileNetV2 (Sandler et al., CVPR 2018) up to its
last inverted residual; the 1x1 convolution to 1280 channels belongs to the classifier.
"""

from collections.abc import Sequence
import re

from torch import nn, Tensor
import torch.nn.functional as F
from training.models.encoders.base import checked_widths, Encoder
from training.models.layers import LevelNorm

# (expansion, published width, blocks, stride) of each row of the paper's table, by stage
_ROWS = (
    ((1, 16, 1, 1), (6, 24, 2, 2)),
    ((6, 32, 3, 2),),
    ((6, 64, 4, 2), (6, 96, 3, 1)),
    ((6, 160, 3, 2), (6, 320, 1, 1)),
)
_PUBLISHED = (32, 24, 32, 96, 320)


class ConvNorm(nn.Module):
    """A convolution and a batch norm per level, with ReLU6 if `activated`."""

    def __init__(self, channels: Sequence[int], kernel: int, stride: int, groups: int,
                 levels: int, activated: bool) -> None:  # fmt: skip
        super().__init__()
        padding = kernel // 2
        inputs, outputs = channels
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, bias=False)
        self.norm = LevelNorm(outputs, levels)
        self.activated = activated

    def forward(self, features: Tensor, level: int) -> Tensor:
        """Convolve, and normalize with the batch norm of `level`."""
        output = self.norm(self.conv(features), level)
        return F.relu6(output) if self.activated else output


class InvertedResidual(nn.Module):
    """Expand 1x1, depthwise 3x3, project 1x1, with a shortcut if the shape stays the same."""

    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int, levels: int):
        super().__init__()
        hidden = inputs * expansion
        depthwise = ConvNorm((hidden, hidden), 3, stride, hidden, levels, True)
        project = ConvNorm((hidden, outputs), 1, 1, 1, levels, False)
        expand = [ConvNorm((inputs, hidden), 1, 1, 1, levels, True)] if expansion > 1 else []
        self.conv = nn.ModuleList([*expand, depthwise, project])
        self.shortcut = stride == 1 and inputs == outputs

    def forward(self, features: Tensor, level: int) -> Tensor:
        """Return [N, outputs, H/stride, W/stride] for [N, inputs, H, W]."""
        branch = features
        for layer in self.conv:
            branch = layer(branch, level)
        return features + branch if self.shortcut else branch


class MobileNetV2(Encoder):
    """MobileNetV2, whose blocks end without an activation."""

    classifier_keys = ('features.18.', 'classifier.')

    def activate(self, features: Tensor) -> Tensor:
        """Return the features as they are: the bottlenecks are linear."""
        return features

    def torchvision_key(self, key: str) -> str:
        """Return torchvision's key: stem is features.0, the n-th block is features.n."""
        key = re.sub(r'norm\.\d+\.', 'norm.', key)
        if key.startswith('stem.'):
            return _conv_norm_key(key.replace('stem.', 'features.0.'))
        match = re.match(r'stages\.(\d)\.(\d)\.conv\.(\d)\.(.*)', key)
        assert match is not None
        stage, block, layer = (int(match[i]) for i in (1, 2, 3))
        number = 1 + block + sum(len(self._blocks(i)) for i in range(stage))
        last = layer == len(self._blocks(stage)[block].conv) - 1
        return f'features.{number}.conv.' + _layer_key(layer, match[4], last)

    def _blocks(self, stage: int) -> list[InvertedResidual]:
        blocks = self.stages[stage]
        assert isinstance(blocks, nn.ModuleList)
        return [block for block in blocks if isinstance(block, InvertedResidual)]


def _conv_norm_key(key: str) -> str:
    return key.replace('.conv.', '.0.').replace('.norm.', '.1.')


def _layer_key(layer: int, rest: str, last: bool) -> str:
    """Return torchvision's key of a layer: the projection's is flat, the others' are nested."""
    if not last:
        return _conv_norm_key(f'{layer}.{rest}')
    number = layer + (0 if rest.startswith('conv') else 1)
    return f'{number}.{rest.split(".", 1)[1]}'


def mobilenet_v2(widths: Sequence[int] | None, levels: int) -> Encoder:
    """Return MobileNetV2; published widths of stem and stages: 32, 24, 32, 96, 320."""
    chosen = checked_widths(widths, _PUBLISHED)
    stem = ConvNorm((3, chosen[0]), 3, 2, 1, levels, True)
    stages, inputs = nn.ModuleList(), chosen[0]
    for stage, rows in enumerate(_ROWS):
        blocks = nn.ModuleList()
        for expansion, published, count, stride in rows:
            # Scaled with its stage; the last row has exactly the stage's width.
            outputs = max(1, round(published * (chosen[stage + 1] / _PUBLISHED[stage + 1])))
            for index in range(count):
                step = stride if index == 0 else 1
                blocks.append(InvertedResidual(inputs, outputs, step, expansion, levels))
                inputs = outputs
        stages.append(blocks)
    return MobileNetV2('mobilenet_v2', chosen, stem, stages)
