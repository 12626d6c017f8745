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
Initial weights after pruning, chosen by name: FT, LTH, RI, narrow.

Each is a pure function of WeightSources. To add one, write a function here and one line in
WEIGHT_INITS.
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

# Random weights must differ from those that the dense run of the same seed started with.
_SEED_OFFSET = 1_000_003


@dataclass(frozen=True)
class WeightSources:
    """
    The networks that initial weights can be taken from.

    `trained` is the network that was pruned, as it was before; `kept` are the weights of the dense
    run by iteration; `newest` was removed from `trained`, `total` since the dense run; `narrow`
    is the model of a narrow variant.
    """

    trained: Checkpoint
    kept: Mapping[int, Checkpoint]
    newest: Removed
    total: Removed
    seed: int
    rewind_to: int = 0
    narrow: ModelConfig | None = None


def trained_weights(sources: WeightSources) -> Checkpoint:
    """Return the trained weights that remain after pruning (fine-tuning, FT and FT-LRR)."""
    network = sources.trained.network()
    sources.newest.apply(network)
    return _with_weights_of(network, sources.trained)


def rewound_weights(sources: WeightSources) -> Checkpoint:
    """
    Return the weights and norm statistics at iteration `rewind_to` (lottery ticket, LTH).

    Raise InvalidValueError if the dense run did not keep them.
    """
    if sources.rewind_to not in sources.kept:
        expected = f'one of the iterations that the dense run kept, {sorted(sources.kept)}'
        raise InvalidValueError('rewind_to', sources.rewind_to, expected)
    early = sources.kept[sources.rewind_to]
    network = early.network()
    sources.total.apply(network)
    return _with_weights_of(network, early)


def random_weights(sources: WeightSources) -> Checkpoint:
    """Return random weights in the pruned shape, He-initialized for its widths (RI)."""
    network = sources.trained.network()
    sources.newest.apply(network)
    _initialize(network, sources.seed)
    sources.newest.reapply(network)
    return _with_weights_of(network, sources.trained)


def narrow_weights(sources: WeightSources) -> Checkpoint:
    """Return random weights for the narrow model; nothing of the dense run is used."""
    assert sources.narrow is not None
    network = build_model(sources.narrow, len(sources.trained.classes))
    _initialize(network, sources.seed)
    return _with_weights_of(network, replace(sources.trained, model=sources.narrow))


WEIGHT_INITS: dict[str, Callable[[WeightSources], Checkpoint]] = {
    'ft': trained_weights,
    'ft_lrr': trained_weights,
    'lth': rewound_weights,
    'ri': random_weights,
    'narrow': narrow_weights,
}


def with_new_classifier(source: Checkpoint, target: Checkpoint, seed: int) -> Checkpoint:
    """
    Return the source with a random classifier for the classes of another dataset.

    Only the last 1x1 convolution is new; `target` has the classes, input size and names.
    """
    network = source.network()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed + _SEED_OFFSET)
        replace_classifier(network, len(target.classes))
    return _with_weights_of(network, target)


def _initialize(network: nn.Module, seed: int) -> None:
    """Reset everything that training changes: weights, biases, running statistics."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed + _SEED_OFFSET)
        init_weights(network)
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.reset_running_stats()


def _with_weights_of(network: nn.Module, checkpoint: Checkpoint) -> Checkpoint:
    weights = {name: value.detach().clone() for name, value in network.state_dict().items()}
    return replace(checkpoint, weights=weights, miou=None, progress={})
