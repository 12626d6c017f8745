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

"""A YAML file becomes dataclasses; an unknown key is an error that names the nearest known one."""

from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, Optional, get_args, get_type_hints

import dacite
import yaml

from swiftnet_ros.errors import (
    FileMissingError,
    InvalidValueError,
    SwiftnetError,
    UnknownNameError,
)


@dataclass(frozen=True)
class ModelConfig:
    """The network; `widths` are channels of stem and four stages, None for the published ones."""

    variant: str = 'pyramid'
    encoder: str = 'resnet18'
    widths: Optional[list[int]] = None
    levels: int = 3
    features: int = 128
    output_stride: int = 4
    classes: Optional[int] = None
    pretrained: bool = False


@dataclass(frozen=True)
class DataConfig:
    """The data set and the network's input size in pixels (multiples of 8)."""

    dataset: str = 'camvid'
    train_split: str = 'train'
    val_split: str = 'val'
    height: int = 360
    width: int = 480
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class AugmentationConfig:
    """Random scale, square crop in pixels, flip probability, photometric strength."""

    crop: int = 320
    scale_min: float = 0.5
    scale_max: float = 2.0
    flip: float = 0.5
    brightness: float = 0.3
    contrast: float = 0.3
    saturation: float = 0.3
    hue: float = 0.05


@dataclass(frozen=True)
class LossConfig:
    """The loss by name, with its own options."""

    name: str = 'boundary_focal'
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class OptimizerConfig:
    """Adam with a smaller step and decay for a pretrained encoder (factors of 1 otherwise)."""

    name: str = 'adam'
    lr: float = 4e-4
    encoder_factor: float = 1.0
    weight_decay: float = 1e-4
    betas: tuple[float, float] = (0.9, 0.99)
    schedule: str = 'cosine'
    lr_min: float = 1e-6
    warmup_epochs: float = 0.0


@dataclass(frozen=True)
class TrainConfig:
    """The loop: `batch_size` counts all processes together, `amp` is none, bf16 or fp16."""

    epochs: int = 250
    batch_size: int = 14
    workers: int = 0
    amp: str = 'none'
    ema_decay: float = 0.999
    seed: int = 0
    evaluate_every: int = 10
    checkpoint_every: int = 1


@dataclass(frozen=True)
class Config:
    """Everything a training run depends on, besides the folder of its data."""

    name: str
    model: ModelConfig = field(default_factory=ModelConfig)
    data: DataConfig = field(default_factory=DataConfig)
    augmentation: AugmentationConfig = field(default_factory=AugmentationConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    train: TrainConfig = field(default_factory=TrainConfig)


def load_config(path: Path, overrides: tuple[str, ...] = ()) -> Config:
    """Read a YAML file with the safe loader; `overrides` are 'section.key=value' strings."""
    if not path.is_file():
        raise FileMissingError(path, 'configuration')
    try:
        tree = yaml.safe_load(path.read_text())
    except yaml.YAMLError as error:
        raise InvalidValueError(str(path), _one_line(error), 'valid YAML') from error
    if not isinstance(tree, dict):
        raise InvalidValueError(str(path), type(tree).__name__, 'a YAML mapping')
    for override in overrides:
        _override(tree, override)
    return config_from_tree(tree)


def config_from_tree(tree: dict[str, Any]) -> Config:
    """Make a configuration from plain dictionaries, refusing unknown keys and wrong types."""
    _refuse_unknown_keys(tree, Config, '')
    try:
        return dacite.from_dict(Config, tree, dacite.Config(cast=[tuple, float]))
    except (dacite.DaciteError, ValueError, TypeError) as error:
        raise ConfigError(_one_line(error)) from error


class ConfigError(SwiftnetError):
    """A configuration value of the wrong type, or one that is missing."""

    def __init__(self, reason: str) -> None:
        super().__init__(f'configuration: {reason}; correct the YAML file')


def _refuse_unknown_keys(tree: dict[str, Any], kind: type, prefix: str) -> None:
    hints = get_type_hints(kind)
    known = [item.name for item in fields(kind)]
    for key, value in tree.items():
        if key not in known:
            raise UnknownNameError(f'configuration key in {prefix or "the file"}', key, known)
        inner = [t for t in (hints[key], *get_args(hints[key])) if is_dataclass(t)]
        if inner and isinstance(value, dict):
            assert isinstance(inner[0], type)
            _refuse_unknown_keys(value, inner[0], f'{prefix}{key}.')


def _override(tree: dict[str, Any], override: str) -> None:
    path, separator, text = override.partition('=')
    if not separator:
        raise InvalidValueError('--set', override, 'section.key=value')
    *sections, key = path.split('.')
    for section in sections:
        tree = tree.setdefault(section, {})
    tree[key] = yaml.safe_load(text)


def _one_line(error: object) -> str:
    return ' '.join(str(error).split())
