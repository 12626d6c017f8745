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
Pruning criteria, chosen by name: L1, L2, batch-norm scale, random, context.

A criterion is a pure function of a ChannelGroup that returns the importance of its channels [C],
float, at least 0; the least important channels are removed first. To add one, write a function
here or in a module next to this one, and one line in CRITERIA.
"""

from collections.abc import Callable

from swiftnet_ros.errors import SwiftnetError
import torch
from torch import Tensor
from training.pruning.channel_group import ChannelGroup
from training.pruning.context_criterion import context

Criterion = Callable[[ChannelGroup], Tensor]


class NoNormsError(SwiftnetError):
    """A criterion on batch norms for channels that pass none."""

    def __init__(self, layer: str) -> None:
        super().__init__(
            f'criterion bn_scale: no batch norm scales the channels of {layer}; leave that part '
            'out of the ratios or use criterion l1'
        )


def l1(group: ChannelGroup) -> Tensor:
    """Return the L1 norm of all weights that make or read a channel (Fang et al., CVPR 2023)."""
    return torch.stack([w.abs().sum(1) for w in group.output_weights + group.input_weights]).sum(0)


def l2(group: ChannelGroup) -> Tensor:
    """Return the L2 norm of all weights that make or read a channel."""
    weights = group.output_weights + group.input_weights
    return torch.stack([w.square().sum(1) for w in weights]).sum(0).sqrt()


def bn_scale(group: ChannelGroup) -> Tensor:
    """Return the mean absolute scale over norms and levels (network slimming, ICCV 2017)."""
    if not group.norm_scales:
        raise NoNormsError(group.name)
    return torch.stack([scale.abs() for scale in group.norm_scales]).mean(0)


def random(group: ChannelGroup) -> Tensor:
    """Return random numbers from 0 to 1, the baseline that every other criterion has to beat."""
    channels = len(group.output_weights[0])
    return torch.rand(channels, generator=group.generator, dtype=torch.float64)


CRITERIA: dict[str, Criterion] = {
    'l1': l1,
    'l2': l2,
    'bn_scale': bn_scale,
    'random': random,
    'context': context,
}
