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
Channels that can go without any change to what a network in evaluation answers.

A channel of a group is dead when for each convolution that reads it either the weights with
which it is read are all 0, or what is read is 0 whatever the picture shows. The second follows
from the weights alone, by carrying constants along the network's steps: a convolution makes a
constant of a channel whose weights are 0, a norm of a channel that is constant or that it scales
by 0; sums, ReLUs and concatenations of constants are constants. In training a norm's statistics
are the batch's, so that only evaluation is left as it was.
"""

from collections.abc import Callable, Sequence

import torch
from torch import nn, Tensor
from training.pruning.dependency_groups import (
    DependencyGroup,
    GraphStep,
    IN,
    is_depthwise,
    TracedNetwork,
)


def dead_channels(network: nn.Module, trace: TracedNetwork) -> dict[str, Tensor]:
    """Find the dead channels of every group of a network: bool [C] by group name."""
    carried = _Constants(network, trace.steps)
    read = {step.layer: carried.of_inputs(step) for step in trace.steps if step.layer}
    return {group.name: _dead(network, group, read) for group in trace.groups}


def _dead(network: nn.Module, group: DependencyGroup, read: dict[str, Tensor | None]) -> Tensor:
    dead = torch.ones(group.channels, dtype=torch.bool)
    for member in group.members:
        if member.side == IN:
            weight = network.get_submodule(member.layer).get_parameter('weight').detach()
            unread = (weight == 0).transpose(0, 1).flatten(1).all(1).cpu()
            value = read[member.layer]
            silent = unread if value is None else unread | (value == 0)
            dead &= silent[list(member.indices)]
    return dead


class _Constants:
    """The value of each channel that every step gives, [C] float64; NaN where it varies."""

    def __init__(self, network: nn.Module, steps: Sequence[GraphStep]) -> None:
        self.network, self.steps = network, steps
        self.known: dict[int, Tensor] = {}

    def of_inputs(self, step: GraphStep) -> Tensor | None:
        """Give what a layer reads; a layer that is used at several levels reads all of them."""
        values = [self.of(index) for index in step.inputs]
        return _common(values) if values else None

    def of(self, index: int) -> Tensor:
        if index not in self.known:
            self.known[index] = self._compute(self.steps[index])
        return self.known[index]

    def _compute(self, step: GraphStep) -> Tensor:
        layer = self.network.get_submodule(step.layer) if step.layer else None
        if isinstance(layer, nn.Conv2d):
            # An ordinary convolution's answer does not hang on what is constant before it.
            return _convolved(layer, self.of_inputs(step) if is_depthwise(layer) else None)
        values = [self.of(index) for index in step.inputs]
        if isinstance(layer, nn.BatchNorm2d):
            return _normalized(layer, _common(values))
        return _OPERATIONS.get(step.operation, _zeros_stay)(values)


def _common(values: Sequence[Tensor]) -> Tensor:
    first = values[0]
    for value in values[1:]:
        first = torch.where(first == value, first, torch.nan)
    return first


def _zeros_stay(values: Sequence[Tensor]) -> Tensor:
    """Carry a constant 0 through what is linear or a maximum: pooling, resizing, reshaping."""
    value = _common(values)
    return torch.where(value == 0, value, torch.nan)


_OPERATIONS: dict[str, Callable[[Sequence[Tensor]], Tensor]] = {
    'Add': lambda values: torch.stack(list(values)).sum(0),
    'Cat': lambda values: torch.cat(list(values)),
    'Hardtanh': lambda values: values[0].clamp(0, 6),
    'Relu': lambda values: values[0].clamp_min(0),
}


def _convolved(layer: nn.Conv2d, value: Tensor | None) -> Tensor:
    silent = (layer.weight.detach() == 0).flatten(1).all(1).cpu()
    if value is not None:
        silent |= value == 0
    bias = torch.zeros(len(silent)) if layer.bias is None else layer.bias.detach().cpu()
    return torch.where(silent, bias.double(), torch.nan)


def _normalized(layer: nn.BatchNorm2d, value: Tensor) -> Tensor:
    assert layer.running_mean is not None
    assert layer.running_var is not None
    weight, bias, mean, variance = (
        part.detach().double().cpu()
        for part in (layer.weight, layer.bias, layer.running_mean, layer.running_var)
    )
    scaled = (value - mean) / (variance + layer.eps).sqrt() * weight + bias
    return torch.where(weight == 0, bias, scaled)
