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

"""The configuration of a training run: dataclasses read strictly from a YAML file."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
import re
from typing import Any

from swiftnet_ros.errors import InvalidValueError
from swiftnet_ros.system.yaml_reader import parse_yaml
from training.schema.from_yaml import dataclass_from_tree, load_mapping, renamed_from
from training.schema.rules import ANYTHING, RULES

# In 'data.sources.2.weight'.
_ITEM_NUMBER = re.compile(r'\.\d+')


@dataclass(frozen=True)
class ModelConfig:
    """
    The network.

    `variant` is pyramid or single_scale, `widths` are the channels of the stem and the four
    stages (None: as published), `levels` those of the pyramid, `features` the decoder's channels.
    `pretrained` is true for torchvision's ImageNet weights of the encoder, or the path of a file
    of such weights in torchvision's layout, or of a checkpoint, whose encoder is taken.
    """

    variant: str = 'pyramid'
    encoder: str = 'resnet18'
    widths: list[int] | None = None
    levels: int = 3
    features: int = 128
    output_stride: int = 4
    classes: int | None = None
    pretrained: bool | str = False


@dataclass(frozen=True)
class SourceConfig:
    """
    One split of a dataset among several, whose classes are matched to the model's by name.

    `root` may contain `~` and `$VARIABLE`; without it, it is that of the command. `weight` is the
    expected fraction of crops, relative to the other sources. `remap` maps names of the source's
    classes to the model's; classes of other names are unlabeled. `exclude` maps names of the
    source's classes to a class of the model that their pixels are known not to show.
    """

    dataset: str
    root: str | None = None
    split: str = 'train'
    weight: float = 1.0
    remap: dict[str, str] = field(default_factory=dict)
    exclude: dict[str, str] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class DataConfig:
    """
    The dataset and the network's input size in pixels (multiples of 8).

    `options` are passed to the dataset for every split, `train_options` for the training split
    too. `cache` keeps decoded training images in memory, shared by the workers. `on_device` keeps
    them in the memory of the GPU, which augments whole batches. With `sources` and `val_sources`
    several datasets are trained and evaluated on instead; `classes` is the model's class table, a
    path or the name of a shipped one, or None for the first source's.
    """

    dataset: str = 'camvid'
    train_split: str = 'train'
    val_split: str = 'val'
    height: int = 360
    width: int = 480
    options: dict[str, Any] = field(default_factory=dict)
    train_options: dict[str, Any] = field(default_factory=dict)
    cache: bool = False
    on_device: bool = False
    sources: list[SourceConfig] = field(default_factory=list)
    val_sources: list[SourceConfig] = field(default_factory=list)
    classes: str | None = None


@dataclass(frozen=True)
class AugmentationConfig:
    """
    Random scale, crop in pixels, flip probability, photometric strength.

    A crop is `crop` pixels high, and as wide unless `crop_width` is given. `color` is the color
    jitter: `hsv`, or `linear`, which takes a hundredth of the time. `grayscale`, `permute`,
    `blur`, `noise` and `class_mix` are fractions of the crops: turned to gray, with permuted
    channels, blurred, noisy, and with half of the classes of another image pasted in (ClassMix,
    Olsson et al., WACV 2021). The sigmas are the largest, in pixels and in gray values.

    So are `whole`, crops that show the whole image, `tilt`, from a rolled and pitched camera (up
    to `roll` and `pitch` degrees), `reflection`, with what stands on the class
    `reflection_class` mirrored in it, `dark`, with a gamma up to `dark_gamma`, `cast`, with color
    channels scaled by up to 1 +- `cast_strength`, and `jpeg`, compressed with a quality down to
    `jpeg_quality`.
    """

    crop: int = 320
    scale_min: float = 0.5
    scale_max: float = 2.0
    flip: float = 0.5
    brightness: float = 0.3
    contrast: float = 0.3
    saturation: float = 0.3
    hue: float = 0.05
    color: str = renamed_from('colour', default='hsv')
    grayscale: float = renamed_from('grey', default=0.0)
    permute: float = 0.0
    blur: float = 0.0
    blur_sigma: float = 1.5
    noise: float = 0.0
    noise_sigma: float = 20.0
    class_mix: float = renamed_from('mix', default=0.0)
    crop_width: int | None = None
    whole: float = 0.0
    tilt: float = 0.0
    roll: float = 4.0
    pitch: float = 10.0
    reflection: float = 0.0
    reflection_class: str = 'floor'
    dark: float = 0.0
    dark_gamma: float = 3.0
    cast: float = 0.0
    cast_strength: float = 0.3
    jpeg: float = 0.0
    jpeg_quality: int = 30

    @property
    def crop_size(self) -> tuple[int, int]:
        """Return height and width of the crops in pixels."""
        return self.crop, self.crop_width or self.crop


@dataclass(frozen=True)
class LossConfig:
    """
    The loss by name, with its own options; `lovasz` times Lovasz-Softmax is added to it.

    It is computed at every `stride`-th row and column of the labels. `exclusion` scales the loss
    of pixels that are known not to show a class.
    """

    name: str = 'boundary_focal'
    options: dict[str, Any] = field(default_factory=dict)
    lovasz: float = 0.0
    stride: int = 1
    exclusion: float = 1.0


@dataclass(frozen=True)
class ClassWeightsConfig:
    """
    Class weights of the loss, computed from the pixel counts of the training labels.

    `scheme` is none, median_frequency, effective_number (with its `beta`) or inverse_log. Weights
    are clipped to the median weight times and divided by `limit`.
    """

    scheme: str = 'none'
    beta: float = 0.9999
    limit: float = 10.0


@dataclass(frozen=True)
class SamplingConfig:
    """
    Rare-class sampling: a `fraction` of the crops contains a class that is drawn first.

    A low `temperature` draws the rarest class most often, a high one every class alike.
    """

    fraction: float = renamed_from('share', default=0.0)
    temperature: float = 0.1


@dataclass(frozen=True)
class DistillationConfig:
    """Distillation from the predictions of a trained checkpoint, if there is a `teacher`."""

    teacher: str | None = None
    weight: float = 1.0
    temperature: float = 2.0


@dataclass(frozen=True)
class OptimizerConfig:
    """Optimizer and schedule; `encoder_factor` scales the encoder's rate and weight decay."""

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
    The training loop: `batch_size` is that of all processes, `amp` is none, bf16 or fp16.

    `keep_steps` are iterations whose weights are kept for rewinding, 0 for the initial ones.
    `cuda_graphs` replays the network as one graph on a single GPU, and is ignored elsewhere.
    `frozen_stages` of the encoder, counted from 1 together with its stem, keep their weights and
    norms.
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
    cuda_graphs: bool = False
    frozen_stages: int = 0


