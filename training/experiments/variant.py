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


"""One arm of a family: what is pruned, in how many rounds, and what becomes of the weights."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from swiftnet_ros.errors import InvalidValueError, UnknownNameError
from training.experiments.weight_init import WEIGHT_INITS
from training.pruning.options import PruneOptions
from training.schema.config import check_values, DistillationConfig, ModelConfig

# How much smaller the peak of the learning rate is than the dense run's, where not 1: FT stays
# near its weights, FT with learning-rate rewinding (ft_lrr) begins the dense schedule again.
_RATE_FACTORS = {'ft': 0.1}


@dataclass(frozen=True)
class Variant:
    """
    One way to a smaller network.

    `pruning` or `masks` names an entry of the family's section of that name; `criterion`
    replaces that of the entry. `rewind_to` is the iteration that `lth` rewinds to.
    `rate_factor` scales the learning rate's peak and, below 1, leaves the warm-up out. `widths`
    and `features` are those of `narrow`. The teacher of `distillation` is `dense`, the family's
    own dense run of the same seed, or a .pt file; without one the dense run's section holds.
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

    def facts(self) -> dict[str, Any]:
        """Give all options for JSON files; null where no teacher of its own is asked for."""
        taught = self.distillation.teacher is not None
        return {**asdict(self), 'distillation': asdict(self.distillation) if taught else None}

    def rate(self) -> float:
        """Give what the peak of the learning rate is multiplied with."""
        usual = _RATE_FACTORS.get(self.weights, 1.0)
        return usual if self.rate_factor is None else self.rate_factor

    def is_random(self) -> bool:
        """Tell whether the arm starts from random weights alone."""
        return self.weights in ('ri', 'narrow')

    def prune_options(self, options: PruneOptions, finished: int) -> PruneOptions:
        """Give the options by which `finished` rounds have removed their share of all."""
        criterion = options.criterion if self.criterion is None else self.criterion
        if options.global_ratio is not None:
            ratio = self.share(options.global_ratio, finished)
            return replace(options, criterion=criterion, global_ratio=ratio)
        parts = options.part_ratios()
        shares = {part: self.share(ratio, finished) for part, ratio in parts.items()}
        return replace(options, criterion=criterion, ratios=shares)

    def share(self, ratio: float, finished: int) -> float:
        """Give how much is gone after so many rounds that each remove the same share."""
        if finished == self.rounds:
            return ratio
        return float(1 - (1 - ratio) ** (finished / self.rounds))

    def narrow_model(self, dense: ModelConfig) -> ModelConfig | None:
        """Give the arm's own model, where it has one: the dense one with other widths."""
        if self.widths is None:
            return None
        features = dense.features if self.features is None else self.features
        return replace(dense, widths=self.widths, features=features, pretrained=False)


# What the options of an arm must be like, given all of them.
_RULES: dict[str, tuple[Callable[[Variant], bool], str]] = {
    'pruning': (
        lambda arm: (arm.pruning is None) + (arm.masks is None) == 1 + (arm.weights == 'narrow'),
        'either pruning or masks, neither for narrow',
    ),
    'criterion': (
        lambda arm: arm.criterion is None or arm.pruning is not None,
        'null without pruning',
    ),
    'rounds': (
        lambda arm: arm.rounds == 1 or (arm.rounds > 1 and arm.weights != 'narrow'),
        '1 or more, 1 for narrow',
    ),
    'rewind_to': (
        lambda arm: arm.rewind_to == 0 or (arm.rewind_to > 0 and arm.weights == 'lth'),
        'an iteration of 0 or more, for lth alone',
    ),
    'rate_factor': (
        lambda arm: arm.rate_factor is None or arm.rate_factor > 0,
        'null or a number above 0',
    ),
    'widths': (
        lambda arm: (arm.widths is None) == (arm.weights != 'narrow'),
        'the widths of a narrow arm, null for others',
    ),
    'features': (
        lambda arm: arm.features is None or arm.weights == 'narrow',
        'null but for narrow',
    ),
}


def check_variant(name: str, arm: Variant) -> None:
    """Refuse options that do not go together."""
    if arm.weights not in WEIGHT_INITS:
        raise UnknownNameError(f'value of arms.{name}.weights', arm.weights, WEIGHT_INITS)
    for key, (is_valid, expected) in _RULES.items():
        if not is_valid(arm):
            raise InvalidValueError(f'arms.{name}.{key}', getattr(arm, key), expected)
    given = asdict(arm.distillation)
    if arm.distillation.teacher is None and arm.distillation != DistillationConfig():
        raise InvalidValueError(f'arms.{name}.distillation.teacher', None, 'dense or a .pt file')
    check_values({f'distillation.{key}': value for key, value in given.items()})
