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
Dependency groups: channels that can only be removed together, found by Torch-Pruning.

The only module that imports that library. A copy of the network is traced at a tiny size; the
result are names and indices.
"""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from swiftnet_ros.errors import SwiftnetError
import torch
from torch import nn
import torch_pruning

# The smallest image, in pixels, whose third pyramid level has a pixel at stride 32.
_TRACED_SIZE = 64
# Sides of a layer: its output channels (for a norm and a depthwise convolution the only ones), or
# its input channels.
OUT, IN = 'out', 'in'


class UnsupportedLayerError(SwiftnetError):
    """A layer whose channels this package cannot remove."""

    def __init__(self, layer: str, kind: str) -> None:
        super().__init__(
            f'cannot prune a network with {layer} ({kind}): channels are removed from ordinary '
            'and depthwise convolutions and from batch norms; build the encoder of these'
        )


@dataclass(frozen=True)
class GroupMember:
    """The channels of a group in one layer: `indices[i]` is channel i of the group."""

    layer: str
    side: str
    indices: tuple[int, ...]


@dataclass(frozen=True)
class DependencyGroup:
    """Channels that can only be removed together, named after the first layer that makes them."""

    name: str
    channels: int
    members: tuple[GroupMember, ...]


@dataclass(frozen=True)
class GraphStep:
    """A layer, or an operation such as Relu or Add, and the indices of the steps it reads."""

    layer: str | None
    operation: str
    inputs: tuple[int, ...]


@dataclass(frozen=True)
class TracedNetwork:
    """The dependency groups of a network, and its dataflow graph."""

    groups: tuple[DependencyGroup, ...]
    steps: tuple[GraphStep, ...]


def trace(network: nn.Module) -> TracedNetwork:
    """
    Find the dependency groups of a network, in the order of its layers.

    The network itself is not changed. Raise UnsupportedLayerError for a layer that cannot be
    pruned.
    """
    graph = torch_pruning.DependencyGraph()
    with torch.inference_mode(False), torch.enable_grad():
        copy = deepcopy(network).cpu().eval().requires_grad_()
        image = torch.zeros(1, 3, _TRACED_SIZE, _TRACED_SIZE)
        graph.build_dependency(copy, image, verbose=False)
    names = {layer: name for name, layer in copy.named_modules()}
    positions = {name: index for index, name in enumerate(names.values())}
    found = graph.get_all_groups(root_module_types=[nn.Conv2d])
    members = [_members(graph, group, names, positions) for group in found]
    # Channels that no layer reads are the classifier's logits.
    groups = [_group(copy, m) for m in members if any(member.side == IN for member in m)]
    ordered = sorted(groups, key=lambda group: positions[group.name])
    return TracedNetwork(tuple(ordered), _steps(graph, names))


def makes_channels(layer: nn.Module) -> bool:
    """Return whether a layer mixes its inputs into new channels: a non-depthwise convolution."""
    return isinstance(layer, nn.Conv2d) and not is_depthwise(layer)


def is_depthwise(layer: nn.Module) -> bool:
    """Return whether a layer is a depthwise convolution."""
    return isinstance(layer, nn.Conv2d) and layer.groups == layer.out_channels > 1


def channel_count(layer: nn.Module, side: str) -> int | None:
    """Return the number of channels on a side of a layer; None if it cannot be pruned there."""
    if isinstance(layer, nn.BatchNorm2d):
        return layer.num_features if side == OUT else None
    if not isinstance(layer, nn.Conv2d) or (side == IN and is_depthwise(layer)):
        return None
    if layer.groups > 1 and not is_depthwise(layer):
        return None
    return layer.out_channels if side == OUT else layer.in_channels


def remove_channels(layer: nn.Module, side: str, indices: Sequence[int]) -> None:
    """Remove channels from one side of a layer, whose parameters are replaced by new objects."""
    if isinstance(layer, nn.BatchNorm2d):
        torch_pruning.prune_batchnorm_out_channels(layer, indices)
    elif is_depthwise(layer):
        torch_pruning.prune_depthwise_conv_out_channels(layer, indices)
    elif side == OUT:
        torch_pruning.prune_conv_out_channels(layer, indices)
    else:
        torch_pruning.prune_conv_in_channels(layer, indices)


def _members(
    graph: Any, group: Any, names: dict[nn.Module, str], positions: dict[str, int]
) -> tuple[GroupMember, ...]:
    """Return the layers of a group without the operations that have no weights."""
    members = []
    for item in group:
        layer = item.dep.target.module
        if isinstance(layer, nn.Parameter):
            raise UnsupportedLayerError(item.dep.target.name, 'a parameter outside of layers')
        if layer in names:
            side = OUT if graph.is_out_channel_pruning_fn(item.dep.handler) else IN
            if channel_count(layer, side) is None:
                raise UnsupportedLayerError(names[layer], type(layer).__name__)
            by_root = sorted(zip(item.root_idxs, item.idxs, strict=True))
            members.append(GroupMember(names[layer], side, tuple(index for _, index in by_root)))
    return tuple(sorted(members, key=lambda member: (positions[member.layer], member.side)))


def _group(network: nn.Module, members: tuple[GroupMember, ...]) -> DependencyGroup:
    makers = [
        member
        for member in members
        if member.side == OUT and makes_channels(network.get_submodule(member.layer))
    ]
    return DependencyGroup(makers[0].layer, len(makers[0].indices), members)


def _steps(graph: Any, names: dict[nn.Module, str]) -> tuple[GraphStep, ...]:
    nodes = list(graph.module2node.values())
    positions = {id(node): index for index, node in enumerate(nodes)}
    return tuple(
        GraphStep(
            names.get(node.module),
            node.grad_fn.name().split('Backward')[0],
            tuple(positions[id(source)] for source in node.inputs),
        )
        for node in nodes
    )
