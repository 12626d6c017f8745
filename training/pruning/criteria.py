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
Pruning criteria, chosen by name: how important is each channel of a dependency group.

A criterion is a pure function of a ChannelGroup that gives importance [C], float, of at least 0;
the least important channels are removed first. A new one is a function here, or in a file beside
this one, and one line in CRITERIA.
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
            'out of the ratios or take criterion l1'
        )


def l1(group: ChannelGroup) -> Tensor:
    """Sum the absolute weights that make and read a channel (Fang et al., CVPR 2023)."""
    return torch.stack([w.abs().sum(1) for w in group.rows + group.columns]).sum(0)


def l2(group: ChannelGroup) -> Tensor:
    """Take the L2 norm of all weights that make and read a channel."""
    return torch.stack([w.square().sum(1) for w in group.rows + group.columns]).sum(0).sqrt()


def bn_scale(group: ChannelGroup) -> Tensor:
    """Average the norms' absolute weights over layers and levels (Liu et al., ICCV 2017)."""
    if not group.scales:
        raise NoNormsError(group.name)
    return torch.stack([scale.abs() for scale in group.scales]).mean(0)


def random(group: ChannelGroup) -> Tensor:
    """Draw numbers from 0 to 1: the control that every other criterion has to beat."""
    return torch.rand(len(group.rows[0]), generator=group.generator, dtype=torch.float64)


CRITERIA: dict[str, Criterion] = {
    'l1': l1,
    'l2': l2,
    'bn_scale': bn_scale,
    'random': random,
    'context': context,
}
