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

"""Single-scale SwiftNet: encoder, spatial pyramid pooling, lean upsampling decoder."""

import numpy as np
import numpy.typing as npt
import torch
from torch import nn, Tensor
from training.models.encoders import ENCODERS
from training.models.layers import bn_relu_conv, init_weights, Normalize, resize, UpsampleBlend
from training.models.pyramid import STAGE_STRIDES
from training.schema.config import ModelConfig

_GRIDS = (8, 4, 2)


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


class SingleScaleSwiftNet(nn.Module):
    """SwiftNet with spatial pyramid pooling (Orsic et al., CVPR 2019)."""

    def __init__(self, config: ModelConfig, classes: int) -> None:
        super().__init__()
        self.normalize = Normalize()
        self.encoder = ENCODERS[config.encoder](config.widths, 1)
        # The first width is the stem's.
        self.first = STAGE_STRIDES.index(config.output_stride)
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
