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

"""The pruning history: written, read, and replayed on the initial network."""

from dataclasses import replace

from helpers.small_networks import logits_of, small_network
import pytest
from swiftnet_ros.errors import FileMissingError, InvalidValueError, SwiftnetError
import torch
from torch import nn
from training.models import VARIANTS
from training.models.layers import init_weights
from training.pruning.history import (
    history_path,
    HistoryMismatchError,
    load_history,
    PruningHistory,
    Removal,
    replay,
)
from training.pruning.options import PruneOptions
from training.pruning.structured import prune
from training.run.checkpoint import layer_widths

HALF = PruneOptions(multiple=1, floor=1)


def initial(variant: str = 'pyramid', encoder: str = 'resnet18') -> nn.Module:
    network = small_network(variant, encoder)
    torch.manual_seed(7)
    init_weights(network)
    return network


def two_rounds(network: nn.Module) -> PruningHistory:
    """Prune a fifth, change the weights, then prune half."""
    first = prune(network, replace(HALF, ratio=0.2))
    init_weights(network)
    return first + prune(network, HALF, before=first)


@pytest.mark.parametrize('encoder', ['resnet18', 'resnet50', 'mobilenet_v2'])
@pytest.mark.parametrize('variant', VARIANTS)
def test_replay_gives_the_same_shapes_with_the_kept_initial_weights(variant, encoder):
    trained, start, whole = (make(variant, encoder) for make in (small_network, initial, initial))
    history = two_rounds(trained)
    replay(start, history)
    before = {name: value.shape for name, value in trained.state_dict().items()}
    assert {name: value.shape for name, value in start.state_dict().items()} == before
    kept = history.kept_channels()
    for name, channels in kept.items():
        layer, first = start.get_submodule(name), whole.get_submodule(name)
        assert len(channels) == layer.weight.shape[0]
        if isinstance(layer, nn.BatchNorm2d):
            assert torch.equal(layer.running_var, first.running_var[list(channels)])
        elif name.startswith('encoder.stem'):
            assert torch.equal(layer.weight, first.weight[list(channels)])
    logits_of(start)


def test_history_survives_writing_and_reading(tmp_path):
    history = two_rounds(small_network('single_scale'))
    path = history_path(tmp_path / 'pruned.pt')
    assert path.name == 'pruned.history.json'
    path.write_text(history.to_json())
    assert load_history(path) == history
    assert len(path.read_text().splitlines()) == len(history.removals) + 2


def test_kept_channels_have_their_original_indices():
    first = (
        Removal('a', 'out', 5, (1, 3)),
        Removal('a', 'in', 5, (0,)),
        Removal('b', 'out', 2, (0,)),
    )
    history = PruningHistory(first) + PruningHistory((Removal('a', 'out', 3, (1,)),))
    assert history.kept_channels() == {'a': (0, 4), 'b': (1,)}
    assert (history.removed('a'), history.removed('b'), history.removed('c')) == (3, 1, 0)


@pytest.mark.parametrize(
    ('network', 'text'),
    [
        (lambda: small_network(widths=[8, 12, 16, 20, 32]), r'has 32 out channels, expected 24'),
        (lambda: small_network(encoder='resnet34', levels=1), r'bn1\.1 is missing'),
        (lambda: small_network(encoder='mobilenet_v2'), r'conv1 is missing'),
        (lambda: nn.ModuleDict({'encoder': nn.Identity()}), 'is missing'),
    ],
)
def test_history_of_another_network_raises_in_one_line(network, text):
    history = prune(small_network(), HALF)
    with pytest.raises(HistoryMismatchError, match=text) as caught:
        replay(network(), history)
    assert '\n' not in str(caught.value)


def test_history_cannot_be_replayed_twice():
    network = small_network()
    history = prune(network, HALF)
    widths = layer_widths(network.state_dict())
    with pytest.raises(HistoryMismatchError, match='has 4 out channels, expected 8; replay it'):
        replay(network, history)
    assert layer_widths(network.state_dict()) == widths


@pytest.mark.parametrize(
    'text',
    [
        'none',
        '[]',
        '[' * 100_000,
        '{"removals": [{"layer": "a", "side": "out", "channels": 1000000000000, "indices": [0]}]}',
        '{}',
        '{"removals": 3}',
        '{"removals": [{"layer": "a", "side": "out", "channels": 2}]}',
        '{"removals": [{"layer": "a", "side": "up", "channels": 2, "indices": [0]}]}',
        '{"removals": [{"layer": "a", "side": "out", "channels": 2, "indices": [2]}]}',
        '{"removals": [{"layer": "a", "side": "out", "channels": 9, "indices": [2, 1]}]}',
        '{"removals": [{"layer": "a", "side": "out", "channels": 2, "indices": [0, 1]}]}',
    ],
)
def test_invalid_history_file_raises_in_one_line(text, tmp_path):
    path = tmp_path / 'bad.json'
    path.write_text(text)
    with pytest.raises(InvalidValueError, match=r'bad\.json') as caught:
        load_history(path)
    assert isinstance(caught.value, SwiftnetError)
    assert '\n' not in str(caught.value)


def test_missing_history_file_is_named(tmp_path):
    with pytest.raises(FileMissingError, match='pruning history not found'):
        load_history(tmp_path / 'none.json')
