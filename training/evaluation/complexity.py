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

"""The complexity of a network: parameters and multiply-adds (MACs), counted without running it."""

from dataclasses import dataclass

import torch
from torch import nn, Tensor


@dataclass(frozen=True)
class Complexity:
    """
    Parameters, and 1e9 multiply-adds (GMACs).

    `conv_gmacs` are those of the convolutions. `gmacs` follows the reference work: it adds 2 for
    each output element of a batch norm and 1 for each bias that is added.
    """

    params: int
    conv_gmacs: float
    gmacs: float


def count_complexity(network: nn.Module, height: int, width: int) -> Complexity:
    """
    Return the complexity for one image of height x width pixels, all pyramid levels included.

    The network is moved to the meta device, which computes shapes only.
    """
    conv_macs, other_macs = [0], [0]

    def after_convolution(layer: nn.Module, _: object, output: Tensor) -> None:
        assert isinstance(layer, nn.Conv2d)
        conv_macs[0] += output.numel() * layer.weight[0].numel()
        other_macs[0] += output.numel() if layer.bias is not None else 0

    def after_norm(_: nn.Module, __: object, output: Tensor) -> None:
        other_macs[0] += 2 * output.numel()

    params = sum(parameter.numel() for parameter in network.parameters())
    meta_network = network.to('meta').eval()
    for layer in meta_network.modules():
        if isinstance(layer, nn.Conv2d):
            layer.register_forward_hook(after_convolution)
        elif isinstance(layer, nn.BatchNorm2d):
            layer.register_forward_hook(after_norm)
    meta_network(torch.empty(1, 3, height, width, device='meta'))
    return Complexity(params, conv_macs[0] / 1e9, (conv_macs[0] + other_macs[0]) / 1e9)
