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

"""Complexity parameters and multiply-adds of a network without running it."""

from dataclasses import dataclass

import torch
from torch import nn, Tensor


@dataclass(frozen=True)
class Complexity:
    """Parameters, and 1e9 multiply-adds: of convolutions, and by the seminar's rule."""

    params: int
    conv_gmacs: float
    gmacs: float


def count_complexity(network: nn.Module, height: int, width: int) -> Complexity:
    """
    Complexity for one image of height x width pixels.

    The seminar's rule adds, to the multiply-adds of the convolutions, 2 for each output element
    of a batch norm and 1 for each bias added. The network runs on shapes alone (torch's meta
    device), once for all pyramid levels.
    """
    convolutions, extras = [0], [0]

    def after_convolution(layer: nn.Module, _: object, output: Tensor) -> None:
        assert isinstance(layer, nn.Conv2d)
        taps = layer.weight[0].numel()
        convolutions[0] += output.numel() * taps
        extras[0] += output.numel() if layer.bias is not None else 0

    def after_norm(_: nn.Module, __: object, output: Tensor) -> None:
        extras[0] += 2 * output.numel()

    params = sum(parameter.numel() for parameter in network.parameters())
    hollow = network.to('meta').eval()
    for layer in hollow.modules():
        if isinstance(layer, nn.Conv2d):
            layer.register_forward_hook(after_convolution)
        elif isinstance(layer, nn.BatchNorm2d):
            layer.register_forward_hook(after_norm)
    hollow(torch.empty(1, 3, height, width, device='meta'))
    return Complexity(params, convolutions[0] / 1e9, (convolutions[0] + extras[0]) / 1e9)
