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

"""Structured pruning: remove whole channels from a network, dependency group by group."""

from collections.abc import Mapping, Sequence
import logging

from swiftnet_ros.errors import SwiftnetError
import torch
from torch import nn, Tensor
from training.pruning.criteria import ChannelGroup, CRITERIA, NetworkStatistics
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
    """Different ratios for channels that a residual sum ties together."""

    def __init__(self, layer: str, parts: Sequence[str]) -> None:
        super().__init__(
            f'residual sums tie the channels of {layer} to those of {" and ".join(parts)}; use '
            'the same ratio for these parts'
        )


class StatisticsMismatchError(SwiftnetError):
    """Channel statistics of another network."""

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
    Remove channels in place and return which.

    Dead channels are always removed, also from parts without a ratio and below the floor; an
    entirely dead layer keeps one channel. `before` is the history of earlier rounds: ratios are
    fractions of the original widths, so that rounds of rising ratios end at the width of one
    shot. Parameters are replaced: create optimizers afterwards.
    """
    traced = trace(network)
    dead = dead_channels(network, traced)
    generator = torch.Generator().manual_seed(seed)
    importance = {
        group.name: CRITERIA[options.criterion](
            channel_group(network, group, statistics or {}, generator)
        )
        for group in traced.groups
        if options.global_ratio is not None or _part_ratio(network, group, options) > 0
    }
    earlier = before or PruningHistory()
    ratios = _group_ratios(network, traced.groups, options, importance, earlier)
    removed = {}
    for group in traced.groups:
        original = group.channels + earlier.removed(group.name)
        alive = int((~dead[group.name]).sum())
        width = _target_width(group, options, ratios[group.name], original, alive)
        order = _removal_order(group, importance.get(group.name), dead[group.name])
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
    """Collect weights and statistics of a group, on the CPU in float64."""
    outputs, inputs, norms = [], [], []
    for member in group.members:
        layer, indices = network.get_submodule(member.layer), list(member.indices)
        weight = layer.get_parameter('weight').detach().cpu().double()
        if member.side == IN:
            inputs.append(weight.transpose(0, 1)[indices].flatten(1))
        elif isinstance(layer, nn.BatchNorm2d):
            norms.append(weight[indices])
        else:
            outputs.append(weight[indices].flatten(1))
    levels = statistics.get(group.name, ())
    for level in levels:
        if level.sums.shape[1] != group.channels:
            raise StatisticsMismatchError(group.name, group.channels, level.sums.shape[1])
    return ChannelGroup(group.name, tuple(outputs), tuple(inputs), tuple(norms), levels, generator)


def _part_ratio(network: nn.Module, group: DependencyGroup, options: PruneOptions) -> float:
    """Return the ratio of a group's part; parts that are tied together need the same one."""
    ratios = options.part_ratios()
    parts = {
        network_part(member.layer): ratios.get(network_part(member.layer), 0.0)
        for member in group.members
        if member.side == OUT and makes_channels(network.get_submodule(member.layer))
    }
    if len(set(parts.values())) > 1:
        raise TiedPartsError(group.name, sorted(parts))
    return next(iter(parts.values()))


def _group_ratios(
    network: nn.Module,
    groups: Sequence[DependencyGroup],
    options: PruneOptions,
    importance: Mapping[str, Tensor],
    before: PruningHistory,
) -> dict[str, float]:
    """Return the fraction of its original width that each group has to lose."""
    own = {group.name: _part_ratio(network, group, options) for group in groups}
    if options.global_ratio is None:
        return own
    ranked = [group for group in groups if own[group.name] > 0]
    original = {group.name: group.channels + before.removed(group.name) for group in ranked}
    lost = sum(before.removed(name) for name in original)
    to_remove = round(options.global_ratio * sum(original.values())) - lost
    # Layers differ in size: importance is relative to the mean of the group.
    relative = [importance[g.name] / importance[g.name].mean().clamp_min(1e-12) for g in ranked]
    least = torch.cat(relative).argsort(stable=True)[: max(0, to_remove)]
    owner = torch.repeat_interleave(torch.tensor([group.channels for group in ranked]))
    counts = torch.bincount(owner[least], minlength=len(ranked))
    ratios = {
        group.name: (int(count) + before.removed(group.name)) / original[group.name]
        for group, count in zip(ranked, counts, strict=True)
    }
    return dict.fromkeys(own, 0.0) | ratios


def _target_width(
    group: DependencyGroup, options: PruneOptions, ratio: float, original: int, alive: int
) -> int:
    """Return the width of a group after pruning, given its number of living channels."""
    width = min(group.channels, options.kept_width(original, ratio))
    if width < 1:
        raise EmptyLayerError(group.name, group.channels, 'channels')
    if ratio > 0 and width == original:
        LOG.warning(
            '%s keeps its %d channels: ratio %.3f, multiple %d, floor %d',
            group.name, original, ratio, options.multiple, options.floor,
        )  # fmt: skip
    if alive < width and ratio > 0:
        rounded = alive // options.multiple * options.multiple
        alive = rounded if rounded >= max(1, options.lowest_width()) else alive
    return max(1, min(width, alive))


def _removal_order(group: DependencyGroup, importance: Tensor | None, dead: Tensor) -> list[int]:
    """Return the channels in the order of removal: dead ones, then the least important."""
    if importance is None:
        importance = torch.zeros(group.channels, dtype=torch.float64)
    return [int(index) for index in importance.masked_fill(dead, -1).argsort(stable=True)]


def _history(
    network: nn.Module, groups: Sequence[DependencyGroup], removed: Mapping[str, list[int]]
) -> PruningHistory:
    """Return what each layer loses; groups share a layer after a concatenation."""
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
