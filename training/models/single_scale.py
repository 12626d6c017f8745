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
from training.models.layers import (
    bn_relu_conv,
    init_weights,
    Normalize,
    resize,
    UpsampleBlend,
)
from training.models.pyramid import STAGE_STRIDES
from training.schema.config import ModelConfig

_GRIDS = (8, 4, 2)


class SpatialPyramidPooling(nn.Module):
    """Average the features over coarse grids and put the averages beside them."""

    def __init__(self, inputs: int, features: int) -> None:
        super().__init__()
        level = features // len(_GRIDS)
        self.squeeze = bn_relu_conv(inputs, features, 1)
        self.levels = nn.ModuleList(bn_relu_conv(features, level, 1) for _ in _GRIDS)
        self.fuse = bn_relu_conv(features + level * len(_GRIDS), features, 1)

    def forward(self, coarsest: Tensor) -> Tensor:
        """[N, inputs, H, W] to [N, features, H, W]."""
        squeezed = self.squeeze(coarsest)
        height, width = (int(side) for side in squeezed.shape[2:])
        parts = [squeezed]
        for grid, module in zip(_GRIDS, self.levels):
            cells = (grid, max(1, round(grid * width / height)))
            parts.append(resize(module(grid_average(squeezed, cells)), (height, width)))
        fused: Tensor = self.fuse(torch.cat(parts, 1))
        return fused


def grid_average(features: Tensor, cells: tuple[int, int]) -> Tensor:
    """
    Average [N, C, H, W] over a grid of cells with the borders of adaptive pooling.

    Written as two products with constant matrices: adaptive pooling itself does not export
    for sizes that the grid does not divide.
    """
    height, width = (int(side) for side in features.shape[2:])
    rows = torch.from_numpy(_pooling_matrix(height, cells[0])).to(features)
    columns = torch.from_numpy(_pooling_matrix(width, cells[1]).T.copy()).to(features)
    return torch.matmul(torch.matmul(rows, features), columns)


def _pooling_matrix(size: int, cells: int) -> npt.NDArray[np.float32]:
    """Make the matrix [cells, size] that averages between the borders of each cell."""
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
        # The stem's width comes first, then those of the stages.
        self.first = STAGE_STRIDES.index(config.output_stride)
        after = self.first + 1
        *fine, coarsest = self.encoder.widths[after:]
        self.spp = SpatialPyramidPooling(coarsest, config.features)
        self.laterals = nn.ModuleList(bn_relu_conv(width, config.features, 1) for width in fine)
        self.upsample = nn.ModuleList(UpsampleBlend(config.features) for _ in fine)
        self.head = bn_relu_conv(config.features, classes, 1, bias=True)
        init_weights(self)

    def forward(self, image: Tensor) -> Tensor:
        """RGB 0 to 255 [N, 3, H, W] to logits [N, C, H/s, W/s]."""
        first = self.first
        *fine, coarsest = self.encoder(self.normalize(image))[first:]
        skips = [lateral(features) for lateral, features in zip(self.laterals, fine)]
        merged = self.spp(coarsest)
        for skip, module in zip(reversed(skips), self.upsample):
            merged = module(merged, skip)
        logits: Tensor = self.head(merged)
        return logits
