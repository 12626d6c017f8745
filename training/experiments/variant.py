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

"""A variant of an experiment: what is pruned, in how many rounds, and its initial weights."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from swiftnet_ros.errors import InvalidValueError, UnknownNameError
from training.experiments.weight_init import WEIGHT_INITS
from training.pruning.options import PruneOptions
from training.schema.config import check_values, DistillationConfig, ModelConfig

# Factors of the peak learning rate where not 1: fine-tuning stays near its weights, fine-tuning
# with learning-rate rewinding (ft_lrr) restarts the schedule of the dense run.
_LR_FACTORS = {'ft': 0.1}


@dataclass(frozen=True)
class Variant:
    """
    One way to a smaller network.

    `weights` is one of WEIGHT_INITS. `pruning` or `masks` names an entry of that section of the
    experiment; `criterion` replaces that of the entry. `rewind_to` is the iteration that `lth`
    rewinds to. `rate_factor` scales the peak learning rate and, if below 1, omits the warm-up.
    `widths` and `features` are those of `narrow`. The teacher of `distillation` is `dense`, the
    dense run of the same seed, or a .pt file; without one the section of the dense run holds.
    """

    weights: str
    pruning: str | None = None
    masks: str | None = None
    criterion: str | None = None
    rounds: int = 1
    rewind_to: int = 0
    rate_factor: float | None = None
    widths: list[int] | None = None
    features: int | None = None
    distillation: DistillationConfig = field(default_factory=DistillationConfig)

    def to_dict(self) -> dict[str, Any]:
        """Return all options for JSON files, with None for `distillation` without a teacher."""
        has_teacher = self.distillation.teacher is not None
        return {**asdict(self), 'distillation': asdict(self.distillation) if has_teacher else None}

    def lr_factor(self) -> float:
        """Return the factor of the peak learning rate."""
        default = _LR_FACTORS.get(self.weights, 1.0)
        return default if self.rate_factor is None else self.rate_factor

    def prune_options(self, options: PruneOptions, finished_rounds: int) -> PruneOptions:
        """Return the pruning options with the ratios to reach after `finished_rounds`."""
        criterion = options.criterion if self.criterion is None else self.criterion
        if options.global_ratio is not None:
            ratio = self.ratio_after(options.global_ratio, finished_rounds)
            return replace(options, criterion=criterion, global_ratio=ratio)
        ratios = {
            part: self.ratio_after(ratio, finished_rounds)
            for part, ratio in options.part_ratios().items()
        }
        return replace(options, criterion=criterion, ratios=ratios)

    def ratio_after(self, ratio: float, finished_rounds: int) -> float:
        """Return the fraction removed after some rounds; each removes as much of the rest."""
        if finished_rounds == self.rounds:
            return ratio
        return float(1 - (1 - ratio) ** (finished_rounds / self.rounds))

    def narrow_model(self, dense: ModelConfig) -> ModelConfig | None:
        """Return the dense model with the variant's own widths, None if it has none."""
        if self.widths is None:
            return None
        features = dense.features if self.features is None else self.features
        return replace(dense, widths=self.widths, features=features, pretrained=False)


# key -> whether its value fits the other options, and what is expected
_RULES: dict[str, tuple[Callable[[Variant], bool], str]] = {
    'pruning': (
        lambda v: (v.pruning is None) + (v.masks is None) == 1 + (v.weights == 'narrow'),
        'either pruning or masks, neither for narrow',
    ),
    'criterion': (lambda v: v.criterion is None or v.pruning is not None, 'null without pruning'),
    'rounds': (
        lambda v: v.rounds == 1 or (v.rounds > 1 and v.weights != 'narrow'),
        'at least 1, 1 for narrow',
    ),
    'rewind_to': (
        lambda v: v.rewind_to == 0 or (v.rewind_to > 0 and v.weights == 'lth'),
        'an iteration of at least 0, for lth only',
    ),
    'rate_factor': (
        lambda v: v.rate_factor is None or v.rate_factor > 0,
        'null or a number above 0',
    ),
    'widths': (
        lambda v: (v.widths is None) == (v.weights != 'narrow'),
        'the widths of a narrow variant, null for others',
    ),
    'features': (lambda v: v.features is None or v.weights == 'narrow', 'null except for narrow'),
}


def check_variant(name: str, variant: Variant) -> None:
    """Raise UnknownNameError or InvalidValueError for options that do not fit together."""
    if variant.weights not in WEIGHT_INITS:
        raise UnknownNameError(f'value of variants.{name}.weights', variant.weights, WEIGHT_INITS)
    for key, (is_valid, expected) in _RULES.items():
        if not is_valid(variant):
            raise InvalidValueError(f'variants.{name}.{key}', getattr(variant, key), expected)
    distillation = variant.distillation
    if distillation.teacher is None and distillation != DistillationConfig():
        key = f'variants.{name}.distillation.teacher'
        raise InvalidValueError(key, None, 'dense or a .pt file')
    check_values({f'distillation.{key}': value for key, value in asdict(distillation).items()})
