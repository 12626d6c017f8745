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


"""
What becomes of the weights, chosen by name: from a dense run's files to a run's first weights.

Each is a pure function of its sources; a new one is a function here and a line in WEIGHT_INITS.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from swiftnet_ros.errors import InvalidValueError
import torch
from torch import nn
from training.experiments.removed import Removed
from training.models import build_model
from training.models.layers import init_weights
from training.run.checkpoint import Checkpoint
from training.schema.config import ModelConfig
from training.trainer.initial_weights import replace_classifier

# Fresh weights must not repeat the numbers that the dense run of the same seed began with.
_FRESH = 1_000_003


@dataclass(frozen=True)
class WeightSources:
    """
    What a run's first weights may be made of.

    `trained` is the network that was pruned, as it was before; `kept` the dense run's weights
    by iteration; `newest` what was removed from `trained`, `total` what is gone since the dense
    run; `narrow` the model of an arm that has one of its own.
    """

    trained: Checkpoint
    kept: Mapping[int, Checkpoint]
    newest: Removed
    total: Removed
    seed: int
    rewind_to: int = 0
    narrow: ModelConfig | None = None


def trained_weights(given: WeightSources) -> Checkpoint:
    """Keep the trained weights of what is left (FT, with or without rewinding the rate)."""
    network = given.trained.network()
    given.newest.apply(network)
    return _holding(given.trained, network)


def rewound_weights(given: WeightSources) -> Checkpoint:
    """Give what is left the weights and norms it had at iteration `rewind_to` (LTH)."""
    if given.rewind_to not in given.kept:
        expected = f'one of the iterations that the dense run kept, {sorted(given.kept)}'
        raise InvalidValueError('rewind_to', given.rewind_to, expected)
    early = given.kept[given.rewind_to]
    network = early.network()
    given.total.apply(network)
    return _holding(early, network)


def fresh_weights(given: WeightSources) -> Checkpoint:
    """Draw new random weights for the pruned shape, He's for the widths that are left (RI)."""
    network = given.trained.network()
    given.newest.apply(network)
    _draw(network, given.seed)
    given.newest.hold(network)
    return _holding(given.trained, network)


def narrow_weights(given: WeightSources) -> Checkpoint:
    """Draw random weights for the arm's own narrow model; nothing of the dense run is used."""
    assert given.narrow is not None
    network = build_model(given.narrow, len(given.trained.classes))
    _draw(network, given.seed)
    return _holding(replace(given.trained, model=given.narrow), network)


WEIGHT_INITS: dict[str, Callable[[WeightSources], Checkpoint]] = {
    'ft': trained_weights,
    'ft_lrr': trained_weights,
    'lth': rewound_weights,
    'ri': fresh_weights,
    'narrow': narrow_weights,
}


def with_new_classifier(source: Checkpoint, target: Checkpoint, seed: int) -> Checkpoint:
    """
    Give a network the classes of another data set.

    Only the last 1x1 convolution is new, random as at the start of a training; `target` brings
    classes, input size and names.
    """
    network = source.network()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed + _FRESH)
        replace_classifier(network, len(target.classes))
    return _holding(target, network)


def _draw(network: nn.Module, seed: int) -> None:
    """Reset everything that training changes: weights, biases, statistics of norms."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed + _FRESH)
        init_weights(network)
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.reset_running_stats()


def _holding(checkpoint: Checkpoint, network: nn.Module) -> Checkpoint:
    weights = {name: value.detach().clone() for name, value in network.state_dict().items()}
    return replace(checkpoint, weights=weights, miou=None, progress={})
