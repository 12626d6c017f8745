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

"""The two SwiftNets: pyramidal, with one encoder over several resolutions, and single-scale."""

from collections import defaultdict
from functools import reduce

import numpy as np
import numpy.typing as npt
import torch
from torch import nn, Tensor
import torch.nn.functional as F
from training.models.encoders import ENCODERS
from training.models.layers import bn_relu_conv, init_weights, Normalize, resize, UpsampleBlend
from training.schema.config import ModelConfig

_STAGE_STRIDES = (4, 8, 16, 32)
# Cells along the height of the grids that spatial pyramid pooling averages over.
_GRIDS = (8, 4, 2)


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
        self.first = _STAGE_STRIDES.index(config.output_stride)
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


class SingleScaleSwiftNet(nn.Module):
    """SwiftNet with spatial pyramid pooling (Orsic et al., CVPR 2019)."""

    def __init__(self, config: ModelConfig, classes: int) -> None:
        super().__init__()
        self.normalize = Normalize()
        self.encoder = ENCODERS[config.encoder](config.widths, 1)
        # The first width is the stem's.
        self.first = _STAGE_STRIDES.index(config.output_stride)
        after = self.first + 1
        *fine, coarsest = self.encoder.widths[after:]
        self.spp = SpatialPyramidPooling(coarsest, config.features)
        self.laterals = nn.ModuleList(bn_relu_conv(width, config.features, 1) for width in fine)
        self.upsample = nn.ModuleList(UpsampleBlend(config.features) for _ in fine)
        self.head = bn_relu_conv(config.features, classes, 1, bias=True)
        init_weights(self)

    def forward(self, image: Tensor) -> Tensor:
        """Return the logits [N, C, H/s, W/s] of RGB 0 to 255 [N, 3, H, W]."""
        first = self.first
        *fine, coarsest = self.encoder(self.normalize(image))[first:]
        skips = [lateral(features) for lateral, features in zip(self.laterals, fine)]
        merged = self.spp(coarsest)
        for skip, module in zip(reversed(skips), self.upsample):
            merged = module(merged, skip)
        logits: Tensor = self.head(merged)
        return logits


class SpatialPyramidPooling(nn.Module):
    """Spatial pyramid pooling: features concatenated with their averages over coarse grids."""

    def __init__(self, inputs: int, features: int) -> None:
        super().__init__()
        level = features // len(_GRIDS)
        self.squeeze = bn_relu_conv(inputs, features, 1)
        self.levels = nn.ModuleList(bn_relu_conv(features, level, 1) for _ in _GRIDS)
        self.fuse = bn_relu_conv(features + level * len(_GRIDS), features, 1)

    def forward(self, coarsest: Tensor) -> Tensor:
        """Return [N, features, H, W] for [N, inputs, H, W]."""
        squeezed = self.squeeze(coarsest)
        height, width = (int(side) for side in squeezed.shape[2:])
        pooled = [squeezed]
        for grid, module in zip(_GRIDS, self.levels):
            cells = (grid, max(1, round(grid * width / height)))
            pooled.append(resize(module(grid_average(squeezed, cells)), (height, width)))
        fused: Tensor = self.fuse(torch.cat(pooled, 1))
        return fused


def grid_average(features: Tensor, cells: tuple[int, int]) -> Tensor:
    """
    Return [N, C, H, W] averaged over a grid of cells, like adaptive average pooling.

    Two products with constant matrices: adaptive pooling cannot be exported to ONNX for sizes
    that the grid does not divide.
    """
    height, width = (int(side) for side in features.shape[2:])
    rows = torch.from_numpy(_pooling_matrix(height, cells[0])).to(features)
    columns = torch.from_numpy(_pooling_matrix(width, cells[1]).T.copy()).to(features)
    return torch.matmul(torch.matmul(rows, features), columns)


def _pooling_matrix(size: int, cells: int) -> npt.NDArray[np.float32]:
    """Return the matrix [cells, size] that averages over each cell."""
    matrix = np.zeros((cells, size), np.float32)
    for cell in range(cells):
        start, end = cell * size // cells, -(-(cell + 1) * size // cells)
        matrix[cell, start:end] = 1 / (end - start)
    return matrix
