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

"""Sizes that cannot train: a batch norm needs more than one value for each channel."""

from copy import deepcopy

from swiftnet_ros.errors import SwiftnetError
from swiftnet_ros.system.image_size import format_size, Size
import torch
from torch import nn, Tensor


class NormSizeError(SwiftnetError):
    """A batch and crop so small that a batch norm has one value per channel."""

    def __init__(self, layer: str, batch_size: int, crop_size: Size) -> None:
        super().__init__(
            f'train.batch_size {batch_size} with crops of {format_size(crop_size)} leaves batch '
            f'norm {layer} one value per channel, which has no variance; use a batch size of 2 or '
            'more, or a larger augmentation.crop'
        )


def check_norm_sizes(network: nn.Module, batch_size: int, crop_size: Size) -> None:
    """
    Raise NormSizeError if the batch of all processes leaves a batch norm one value per channel.

    The statistics are those of all processes together. Shapes are computed on the meta device,
    without the values; the network stays as it is.
    """
    single: list[str] = []

    def watch(name: str, layer: nn.Module) -> None:
        def before(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            if inputs[0].numel() == inputs[0].shape[1]:
                single.append(name)

        layer.register_forward_pre_hook(before)

    copy = deepcopy(network).to('meta').train()
    for name, layer in copy.named_modules():
        # A frozen norm stays in evaluation mode.
        if isinstance(layer, nn.BatchNorm2d) and layer.training:
            watch(name, layer)
    copy.eval()(torch.empty(batch_size, 3, *crop_size, device='meta'))
    if single:
        raise NormSizeError(single[0], batch_size, crop_size)
