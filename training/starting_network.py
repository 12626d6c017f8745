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

from swiftnet_ros.errors import InvalidValueError
from torch import nn
from training.datasets.base import ImageLabelDataset
from training.models import build_model
from training.models.layers import init_weights
from training.run.checkpoint import CheckpointError, load_checkpoint
from training.schema.config import Config


def starting_network(
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
