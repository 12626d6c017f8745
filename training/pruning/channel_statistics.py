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

"""How the channels of a frozen network respond to calibration pictures, for criterion context."""

from collections.abc import Iterable
from contextlib import ExitStack
from typing import Any

from swiftnet_ros.errors import InvalidValueError
import torch
from torch import nn, Tensor
import torch.nn.functional as F
from training.datasets.loader import Batch
from training.pruning.channel_group import ChannelStatistics, NetworkStatistics
from training.pruning.dependency_groups import DependencyGroup, IN, trace


def collect_statistics(
    network: nn.Module, batches: Iterable[Batch], classes: int
) -> NetworkStatistics:
    """
    Run pictures through a network in evaluation and sum what every group's channels answer.

    A group is tapped where the last of its readers takes it, on each pyramid level by itself:
    the network runs that layer once for each level, in order. Memory does not grow with the
    number of pictures. The network's weights and mode are left as they are.
    """
    taps = [_Tap(group, classes) for group in trace(network).groups]
    device = next(network.parameters()).device
    training = network.training
    network.eval()
    with ExitStack() as stack, torch.inference_mode():
        for tap in taps:
            hook = network.get_submodule(tap.layer).register_forward_pre_hook(tap.take)
            stack.callback(hook.remove)
        for batch in batches:
            moved = batch.to(device)
            for tap in taps:
                tap.begin(moved.labels)
            network(moved.images)
    network.train(training)
    return {tap.name: tap.labelled_levels() for tap in taps}


class _Tap:
    """Sums what one layer reads of one group, level by level."""

    def __init__(self, group: DependencyGroup, classes: int) -> None:
        reader = [member for member in group.members if member.side == IN][-1]
        self.name, self.layer, self.classes = group.name, reader.layer, classes
        self.indices = torch.tensor(reader.indices)
        self.levels: list[ChannelStatistics] = []
        self.labels = torch.empty(0)
        self.call = 0

    def begin(self, labels: Tensor) -> None:
        """Take the labels [N, H, W] of the pictures that come next."""
        self.labels, self.call = labels, 0

    def take(self, _: nn.Module, inputs: tuple[Any, ...]) -> None:
        """Add one level's features [N, C, h, w] to its sums."""
        features = inputs[0][:, self.indices.to(inputs[0].device)]
        added = _responses(features, self.labels, self.classes)
        if self.call == len(self.levels):
            self.levels.append(added)
        else:
            self.levels[self.call] = _sum(self.levels[self.call], added)
        self.call += 1

    def labelled_levels(self) -> tuple[ChannelStatistics, ...]:
        """Give the sums; a level so coarse that no labelled pixel is left on it tells nothing."""
        levels = tuple(level for level in self.levels if level.counts.any())
        if not levels:
            raise InvalidValueError('calibration', 'no labelled pixel', 'pictures with labels')
        return levels


def _responses(features: Tensor, labels: Tensor, classes: int) -> ChannelStatistics:
    """Sum over the pixels of the features' own grid, each with the label at its centre."""
    grid = F.interpolate(labels[:, None].float(), features.shape[2:], mode='nearest-exact')
    ids = grid[:, 0].long().flatten()
    # Not every accelerator has double precision, and the sums are long: they are added up here.
    pixels = features.permute(0, 2, 3, 1).flatten(0, 2).cpu().double()
    labelled = (ids < classes).cpu()
    ids, pixels = ids.cpu()[labelled], pixels[labelled]
    counts = torch.bincount(ids, minlength=classes).double()
    sums = torch.zeros(classes, pixels.shape[1], dtype=torch.float64).index_add_(0, ids, pixels)
    return ChannelStatistics(counts, sums, pixels.T @ pixels)


def _sum(first: ChannelStatistics, second: ChannelStatistics) -> ChannelStatistics:
    return ChannelStatistics(
        first.counts + second.counts,
        first.sums + second.sums,
        first.products + second.products,
    )