@dataclass(frozen=True)
class Config:
    """Everything that a training run depends on, except the folder of its data."""

    name: str
    model: ModelConfig = field(default_factory=ModelConfig)
    data: DataConfig = field(default_factory=DataConfig)
    augmentation: AugmentationConfig = field(default_factory=AugmentationConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    class_weights: ClassWeightsConfig = field(default_factory=ClassWeightsConfig)
    sampling: SamplingConfig = field(default_factory=SamplingConfig)
    distillation: DistillationConfig = field(default_factory=DistillationConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    train: TrainConfig = field(default_factory=TrainConfig)


def load_config(path: Path, overrides: tuple[str, ...] = ()) -> Config:
    """Load a YAML file with the safe loader; `overrides` are 'section.key=value' strings."""
    return config_from_tree(load_tree(path, overrides))


def load_tree(path: Path, overrides: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the plain dictionaries of a YAML file with the overrides applied."""
    tree = load_mapping(path, 'configuration')
    for override in overrides:
        _apply_override(tree, override)
    return tree


def _apply_override(tree: dict[str, Any], override: str) -> None:
    path, separator, text = override.partition('=')
    *sections, key = path.split('.')
    content: Any = tree
    for section in sections:
        content = _subtree(content, section)
    if not isinstance(content, dict):
        raise InvalidValueError('--set', override, f'a key of a section, {sections[-1]} is none')
    if not separator:
        raise InvalidValueError('--set', override, 'section.key=value')
    # Moved to the end: a key and its old name may both be there, and the later one wins.
    content.pop(key, None)
    content[key] = parse_value(f'--set {path}', text)


def _subtree(tree: Any, section: str) -> Any:
    """Return a section, made if missing, or the item of a list, such as 0 of data.sources.0."""
    if isinstance(tree, dict):
        return tree.setdefault(section, {})
    is_index = isinstance(tree, list) and section.isdecimal() and int(section) < len(tree)
    return tree[int(section)] if is_index else None


def parse_value(name: str, text: str) -> Any:
    """Return a command-line value parsed as YAML; `name` is used in the message."""
    return parse_yaml(text, f'the value of {name}')


def config_from_tree(tree: dict[str, Any]) -> Config:
    """Return a configuration made from plain dictionaries; raise for unknown keys and values."""
    config = dataclass_from_tree(Config, tree)
    check_config(config)
    return config


def check_config(config: Config) -> None:
    """Raise InvalidValueError if a value is outside its limits."""
    check_values(dict(flattened(config)))
    for key in ('sources', 'val_sources'):
        for number, source in enumerate(getattr(config.data, key)):
            check_values({f'data.{key}.{number}.weight': source.weight})
    for key in ('val_sources', 'classes'):
        if getattr(config.data, key) and not config.data.sources:
            raise InvalidValueError(f'data.{key}', 'set', 'data.sources too')
    low, high = config.augmentation.scale_min, config.augmentation.scale_max
    if low > high:
        raise InvalidValueError('augmentation.scale_min', low, f'at most scale_max, {high}')


def check_values(values: dict[str, Any]) -> None:
    """Raise InvalidValueError if a value, named 'section.key', is outside its limits."""
    for name, value in values.items():
        is_valid, expected = RULES.get(_ITEM_NUMBER.sub('', name), ANYTHING)
        if not is_valid(value):
            raise InvalidValueError(name, value, expected)


def flattened(config: Config) -> Iterator[tuple[str, Any]]:
    """Yield every value with its name, 'section.key'."""
    for section, content in asdict(config).items():
        if isinstance(content, dict):
            yield from ((f'{section}.{key}', value) for key, value in content.items())
        else:
            yield section, content
