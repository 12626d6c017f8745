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

"""Pyramidal SwiftNet: one shared encoder over several image resolutions, one decoder."""

from collections import defaultdict
from functools import reduce

import torch
from torch import nn, Tensor
import torch.nn.functional as F
from training.models.encoders import ENCODERS
from training.models.layers import bn_relu_conv, init_weights, Normalize, UpsampleBlend
from training.schema.config import ModelConfig

STAGE_STRIDES = (4, 8, 16, 32)


class PyramidSwiftNet(nn.Module):
    """
    SwiftNet with pyramidal fusion (Orsic and Segvic, Pattern Recognition 2021).

    One encoder, with batch norms per level, processes the image at full, half and quarter
    resolution; 1x1 lateral convolutions shared by the levels reduce every stage to the decoder's
    width; features of equal stride are summed, then merged from coarse to fine.
    """

    def __init__(self, config: ModelConfig, classes: int) -> None:
        super().__init__()
        self.levels = config.levels
        self.normalize = Normalize()
        self.encoder = ENCODERS[config.encoder](config.widths, config.levels)
        # The first width is the stem's.
        self.first = STAGE_STRIDES.index(config.output_stride)
        after = self.first + 1
        self.laterals = nn.ModuleList(
            nn.Conv2d(width, config.features, 1, bias=False)
            for width in self.encoder.widths[after:]
        )
        merges = len(self.laterals) + config.levels - 2
        self.upsample = nn.ModuleList(UpsampleBlend(config.features) for _ in range(merges))
        self.head = bn_relu_conv(config.features, classes, 1, bias=True)
        init_weights(self)

    def forward(self, image: Tensor) -> Tensor:
        """Return the logits [N, C, H/s, W/s] of RGB 0 to 255 [N, 3, H, W]."""
        skips = self._skips(self.normalize(image))
        merged = skips[-1]
        for skip, module in zip(reversed(skips[:-1]), self.upsample):
            merged = module(merged, skip)
        logits: Tensor = self.head(merged)
        return logits

    def _skips(self, image: Tensor) -> list[Tensor]:
        """Return the lateral features, summed over the levels for each stride, finest first."""
        first = self.first
        by_stride: dict[int, list[Tensor]] = defaultdict(list)
        for level in range(self.levels):
            stages = self.encoder(image, level)[first:]
            for index, (lateral, features) in enumerate(zip(self.laterals, stages)):
                by_stride[level + index].append(lateral(features))
            if level + 1 < self.levels:
                image = F.avg_pool2d(image, 2)
        return [reduce(torch.add, by_stride[stride]) for stride in sorted(by_stride)]
