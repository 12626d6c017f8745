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

"""Checkpoints: save, load, and rebuild a network, pruned or not, with its weights."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
import hashlib
from io import BytesIO
from pathlib import Path
from typing import Any

from swiftnet_ros.errors import SwiftnetError
from swiftnet_ros.model_spec import SemanticClass
from swiftnet_ros.system.files import write_atomic
from swiftnet_ros.system.library_errors import library_errors
import torch
from torch import nn, Tensor
from training.datasets import DATASETS
from training.datasets.class_table import shipped_class_table, shipped_class_table_path
from training.datasets.terms import Terms
from training.models import build_model
from training.run.checkpoint_file import CheckpointError as CheckpointError
from training.run.checkpoint_file import read_checkpoint_file
from training.run.finite import first_not_finite
from training.schema.config import check_values, ModelConfig
from training.schema.from_yaml import dataclass_from_tree

VERSION = 1
HALF_TYPES = (torch.float16, torch.bfloat16)
# Ten times the largest encoder's: a network is built before its weights are loaded.
_MAX_PARAMETERS = 1 << 28
_CHECKED = (
    *('classes', 'ignored_source_ids', 'trained_on', 'height', 'width', 'miou'),
    *('license', 'terms'),
)


@dataclass(frozen=True)
class Checkpoint:
    """
    A network and everything needed to rebuild, export and train it further.

    `progress` is the state of optimizer, schedule, EMA and step of an unfinished run, or empty.
    `pretrained_sha256` is that of the file whose weights the encoder was first initialized with,
    `license` and `terms` are those of the weights as in a `ModelSpec`.
    """

    model: ModelConfig
    classes: Sequence[SemanticClass]
    ignored_source_ids: Sequence[int]
    trained_on: str
    height: int
    width: int
    weights: Mapping[str, Tensor]
    miou: float | None = None
    progress: Mapping[str, Any] = field(default_factory=dict)
    pretrained_sha256: str | None = None
    license: str = ''  # noqa: A003
    terms: str = ''

    @property
    def known_terms(self) -> Terms:
        """Return license and terms, for a file of an earlier version those of its dataset."""
        if self.license or self.terms or self.trained_on not in DATASETS:
            return Terms(self.license, self.terms)
        if not shipped_class_table_path(self.trained_on).is_file():
            return Terms()
        table = shipped_class_table(self.trained_on)
        return Terms(table.license, table.terms)

    def network(self) -> nn.Module:
        """Return the network with its weights, pruned channels removed."""
        name = f'of {self.model.variant} {self.model.encoder}'
        with library_errors(
            lambda reason: CheckpointError(name, f'its weights do not fit ({reason})')
        ):
            model = build_model(self.model, len(self.classes))
            adopt_shapes(model, self.weights)
            model.load_state_dict(dict(self.weights), strict=True)
        return model

    def in_float32(self) -> 'Checkpoint':
        """Return the checkpoint with weights in half precision, of any kind, made float32."""
        weights = {
            name: weight.float() if weight.dtype in HALF_TYPES else weight
            for name, weight in self.weights.items()
        }
        return replace(self, weights=weights)


def save_checkpoint(checkpoint: Checkpoint, path: Path) -> None:
    """
    Write a checkpoint atomically; it replaces an older one once it can be loaded.

    Raise CheckpointError if a weight or a number of the progress is NaN or infinite.
    """
    _check_finite({'weights': checkpoint.weights, 'progress': checkpoint.progress}, path)
    write_atomic(path, checkpoint_bytes(checkpoint), check=load_checkpoint)


def checkpoint_bytes(checkpoint: Checkpoint) -> memoryview:
    """Return the content of a checkpoint's file."""
    content = {
        'version': VERSION,
        'model': asdict(checkpoint.model),
        'classes': [asdict(item) for item in checkpoint.classes],
        'ignored_source_ids': list(checkpoint.ignored_source_ids),
        'trained_on': checkpoint.trained_on,
        'height': checkpoint.height,
        'width': checkpoint.width,
        'miou': checkpoint.miou,
        'weights': dict(checkpoint.weights),
        'progress': dict(checkpoint.progress),
        'pretrained_sha256': checkpoint.pretrained_sha256,
        'license': checkpoint.license,
        'terms': checkpoint.terms,
    }
    # In memory first: torch hides what goes wrong with a file.
    file = BytesIO()
    torch.save(content, file)
    return file.getbuffer()


