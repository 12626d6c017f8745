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

"""Remove whole channels from a network, group by group."""

from collections.abc import Sequence
import logging

from swiftnet_ros.errors import SwiftnetError
import torch
from torch import nn, Tensor
from training.pruning.channel_group import ChannelGroup, NetworkStatistics
from training.pruning.criteria import CRITERIA
from training.pruning.dead_channels import dead_channels
from training.pruning.dependency_groups import (
    channel_count,
    DependencyGroup,
    IN,
    makes_channels,
    OUT,
    trace,
)
from training.pruning.history import PruningHistory, Removal, replay
from training.pruning.options import EmptyLayerError, network_part, PruneOptions

LOG = logging.getLogger(__name__)


class TiedPartsError(SwiftnetError):
    """Different ratios for channels that a sum ties together."""

    def __init__(self, layer: str, parts: Sequence[str]) -> None:
        super().__init__(
            f'residual sums tie the channels of {layer} to those of {" and ".join(parts)}; give '
            'these parts the same ratio'
        )


class StatisticsMismatchError(SwiftnetError):
    """ChannelStatistics of another network."""

    def __init__(self, layer: str, channels: int, found: int) -> None:
        super().__init__(
            f'the statistics have {found} channels of {layer}, the network {channels}; collect '
            'them on the network that is pruned'
        )


def prune(
    network: nn.Module,
    options: PruneOptions,
    statistics: NetworkStatistics | None = None,
    seed: int = 0,
    before: PruningHistory | None = None,
) -> PruningHistory:
    """
    Remove channels in place and tell which.

    Dead channels always go, also from parts that no ratio names, and also below the floor; one
    channel is left of a layer that is dead altogether. With `before`, the history of earlier
    rounds, ratios are shares of the first widths, so that rounds of rising ratios end at the
    width of one shot. The parameters are new objects: optimizers are to be made afterwards.
    """
    traced = trace(network)
    dead = dead_channels(network, traced)
    generator = torch.Generator().manual_seed(seed)
    worth = {
        group.name: _importance(network, group, options, statistics or {}, generator)
        for group in traced.groups
        if options.global_ratio is not None or _ratio(network, group, options) > 0
    }
    ratios = _ratios(network, traced.groups, options, worth, before or PruningHistory())
    removed = {}
    for group in traced.groups:
        first = group.channels + (before or PruningHistory()).removed(group.name)
        alive = int((~dead[group.name]).sum())
        width = _width(group, options, ratios[group.name], first, alive)
        order = _order(group, worth.get(group.name), dead[group.name])
        removed[group.name] = sorted(order[: group.channels - width])
    history = _history(network, traced.groups, removed)
    replay(network, history)
    return history


def channel_group(
    network: nn.Module,
    group: DependencyGroup,
    statistics: NetworkStatistics,
    generator: torch.Generator,
) -> ChannelGroup:
    """Collect the weights of a group, on the CPU in float64."""
    rows, columns, scales = [], [], []
    for member in group.members:
        layer = network.get_submodule(member.layer)
        weight = layer.get_parameter('weight').detach().cpu().double()
        if member.side == IN:
            columns.append(weight.transpose(0, 1)[list(member.indices)].flatten(1))
        elif isinstance(layer, nn.BatchNorm2d):
            scales.append(weight[list(member.indices)])
        else:
            rows.append(weight[list(member.indices)].flatten(1))
    responses = statistics.get(group.name, ())
    for level in responses:
        if level.sums.shape[1] != group.channels:
            raise StatisticsMismatchError(group.name, group.channels, level.sums.shape[1])
    parts = (tuple(rows), tuple(columns), tuple(scales))
    return ChannelGroup(group.name, *parts, responses, generator)


def _importance(
    network: nn.Module,
    group: DependencyGroup,
    options: PruneOptions,
    statistics: NetworkStatistics,
    generator: torch.Generator,
) -> Tensor:
    return CRITERIA[options.criterion](channel_group(network, group, statistics, generator))


def _ratio(network: nn.Module, group: DependencyGroup, options: PruneOptions) -> float:
    """Give the ratio of a group's part; parts that are tied together need the same."""
    wanted = options.part_ratios()
    parts = {
        network_part(member.layer): wanted.get(network_part(member.layer), 0.0)
        for member in group.members
        if member.side == OUT and makes_channels(network.get_submodule(member.layer))
    }
    if len(set(parts.values())) > 1:
        raise TiedPartsError(group.name, sorted(parts))
    return next(iter(parts.values()))


def _ratios(
    network: nn.Module,
    groups: Sequence[DependencyGroup],
    options: PruneOptions,
    worth: dict[str, Tensor],
    before: PruningHistory,
) -> dict[str, float]:
    """Give the share of its first width that each group is to lose."""
    own = {group.name: _ratio(network, group, options) for group in groups}
    if options.global_ratio is None:
        return own
    ranked = [group for group in groups if own[group.name] > 0]
    first = {group.name: group.channels + before.removed(group.name) for group in ranked}
    lost = sum(before.removed(name) for name in first)
    wanted = round(options.global_ratio * sum(first.values())) - lost
    # Layers differ in size: each channel is measured against the mean of its group.
    relative = [worth[g.name] / worth[g.name].mean().clamp_min(1e-12) for g in ranked]
    least = torch.cat(relative).argsort(stable=True)[: max(0, wanted)]
    owner = torch.repeat_interleave(torch.tensor([group.channels for group in ranked]))
    counts = torch.bincount(owner[least], minlength=len(ranked))
    shares = {
        group.name: (int(count) + before.removed(group.name)) / first[group.name]
        for group, count in zip(ranked, counts, strict=True)
    }
    return dict.fromkeys(own, 0.0) | shares


def _width(
    group: DependencyGroup, options: PruneOptions, ratio: float, first: int, alive: int
) -> int:
    """Give the width that a group shall have."""
    width = min(group.channels, options.kept_width(first, ratio))
    if width < 1:
        raise EmptyLayerError(group.name, group.channels, 'channels')
    if ratio > 0 and width == first:
        LOG.warning(
            '%s keeps its %d channels: ratio %.3f, multiple %d, floor %d',
            group.name, first, ratio, options.multiple, options.floor,
        )  # fmt: skip
    if alive < width and ratio > 0:
        rounded = alive // options.multiple * options.multiple
        alive = rounded if rounded >= max(1, options.lowest_width()) else alive
    return max(1, min(width, alive))


def _order(group: DependencyGroup, worth: Tensor | None, dead: Tensor) -> list[int]:
    """Order a group's channels: the dead ones, then the least important first."""
    if worth is None:
        worth = torch.zeros(group.channels, dtype=torch.float64)
    return [int(index) for index in worth.masked_fill(dead, -1).argsort(stable=True)]


def _history(
    network: nn.Module, groups: Sequence[DependencyGroup], removed: dict[str, list[int]]
) -> PruningHistory:
    """List what each layer loses; several groups may share a layer behind a concatenation."""
    lost: dict[tuple[str, str], set[int]] = {}
    for group in groups:
        for member in group.members:
            indices = {member.indices[channel] for channel in removed[group.name]}
            lost.setdefault((member.layer, member.side), set()).update(indices)
    removals = []
    for (layer, side), indices in lost.items():
        if indices:
            channels = channel_count(network.get_submodule(layer), side)
            assert channels is not None
            removals.append(Removal(layer, side, channels, tuple(sorted(indices))))
    return PruningHistory(tuple(removals))
