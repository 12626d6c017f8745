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

"""The network that a run begins with: random weights, ImageNet's, or a trained checkpoint's."""

from pathlib import Path

from swiftnet_ros.errors import InvalidValueError, UnknownNameError
from swiftnet_ros.model_spec import SemanticClass
import torch
from torch import nn
from training.datasets import DATASETS
from training.datasets.base import ImageLabelDataset
from training.datasets.class_table import shipped_class_table, shipped_class_table_path
from training.models import build_model
from training.models.layers import init_weights
from training.run.checkpoint import Checkpoint, CheckpointError, load_checkpoint
from training.schema.config import Config, load_config


def class_count(config: Config) -> int:
    """Give the number of classes: the configuration's own, else that of its data set."""
    if config.model.classes is not None:
        return config.model.classes
    dataset = config.data.dataset
    if dataset not in DATASETS:
        raise UnknownNameError('data set', dataset, DATASETS)
    if not shipped_class_table_path(dataset).is_file():
        raise InvalidValueError('model.classes', None, f'the number of classes of your {dataset}')
    return len(shipped_class_table(dataset).classes)


def untrained_checkpoint(path: Path) -> Checkpoint:
    """Build the network of a YAML file, always with the same weights, and numbered classes."""
    config = load_config(path)
    classes = class_count(config)
    torch.manual_seed(0)
    return Checkpoint(
        model=config.model,
        classes=[SemanticClass(f'class{i}', (i, i, i)) for i in range(classes)],
        ignored_source_ids=[],
        trained_on='nothing',
        height=config.data.height,
        width=config.data.width,
        weights=build_model(config.model, classes).state_dict(),
    )


def initial_network(
    config: Config,
    dataset: ImageLabelDataset,
    initial: Path | None,
    resumed: bool,
    other_classes: bool = False,
) -> nn.Module:
    """
    Build the network of a configuration, or take that of a checkpoint for a second stage.

    With `other_classes` the checkpoint may know other classes: its classifier is made anew. A
    resumed run brings its own weights: none are read for it.
    """
    classes = len(dataset.table.classes)
    if config.model.classes not in (None, classes):
        expected = f'null or {classes}, as {config.data.dataset} has'
        raise InvalidValueError('model.classes', config.model.classes, expected)
    if initial is not None and not resumed:
        return _trained(config, dataset, initial, other_classes)
    network = build_model(config.model, classes)
    if config.model.pretrained and not resumed:
        network.encoder.load_imagenet()  # type: ignore[operator, union-attr]
    return network


def replace_classifier(network: nn.Module, classes: int) -> None:
    """Put a last 1x1 convolution for so many classes, with random weights, into a network."""
    head = network.head
    assert isinstance(head, nn.Sequential)
    last = head[-1]
    assert isinstance(last, nn.Conv2d)
    head[-1] = nn.Conv2d(last.in_channels, classes, 1)
    init_weights(head[-1])


def _trained(
    config: Config, dataset: ImageLabelDataset, path: Path, other_classes: bool
) -> nn.Module:
    checkpoint = load_checkpoint(path)
    if checkpoint.model != config.model:
        raise CheckpointError(path, 'its network is another one than the configuration describes')
    network = checkpoint.network()
    if other_classes:
        replace_classifier(network, len(dataset.table.classes))
    elif tuple(checkpoint.classes) != tuple(dataset.table.classes):
        reason = f'its classes are not those of {config.data.dataset}; --other-classes keeps all '
        raise CheckpointError(path, reason + 'but its classifier')
    return network
