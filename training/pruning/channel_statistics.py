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

"""Collect channel statistics of a frozen network on calibration images, for criterion context."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from itertools import islice
from typing import Any

from swiftnet_ros.errors import InvalidValueError
from swiftnet_ros.system.process import print_warning
from swiftnet_ros.system.progress import progress
import torch
from torch import nn, Tensor
import torch.nn.functional as F
from training.datasets.base import ImageLabelDataset
from training.datasets.loader import Batch, readable_batches, training_loader
from training.pruning.criteria import ChannelStatistics, NetworkStatistics
from training.pruning.dependency_groups import DependencyGroup, IN, trace
from training.pruning.options import CalibrationConfig
from training.schema.config import AugmentationConfig, TrainConfig


def calibration_batches(
    dataset: ImageLabelDataset, config: CalibrationConfig, seed: int
) -> Iterator[Batch]:
    """Draw the batches, equal for equal seeds."""
    size = min(config.batch_size, len(dataset))
    crops_only = AugmentationConfig(config.crop, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    loader, _ = training_loader(dataset, crops_only, TrainConfig(batch_size=size, seed=seed))
    count = max(1, config.images // size)
    warn_of_few_batches(len(loader), count, size)
    return islice(readable_batches(loader), count)


def warn_of_few_batches(available: int, requested: int, size: int) -> None:
    """Print a warning if a pass over the data has fewer batches than were requested."""
    if available < requested:
        print_warning(
            f'statistics are collected on {available * size} images, {requested * size} '
            'were requested'
        )


def collect_statistics(
    network: nn.Module, batches: Iterable[Batch], classes: int
) -> NetworkStatistics:
    """
    Run a network in evaluation mode and return the statistics of every dependency group.

    The channels of a group are recorded where the last layer reads them, on each pyramid level
    separately: the network runs that layer once per level, in order. Memory does not grow with
    the number of images. Weights and mode of the network stay as they are. Raise
    InvalidValueError if no pixel is labeled.
    """
    recorders = [_Recorder(group, classes) for group in trace(network).groups]
    device = next(network.parameters()).device
    training = network.training
    network.eval()
    with ExitStack() as stack, torch.inference_mode():
        for recorder in recorders:
            layer = network.get_submodule(recorder.layer)
            hook = layer.register_forward_pre_hook(recorder.record)
            stack.callback(hook.remove)
        for batch in progress(batches, 'collect statistics'):
            moved = batch.to(device)
            for recorder in recorders:
                recorder.start_batch(moved.labels)
            network(moved.images)
    network.train(training)
    return {recorder.name: recorder.labeled_levels() for recorder in recorders}


class _Recorder:
    """Sums the input of one layer that belongs to one group, level by level."""

    def __init__(self, group: DependencyGroup, classes: int) -> None:
        reader = [member for member in group.members if member.side == IN][-1]
        self.name, self.layer, self.classes = group.name, reader.layer, classes
        self.indices = torch.tensor(reader.indices)
        self.levels: list[ChannelStatistics] = []
        self.labels = torch.empty(0)
        self.level = 0

    def start_batch(self, labels: Tensor) -> None:
        """Set the labels [N, H, W] of the next batch."""
        self.labels, self.level = labels, 0

    def record(self, _: nn.Module, inputs: tuple[Any, ...]) -> None:
        """Add the features [N, C, h, w] of the next level to its sums."""
        features = inputs[0][:, self.indices.to(inputs[0].device)]
        added = _batch_statistics(features, self.labels, self.classes)
        if self.level == len(self.levels):
            self.levels.append(added)
        else:
            self.levels[self.level] = ChannelStatistics(
                *map(torch.add, self.levels[self.level], added)
            )
        self.level += 1

    def labeled_levels(self) -> tuple[ChannelStatistics, ...]:
        """Return the sums of the levels that are not too coarse to have a labeled pixel."""
        levels = tuple(level for level in self.levels if level.counts.any())
        if not levels:
            raise InvalidValueError('calibration', 'no labeled pixel', 'images with labels')
        return levels


def _batch_statistics(features: Tensor, labels: Tensor, classes: int) -> ChannelStatistics:
    """Sum over the pixels of the features' grid, each with the label at its center."""
    grid = F.interpolate(labels[:, None].float(), features.shape[2:], mode='nearest-exact')
    ids = grid[:, 0].long().flatten()
    # The long sums need double precision, which not every accelerator has: use the CPU.
    pixels = features.permute(0, 2, 3, 1).flatten(0, 2).cpu().double()
    labeled = (ids < classes).cpu()
    ids, pixels = ids.cpu()[labeled], pixels[labeled]
    counts = torch.bincount(ids, minlength=classes).double()
    sums = torch.zeros(classes, pixels.shape[1], dtype=torch.float64).index_add_(0, ids, pixels)
    return ChannelStatistics(counts, sums, pixels.T @ pixels)