def load_checkpoint(path: Path) -> Checkpoint:
    """
    Load a checkpoint, in float32 if it is stored in half precision.

    It has tensors and plain values only, so that no file can run code.
    """
    content = read_checkpoint_file(path, 'checkpoint')
    version = content.pop('version', None) if isinstance(content, dict) else None
    if not isinstance(version, int) or version != VERSION:
        raise CheckpointError(path, f'it is not a swiftnet_ros checkpoint of version {VERSION}')
    _check_finite(content, path)
    try:
        checkpoint = dataclass_from_tree(Checkpoint, content, 'checkpoint.')
        check_values({f'model.{key}': value for key, value in asdict(checkpoint.model).items()})
        check_values({f'checkpoint.{key}': getattr(checkpoint, key) for key in _CHECKED})
    except SwiftnetError as error:
        raise CheckpointError(path, error) from error
    _check_fits(checkpoint, path)
    return checkpoint.in_float32()


def is_checkpoint(path: Path) -> bool:
    """Return whether a .pt file claims to be a checkpoint, not a state dict; raise like a load."""
    content = read_checkpoint_file(path, 'file of weights')
    return isinstance(content, dict) and 'version' in content


def _check_fits(checkpoint: Checkpoint, path: Path) -> None:
    """Raise CheckpointError if the weights are not those of the network; needs no memory."""
    with (
        library_errors(lambda reason: CheckpointError(path, f'its weights do not fit ({reason})')),
        torch.device('meta'),
    ):
        try:
            model = build_model(checkpoint.model, len(checkpoint.classes))
        except SwiftnetError as error:
            raise CheckpointError(path, error) from error
        if sum(weight.numel() for weight in model.parameters()) > _MAX_PARAMETERS:
            raise CheckpointError(path, f'its network has more than {_MAX_PARAMETERS} parameters')
        weights = {name: weight.to('meta') for name, weight in checkpoint.weights.items()}
        adopt_shapes(model, weights)
        model.load_state_dict(weights, strict=True)
        for name, own in model.state_dict().items():
            if own.is_floating_point() != weights[name].is_floating_point():
                raise CheckpointError(
                    path, f'its weights {name} are of type {weights[name].dtype}'
                )


def _check_finite(content: Mapping[str, Any], path: Path) -> None:
    """Raise CheckpointError if a weight, or another number, is NaN or infinite."""
    name = first_not_finite(content)
    if name is not None:
        raise CheckpointError(
            path,
            f'{name} is NaN or infinite, as its training diverged; use an earlier checkpoint or '
            'train again with a lower optimizer.lr',
        )


def load_state_dict(path: Path) -> dict[str, Tensor]:
    """Load a file of nothing but named tensors; raise FileMissingError or CheckpointError."""
    content = read_checkpoint_file(path, 'file of weights')
    if not isinstance(content, dict) or not all(isinstance(v, Tensor) for v in content.values()):
        raise CheckpointError(path, 'it is not a state dict, which has nothing but tensors')
    _check_finite(content, path)
    return dict(content)


def adopt_shapes(model: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Resize the layers in place to the channel counts of the weights of a pruned network."""
    for name, layer in model.named_modules():
        weight = weights.get(f'{name}.weight')
        current = getattr(layer, 'weight', None)
        if weight is None or current is None or weight.shape == current.shape:
            continue
        layer.weight = nn.Parameter(torch.empty_like(weight))
        if isinstance(layer, nn.Conv2d):
            layer.out_channels = weight.shape[0]
            if layer.groups == 1:
                layer.in_channels = weight.shape[1]
            else:
                layer.groups = layer.in_channels = weight.shape[0]
            if layer.bias is not None:
                layer.bias = nn.Parameter(torch.empty(weight.shape[0]))
        elif isinstance(layer, nn.BatchNorm2d):
            layer.num_features = weight.shape[0]
            layer.bias = nn.Parameter(torch.empty_like(weight))
            layer.running_mean = torch.zeros_like(weight)
            layer.running_var = torch.ones_like(weight)


def layer_widths(weights: Mapping[str, Tensor]) -> dict[str, int]:
    """Return the output channels of every convolution by its name."""
    return {
        name.removesuffix('.weight'): int(weight.shape[0])
        for name, weight in weights.items()
        if name.endswith('.weight') and weight.dim() == 4
    }


def weights_sha256(checkpoint: Checkpoint) -> str:
    """Return the SHA-256 of all weights by name, which identifies the initial weights of a run."""
    digest = hashlib.sha256()
    for name, value in sorted(checkpoint.weights.items()):
        digest.update(name.encode())
        digest.update(value.contiguous().numpy().tobytes())
    return digest.hexdigest()
