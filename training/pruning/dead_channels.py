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
Dead channels: they can be removed without changing any prediction.

A channel of a group is dead if for each convolution that reads it either the weights that read
it are all 0, or its value there is 0 for every image. The latter is decided from the weights
alone by constant propagation along the graph: a convolution makes a channel constant if its
weights are 0, a norm if it reads a constant or scales by 0; sums, ReLUs and concatenations of
constants are constants. This holds in evaluation mode only: in training the statistics of a norm
are those of the batch.
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


def dead_channels(network: nn.Module, traced: TracedNetwork) -> dict[str, Tensor]:
    """Return which channels are dead, bool [C] by group name."""
    constants = _Constants(network, traced.steps)
    inputs = {step.layer: constants.of_inputs(step) for step in traced.steps if step.layer}
    return {group.name: _dead(network, group, inputs) for group in traced.groups}


def _dead(network: nn.Module, group: DependencyGroup, inputs: dict[str, Tensor | None]) -> Tensor:
    dead = torch.ones(group.channels, dtype=torch.bool)
    for member in group.members:
        if member.side == IN:
            weight = network.get_submodule(member.layer).get_parameter('weight').detach()
            unread = (weight == 0).transpose(0, 1).flatten(1).all(1).cpu()
            value = inputs[member.layer]
            unused = unread if value is None else unread | (value == 0)
            dead &= unused[list(member.indices)]
    return dead


class _Constants:
    """The constant value of each channel after every step, [C] float64; NaN where it varies."""

    def __init__(self, network: nn.Module, steps: Sequence[GraphStep]) -> None:
        self.network, self.steps = network, steps
        self.known: dict[int, Tensor] = {}

    def of_inputs(self, step: GraphStep) -> Tensor | None:
        """Return what a layer reads on all levels that use it; None for the image."""
        values = [self.of(index) for index in step.inputs]
        return _common(values) if values else None

    def of(self, index: int) -> Tensor:
        if index not in self.known:
            self.known[index] = self._compute(self.steps[index])
        return self.known[index]

    def _compute(self, step: GraphStep) -> Tensor:
        layer = self.network.get_submodule(step.layer) if step.layer else None
        if isinstance(layer, nn.Conv2d):
            # An ordinary convolution mixes channels: its output depends on its weights only.
            return _after_convolution(layer, self.of_inputs(step) if is_depthwise(layer) else None)
        values = [self.of(index) for index in step.inputs]
        if isinstance(layer, nn.BatchNorm2d):
            return _after_norm(layer, _common(values))
        return _OPERATIONS.get(step.operation, _keep_zeros)(values)


def _common(values: Sequence[Tensor]) -> Tensor:
    first = values[0]
    for value in values[1:]:
        first = torch.where(first == value, first, torch.nan)
    return first


def _keep_zeros(values: Sequence[Tensor]) -> Tensor:
    """Keep zeros through linear operations and maxima: pooling, resizing, reshaping."""
    value = _common(values)
    return torch.where(value == 0, value, torch.nan)


_OPERATIONS: dict[str, Callable[[Sequence[Tensor]], Tensor]] = {
    'Add': lambda values: torch.stack(list(values)).sum(0),
    'Cat': lambda values: torch.cat(list(values)),
    'Hardtanh': lambda values: values[0].clamp(0, 6),
    'Relu': lambda values: values[0].clamp_min(0),
}


def _after_convolution(layer: nn.Conv2d, value: Tensor | None) -> Tensor:
    is_zero = (layer.weight.detach() == 0).flatten(1).all(1).cpu()
    if value is not None:
        is_zero |= value == 0
    bias = torch.zeros(len(is_zero)) if layer.bias is None else layer.bias.detach().cpu()
    return torch.where(is_zero, bias.double(), torch.nan)


def _after_norm(layer: nn.BatchNorm2d, value: Tensor) -> Tensor:
    assert layer.running_mean is not None
    assert layer.running_var is not None
    weight, bias, mean, variance = (
        tensor.detach().double().cpu()
        for tensor in (layer.weight, layer.bias, layer.running_mean, layer.running_var)
    )
    normalized = (value - mean) / (variance + layer.eps).sqrt() * weight + bias
    return torch.where(weight == 0, bias, normalized)
