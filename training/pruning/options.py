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

"""What to prune and by how much: options from YAML, and the parts of a network they name."""

from dataclasses import dataclass, field
import math
import re
from typing import Any

from swiftnet_ros.errors import InvalidValueError, SwiftnetError, UnknownNameError
from training.pruning.criteria import CRITERIA

# Parts of a network: stem and stages of the encoder; everything after the encoder is the decoder.
PARTS = ('stem', 'stage1', 'stage2', 'stage3', 'stage4', 'decoder')
# The two choices of the reference work: the first two stages, and all four.
PRESETS = {'first2': PARTS[:3], 'all': PARTS[:5]}


class EmptyLayerError(SwiftnetError):
    """A ratio that leaves nothing of a layer; `what` are its channels or weights."""

    def __init__(self, layer: str, count: int, what: str) -> None:
        super().__init__(
            f'the ratio would remove all {count} {what} of {layer}; use a smaller ratio'
        )


@dataclass(frozen=True)
class PruneOptions:
    """
    The criterion, the fractions of channels to remove, and the widths that may result.

    `ratios` is `first2` or `all`, whose parts lose the fraction `ratio` of their channels, or a
    mapping from parts (stem, stage1 to stage4, decoder) to their own ratios. With `global_ratio`
    the channels of the parts in `ratios` are ranked together instead. Widths are rounded to a
    multiple of `multiple` (1: not rounded); no ratio goes below `floor` channels.
    """

    criterion: str = 'l1'
    ratios: str | dict[str, float] = 'all'
    ratio: float = 0.5
    global_ratio: float | None = None
    multiple: int = 8
    floor: int = 8

    def __post_init__(self) -> None:
        if self.criterion not in CRITERIA:
            raise UnknownNameError('pruning criterion', self.criterion, CRITERIA)
        if isinstance(self.ratios, str) and self.ratios not in PRESETS:
            raise UnknownNameError('choice of parts in ratios', self.ratios, PRESETS)
        for part in self.part_ratios():
            if part not in PARTS:
                raise UnknownNameError('part in ratios', part, PARTS)
        for name, ratio in self._named_ratios().items():
            if not 0 <= ratio < 1:
                expected = 'a fraction from 0 to below 1: a ratio of 1 would empty the layer'
                raise InvalidValueError(name, ratio, expected)
        if self.multiple < 1:
            raise InvalidValueError('multiple', self.multiple, '1, 8, 16, 32 or another multiple')
        if self.floor < 0:
            raise InvalidValueError('floor', self.floor, 'a number of channels of at least 0')
        if self.global_ratio is not None and not isinstance(self.ratios, str):
            expected = f'one of {", ".join(PRESETS)} with global_ratio'
            raise InvalidValueError('ratios', self.ratios, expected)

    def part_ratios(self) -> dict[str, float]:
        """Return the ratio of every part that is pruned."""
        if isinstance(self.ratios, str):
            return dict.fromkeys(PRESETS[self.ratios], self.ratio)
        return dict(self.ratios)

    def kept_width(self, channels: int, ratio: float) -> int:
        """Return the rounded width of a layer after a fraction of its channels is removed."""
        if ratio == 0:
            return channels
        rounded = math.floor(channels * (1 - ratio) / self.multiple + 0.5) * self.multiple
        return min(channels, max(rounded, self.lowest_width()))

    def lowest_width(self) -> int:
        """Return the smallest multiple that is not below the floor."""
        return math.ceil(self.floor / self.multiple) * self.multiple

    def _named_ratios(self) -> dict[str, float]:
        shared = {'ratio': self.ratio, 'global_ratio': self.global_ratio or 0.0}
        return shared | {f'ratios.{part}': value for part, value in self.part_ratios().items()}


@dataclass(frozen=True)
class CalibrationConfig:
    """
    Random crops of a dataset at the scale of its images.

    `images` of the split are drawn without repetition, in whole batches; `crop` is the side of a
    crop in pixels.
    """

    dataset: str
    split: str = 'train'
    options: dict[str, Any] = field(default_factory=dict)
    images: int = 64
    crop: int = 320
    batch_size: int = 8


@dataclass(frozen=True)
class PruneConfig:
    """The YAML file of the command `prune`: one-shot pruning that keeps the remaining weights."""

    checkpoint: str
    out: str
    prune: PruneOptions = field(default_factory=PruneOptions)
    calibration: CalibrationConfig | None = None
    seed: int = 0


def network_part(layer: str) -> str:
    """Return the part of the network that a layer belongs to, by its name."""
    stage = re.match(r'encoder\.stages\.(\d+)\.', layer)
    if stage:
        return f'stage{int(stage[1]) + 1}'
    return 'stem' if layer.startswith('encoder.stem') else 'decoder'
