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

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from swiftnet_ros.errors import FileMissingError, InvalidValueError
from training.typed import build
import yaml


@dataclass(frozen=True)
class ModelConfig:
    """The network; `widths` are channels of stem and four stages, None for the published ones."""

    variant: str = 'pyramid'
    encoder: str = 'resnet18'
    widths: list[int] | None = None
    levels: int = 3
    features: int = 128
    output_stride: int = 4
    classes: int | None = None
    pretrained: bool = False


@dataclass(frozen=True)
class DataConfig:
    """
    The data set and the network's input size in pixels (multiples of 8).

    `options` go to the reader of every split, `train_options` to that of the training split too.
    """

    dataset: str = 'camvid'
    train_split: str = 'train'
    val_split: str = 'val'
    height: int = 360
    width: int = 480
    options: dict[str, Any] = field(default_factory=dict)
    train_options: dict[str, Any] = field(default_factory=dict)


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
    """
    The loop: `batch_size` counts all processes together, `amp` is none, bf16 or fp16.

    `keep_steps` are iterations whose weights are kept for rewinding, 0 for the initial ones.
    """

    epochs: int = 250
    batch_size: int = 14
    workers: int = 0
    amp: str = 'none'
    ema_decay: float = 0.999
    seed: int = 0
    evaluate_every: int = 10
    checkpoint_every: int = 1
    keep_steps: list[int] = field(default_factory=list)


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


_POSITIVE = (lambda value: value > 0, 'a number above 0')
_NOT_NEGATIVE = (lambda value: value >= 0, 'a number of 0 or more')
_FRACTION = (lambda value: 0 <= value <= 1, 'a fraction of 0 to 1')
_ANYTHING = (lambda value: True, 'anything')
_SIDE = (lambda value: value >= 32 and value % 8 == 0, 'a multiple of 8, at least 32')

# What each value may be; names and options are checked where they are looked up.
_RULES: dict[str, tuple[Callable[[Any], bool], str]] = {
    'model.levels': (lambda value: 1 <= value <= 3, '1, 2 or 3'),
    'model.features': (lambda value: value >= 3, 'a number of at least 3'),
    'model.output_stride': (lambda value: value in (4, 8), '4 or 8'),
    'model.classes': (lambda value: value is None or 1 <= value <= 255, 'null or 1 to 255'),
    'data.height': _SIDE,
    'data.width': _SIDE,
    'augmentation.crop': _SIDE,
    'augmentation.scale_min': _POSITIVE,
    'augmentation.scale_max': _POSITIVE,
    'augmentation.flip': _FRACTION,
    'augmentation.brightness': _NOT_NEGATIVE,
    'augmentation.contrast': _NOT_NEGATIVE,
    'augmentation.saturation': _NOT_NEGATIVE,
    'augmentation.hue': (lambda value: 0 <= value <= 0.5, 'a fraction of 0 to 0.5'),
    'optimizer.lr': _POSITIVE,
    'optimizer.encoder_factor': _NOT_NEGATIVE,
    'optimizer.weight_decay': _NOT_NEGATIVE,
    'optimizer.betas': (lambda value: all(0 <= beta < 1 for beta in value), 'below 1 each'),
    'optimizer.lr_min': _NOT_NEGATIVE,
    'optimizer.warmup_epochs': _NOT_NEGATIVE,
    'train.epochs': _POSITIVE,
    'train.batch_size': _POSITIVE,
    'train.workers': _NOT_NEGATIVE,
    'train.ema_decay': _FRACTION,
    'train.seed': _NOT_NEGATIVE,
    'train.evaluate_every': _NOT_NEGATIVE,
    'train.checkpoint_every': _NOT_NEGATIVE,
    'train.keep_steps': (lambda value: all(step >= 0 for step in value), 'numbers of 0 or more'),
}


def load_config(path: Path, overrides: tuple[str, ...] = ()) -> Config:
    """Read a YAML file with the safe loader; `overrides` are 'section.key=value' strings."""
    return config_from_tree(load_tree(path, overrides))


def load_tree(path: Path, overrides: tuple[str, ...] = ()) -> dict[str, Any]:
    """Read the plain dictionaries of a YAML file with the safe loader, overrides applied."""
    if not path.is_file():
        raise FileMissingError(path, 'configuration')
    try:
        tree = yaml.safe_load(path.read_text())
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InvalidValueError(str(path), _one_line(error), 'valid YAML') from error
    if not isinstance(tree, dict):
        raise InvalidValueError(str(path), type(tree).__name__, 'a YAML mapping')
    for override in overrides:
        _override(tree, override)
    return tree


def config_from_tree(tree: dict[str, Any]) -> Config:
    """Make a configuration from plain dictionaries; refuse unknown keys and impossible values."""
    config = build(Config, tree)
    check(dict(flat(config)))
    if config.augmentation.scale_min > config.augmentation.scale_max:
        low, high = config.augmentation.scale_min, config.augmentation.scale_max
        raise InvalidValueError('augmentation.scale_min', low, f'at most scale_max, {high}')
    return config


def check(values: dict[str, Any]) -> None:
    """Refuse an impossible value; `values` are named as 'section.key'."""
    for name, value in values.items():
        is_valid, expected = _RULES.get(name, _ANYTHING)
        if not is_valid(value):
            raise InvalidValueError(name, value, expected)


def flat(config: Config) -> Iterator[tuple[str, Any]]:
    """Give every value with its name as 'section.key'."""
    for section, content in asdict(config).items():
        if isinstance(content, dict):
            yield from ((f'{section}.{key}', value) for key, value in content.items())
        else:
            yield section, content


def _override(tree: dict[str, Any], override: str) -> None:
    path, separator, text = override.partition('=')
    *sections, key = path.split('.')
    for section in sections:
        tree = tree.setdefault(section, {})
        if not isinstance(tree, dict):
            raise InvalidValueError('--set', override, f'a key of a section, {section} is none')
    if not separator:
        raise InvalidValueError('--set', override, 'section.key=value')
    tree[key] = parsed('--set', text)


def parsed(name: str, text: str) -> Any:
    """Read a value from a command line as YAML, `name` for the message."""
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InvalidValueError(name, text, 'a value in YAML') from error


def _one_line(error: object) -> str:
    return ' '.join(str(error).split())
