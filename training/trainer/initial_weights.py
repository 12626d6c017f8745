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

"""The network that a run starts from: random weights, ImageNet's, or a checkpoint's."""

from collections.abc import Sequence
from dataclasses import replace
import hashlib
from pathlib import Path
from typing import NamedTuple

from swiftnet_ros.errors import InvalidValueError, UnknownNameError
from swiftnet_ros.model_spec import SemanticClass
from swiftnet_ros.system.paths import expand_path
import torch
from torch import nn
from training.datasets import DATASETS
from training.datasets.base import ImageLabelDataset
from training.datasets.class_table import shipped_class_table, shipped_class_table_path
from training.datasets.mixture import class_table_of
from training.datasets.terms import combined_terms, Terms, terms_of_data
from training.models import build_model
from training.models.encoders.base import Encoder
from training.models.layers import init_weights
from training.run.checkpoint import (
    adopt_shapes,
    Checkpoint,
    CheckpointError,
    is_checkpoint,
    load_checkpoint,
    load_state_dict,
)
from training.schema.config import Config, DataConfig, load_config, ModelConfig


class WeightsOrigin(NamedTuple):
    """The SHA-256 of the file behind a run's encoder, None if unknown, and the run's terms."""

    pretrained_sha256: str | None
    terms: Terms


def initial_network(
    model: ModelConfig,
    classes: Sequence[SemanticClass],
    checkpoint: Path | None = None,
    other_classes: bool = False,
    resumed: bool = False,
) -> nn.Module:
    """
    Build the configured network, or take that of a checkpoint for a second stage.

    With `other_classes` the checkpoint may have other classes than the training data: its
    classifier is replaced. A resumed run restores its own weights afterwards, so none are read.
    Raise InvalidValueError or CheckpointError if classes or network do not fit.
    """
    if model.classes not in (None, len(classes)):
        expected = f'null or {len(classes)}, the number of classes of the training data'
        raise InvalidValueError('model.classes', model.classes, expected)
    if checkpoint is not None and not resumed:
        return _checkpoint_network(model, classes, checkpoint, other_classes)
    network = build_model(model, len(classes))
    if model.pretrained and not resumed:
        encoder = network.encoder
        assert isinstance(encoder, Encoder)
        if isinstance(model.pretrained, str):
            _load_encoder(encoder, Path(expand_path(model.pretrained)))
        else:
            encoder.load_imagenet()
    return network


def pretrained_sha256(model: ModelConfig, checkpoint: Path | None) -> str | None:
    """Return the SHA-256 of the file behind a new run's encoder, None if it is not known."""
    path = checkpoint or _pretrained_checkpoint(model)
    if path is not None:
        return load_checkpoint(path).pretrained_sha256
    if not isinstance(model.pretrained, str):
        return None
    content = Path(expand_path(model.pretrained)).read_bytes()
    return hashlib.sha256(content).hexdigest()


def weights_origin(
    config: Config, dataset: ImageLabelDataset, initial: Path | None, last: Checkpoint | None
) -> WeightsOrigin:
    """Return the origin of a run's weights; `last` is the checkpoint of an interrupted one."""
    if last is not None:
        return WeightsOrigin(last.pretrained_sha256, Terms(last.license, last.terms))
    teacher = config.distillation.teacher
    start = initial or _pretrained_checkpoint(config.model)
    paths = [start, Path(expand_path(teacher)) if teacher else None]
    sources = [load_checkpoint(path).known_terms for path in paths if path is not None]
    terms = combined_terms([terms_of_data(dataset), *sources])
    return WeightsOrigin(pretrained_sha256(config.model, initial), terms)


def _pretrained_checkpoint(model: ModelConfig) -> Path | None:
    """Return the path of `model.pretrained` if it is a checkpoint's."""
    if not isinstance(model.pretrained, str):
        return None
    path = Path(expand_path(model.pretrained))
    return path if is_checkpoint(path) else None


def _load_encoder(encoder: Encoder, path: Path) -> None:
    """Load a state dict with torchvision's keys, or the encoder of a checkpoint, pruned or not."""
    if not is_checkpoint(path):
        encoder.load_weights(load_state_dict(path), path)
        return
    lender = load_checkpoint(path).network().encoder
    assert isinstance(lender, Encoder)
    weights = lender.torchvision_weights()
    if lender.output_channels() == encoder.output_channels():
        # Channels that were removed within its stages are removed here too.
        adopt_shapes(encoder, encoder.from_torchvision(weights))
    encoder.load_weights(weights, path)


def _checkpoint_network(
    model: ModelConfig, classes: Sequence[SemanticClass], path: Path, other_classes: bool
) -> nn.Module:
    checkpoint = load_checkpoint(path)
    # Where the encoder's first weights came from does not change the network.
    if replace(checkpoint.model, pretrained=model.pretrained) != model:
        raise CheckpointError(path, 'its network is not the one that the configuration describes')
    network = checkpoint.network()
    if other_classes:
        replace_classifier(network, len(classes))
    elif tuple(checkpoint.classes) != tuple(classes):
        reason = 'its classes are not those of the training data; --other-classes replaces its '
        raise CheckpointError(path, reason + 'classifier and keeps the rest')
    return network


def replace_classifier(network: nn.Module, classes: int) -> None:
    """Replace the last 1x1 convolution by one for `classes` classes, with random weights."""
    head = network.head
    assert isinstance(head, nn.Sequential)
    last = head[-1]
    assert isinstance(last, nn.Conv2d)
    head[-1] = nn.Conv2d(last.in_channels, classes, 1)
    init_weights(head[-1])


def num_classes(model: ModelConfig, data: DataConfig) -> int:
    """Return the number of classes: `model.classes`, or that of a shipped class table."""
    if model.classes is not None:
        return model.classes
    if data.sources:
        return len(class_table_of(data, None).classes)
    dataset = data.dataset
    if dataset not in DATASETS:
        raise UnknownNameError('dataset', dataset, DATASETS)
    if not shipped_class_table_path(dataset).is_file():
        raise InvalidValueError('model.classes', None, f'the number of classes of your {dataset}')
    return len(shipped_class_table(dataset).classes)


def untrained_checkpoint(path: Path) -> Checkpoint:
    """Return the network of a YAML file with random weights, always the same, for profiling."""
    config = load_config(path)
    classes = num_classes(config.model, config.data)
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
