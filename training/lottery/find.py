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


"""Find what a round removes from the network that the round before trained."""

from dataclasses import replace
from itertools import islice

import torch
from training.checkpoint import Checkpoint
from training.datasets import open_dataset
from training.datasets.loader import training_batches, whole_batches
from training.lottery.arm import Arm
from training.lottery.removal import Channels, Removed, SingleWeights
from training.lottery.task import Task
from training.pruning.channel_group import Statistics
from training.pruning.history import History
from training.pruning.masks import unstructured_masks
from training.pruning.responses import collect_statistics
from training.pruning.structured import prune

# Criteria that look at the network's responses to data.
_ON_DATA = ('context',)


def find_removed(
    task: Task, arm: Arm, number: int, trained: Checkpoint, before: Removed | None
) -> Removed:
    """Give all that is gone from the dense network after round `number`."""
    if arm.masks is not None:
        options = task.family.masks[arm.masks]
        share = replace(options, ratio=arm.share(options.ratio, number))
        return SingleWeights(unstructured_masks(trained.network(), share))
    assert arm.pruning is not None
    earlier = before.history if isinstance(before, Channels) else History()
    choice = arm.prune_options(task.family.pruning[arm.pruning], number)
    statistics = _statistics(task, trained) if choice.criterion in _ON_DATA else None
    return Channels(earlier + prune(trained.network(), choice, statistics, task.seed, earlier))


def _statistics(task: Task, trained: Checkpoint) -> Statistics:
    """Show the trained network the first batches of the dense run's training."""
    config = task.dense_config()
    data = config.data
    options = {**data.options, **data.train_options}
    dataset = open_dataset(data.dataset, task.root, data.train_split, options)
    loader, _ = training_batches(config, dataset)
    batches = islice(whole_batches(loader), task.family.calibration_batches)
    network = trained.network().to('cuda' if torch.cuda.is_available() else 'cpu')
    return collect_statistics(network, batches, len(trained.classes))
