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

"""Removed channels: the pruned network predicts as if they were 0 in the full one."""

from collections.abc import Iterator
from copy import deepcopy
from functools import cache

from helpers.small_networks import (
    calibration,
    CLASSES,
    logits_of,
    removed_outputs,
    small_network,
    zeroed,
)
import pytest
from swiftnet_ros.errors import InvalidValueError, UnknownNameError
import torch
from torch import nn
from training.models import VARIANTS
from training.models.encoders import ENCODERS
from training.pruning.channel_statistics import collect_statistics
from training.pruning.criteria import CRITERIA
from training.pruning.dependency_groups import DependencyGroup, OUT, trace, UnsupportedLayerError
from training.pruning.history import PruningHistory
from training.pruning.options import EmptyLayerError, network_part, PARTS, PruneOptions
from training.pruning.structured import prune, StatisticsMismatchError, TiedPartsError
from training.run.checkpoint import adopt_shapes, layer_widths
from training.schema.from_yaml import dataclass_from_tree

HALF = dict.fromkeys(PARTS, 0.5)


def exact(**changes) -> PruneOptions:
    return PruneOptions(**{'ratios': HALF, 'multiple': 1, 'floor': 1, **changes})


@cache
def full_network(variant: str, encoder: str) -> nn.Module:
    return small_network(variant, encoder, levels=2)


@cache
def halved(variant: str, encoder: str) -> tuple[nn.Module, PruningHistory]:
    """Return that network with every part pruned by half, and the history."""
    network = deepcopy(full_network(variant, encoder))
    return network, prune(network, exact())


def swaps(removed: dict[str, set[int]], group: DependencyGroup) -> Iterator[dict[str, set[int]]]:
    """Yield the removed channels with one of a group swapped for a kept one, three times."""
    gone = removed[group.name]
    first = min(gone)
    for kept in [channel for channel in range(group.channels) if channel not in gone][:3]:
        changed = dict(removed)
        for member in group.members:
            if member.side == OUT:
                old, new = member.indices[first], member.indices[kept]
                changed[member.layer] = changed[member.layer] - {old} | {new}
        yield changed


@pytest.mark.parametrize('encoder', ENCODERS)
@pytest.mark.parametrize('variant', VARIANTS)
class TestEveryNetwork:
    """A network of each variant with each encoder."""

    def test_pruned_network_equals_the_full_one_with_zeroed_channels(self, variant, encoder):
        full = full_network(variant, encoder)
        pruned, history = halved(variant, encoder)
        removed, expected = removed_outputs(history), logits_of(pruned)

        def difference(channels: dict[str, set[int]]) -> float:
            return float((logits_of(zeroed(full, channels)) - expected).abs().max())

        assert difference(removed) < 1e-9
        widest = max(trace(full).groups, key=lambda group: len(group.members))
        assert any(difference(channels) > 1e-3 for channels in swaps(removed, widest))

    def test_every_width_but_the_logits_is_halved(self, variant, encoder):
        before = layer_widths(full_network(variant, encoder).state_dict())
        after = layer_widths(halved(variant, encoder)[0].state_dict())
        halves = {name: (width + 1) // 2 for name, width in before.items()}
        assert after == halves | {'head.2': CLASSES}

    def test_pruned_shape_is_rebuilt_from_weights(self, variant, encoder):
        network = halved(variant, encoder)[0]
        again = small_network(variant, encoder, levels=2).float()
        adopt_shapes(again, network.state_dict())
        again.double().load_state_dict(network.state_dict(), strict=True)
        assert torch.equal(logits_of(again), logits_of(network))

    def test_pruned_network_has_gradients(self, variant, encoder):
        network = deepcopy(halved(variant, encoder)[0]).float().train()
        network(calibration(1)[0].images).square().sum().backward()
        assert all(parameter.grad is not None for parameter in network.parameters())

    def test_rounds_end_at_the_width_of_one_shot(self, variant, encoder):
        once, whole = halved(variant, encoder)
        often, history = deepcopy(full_network(variant, encoder)), PruningHistory()
        for ratio in (0.3, 0.5):
            options = exact(criterion='random', ratios=dict.fromkeys(PARTS, ratio))
            history += prune(often, options, before=history)
        assert layer_widths(often.state_dict()) == layer_widths(once.state_dict())
        layers = {removal.layer for removal in whole.removals}
        assert all(history.removed(layer) == whole.removed(layer) for layer in layers)

    def test_global_ratio_removes_its_fraction(self, variant, encoder):
        full = full_network(variant, encoder)
        network = deepcopy(full)
        before = {group.name: group.channels for group in trace(full).groups}
        history = prune(network, exact(ratios='all', global_ratio=0.4))
        ranked = [name for name in before if network_part(name) != 'decoder']
        fractions = {name: history.removed(name) / before[name] for name in ranked}
        lost, total = sum(map(history.removed, ranked)), sum(before[name] for name in ranked)
        assert lost == pytest.approx(0.4 * total, abs=len(ranked) / 2)
        assert len(set(fractions.values())) > 2
        expected = logits_of(zeroed(full, removed_outputs(history)))
        assert (logits_of(network) - expected).abs().max() < 1e-9


@pytest.mark.parametrize('criterion', CRITERIA)
def test_every_criterion_removes_whole_channels(criterion):
    full = full_network('pyramid', 'resnet18')
    pruned = deepcopy(full)
    data = collect_statistics(full, calibration(1), CLASSES) if criterion == 'context' else None
    removed = removed_outputs(prune(pruned, exact(criterion=criterion), data))
    assert (logits_of(zeroed(full, removed)) - logits_of(pruned)).abs().max() < 1e-9


@pytest.mark.parametrize(('multiple', 'ratio'), [(8, 0.1), (16, 0.5), (32, 0.7)])
def test_widths_are_multiples_or_unchanged(multiple, ratio):
    network = small_network(widths=[24, 24, 40, 64, 88], features=42)
    before = layer_widths(network.state_dict())
    options = PruneOptions(ratios=dict.fromkeys(PARTS, ratio), multiple=multiple)
    prune(network, options)
    after = layer_widths(network.state_dict())
    for name, width in after.items():
        exact_width = before[name] * (1 - ratio)
        near = abs(width - exact_width) <= multiple / 2 + 1e-9
        assert width == before[name] or (width % multiple == 0 and (near or width == multiple))
    assert sum(after.values()) < sum(before.values())


def test_layer_that_keeps_its_width_is_logged(caplog):
    network = small_network(widths=[8, 8, 32, 32, 32])
    prune(network, PruneOptions())
    widths = layer_widths(network.state_dict())
    assert widths['encoder.stem.conv1'] == 8
    assert widths['encoder.stages.3.0.conv1'] == 16
    messages = [record.getMessage() for record in caplog.records]
    named = {line.split()[0] for line in messages}
    assert all(
        'keeps its 8 channels: ratio 0.500, multiple 8, floor 8' in line for line in messages
    )
    assert named == {'encoder.stem.conv1', *(f'encoder.stages.0.{i}.conv1' for i in (0, 1))}


def test_floor_is_the_smallest_width():
    network = small_network()
    prune(network, exact(ratios='all', ratio=0.9, floor=5))
    assert min(layer_widths(network.state_dict()).values()) == 5


def test_parts_without_a_ratio_stay_unchanged():
    network = small_network('single_scale', 'resnet50')
    before = layer_widths(network.state_dict())
    prune(network, exact(ratios={'stage2': 0.5}))
    after = layer_widths(network.state_dict())
    changed = {network_part(name) for name in after if after[name] != before[name]}
    assert changed == {'stage2'}


def test_network_keeps_its_mode_and_other_weights():
    network = small_network().train()
    kept = network.head[2].bias.detach().clone()
    prune(network, exact(ratios='first2'))
    assert network.training
    assert torch.equal(network.head[2].bias, kept)
    assert all(p.requires_grad and p.dtype == torch.float64 for p in network.parameters())


def test_same_seed_removes_the_same_channels():
    histories = [prune(small_network(), exact(criterion='random'), seed=s) for s in (3, 3, 4)]
    assert histories[0] == histories[1] != histories[2]


def test_parts_tied_by_a_sum_need_one_ratio():
    network = small_network(widths=[8, 8, 16, 20, 24])
    with pytest.raises(TiedPartsError, match='stem.conv1 to those of stage1 and stem; use'):
        prune(network, exact(ratios={'stem': 0.5}))
    prune(network, exact(ratios='first2'))
    assert layer_widths(network.state_dict())['encoder.stem.conv1'] == 4


def test_ratio_that_empties_a_layer_raises():
    network = small_network()
    before = layer_widths(network.state_dict())
    with pytest.raises(EmptyLayerError, match=r'remove all 8 channels of encoder\.stem\.conv1'):
        prune(network, exact(ratio=0.97, ratios='all', floor=0))
    assert layer_widths(network.state_dict()) == before


def test_statistics_of_another_network_raise():
    network = small_network()
    statistics = collect_statistics(network, calibration(1), CLASSES)
    prune(network, exact(criterion='context'), statistics)
    with pytest.raises(StatisticsMismatchError, match=r'have 8 channels of .* the network 4'):
        prune(network, exact(criterion='context'), statistics)


@pytest.mark.parametrize(
    ('tree', 'error', 'text'),
    [
        ({'criterion': 'l3'}, UnknownNameError, "unknown pruning criterion 'l3'"),
        ({'ratios': 'first3'}, UnknownNameError, "did you mean 'first2'"),
        ({'ratios': {'stage5': 0.5}}, UnknownNameError, "unknown part in ratios 'stage5'"),
        ({'ratios': {'stage4': 1}}, InvalidValueError, r'ratios\.stage4 is 1\.0.*would empty'),
        ({'ratio': 1.0}, InvalidValueError, 'ratio is 1.0'),
        ({'ratio': -0.1}, InvalidValueError, 'ratio is -0.1'),
        ({'global_ratio': 1}, InvalidValueError, 'global_ratio is 1.0'),
        ({'global_ratio': 0.5, 'ratios': {'stem': 0.5}}, InvalidValueError, 'with global_ratio'),
        ({'multiple': 0}, InvalidValueError, 'multiple is 0'),
        ({'floor': -1}, InvalidValueError, 'floor is -1'),
        ({'ratios': {'stem': 'half'}}, InvalidValueError, r'prune\.ratios is'),
        ({'ration': 0.5}, UnknownNameError, "did you mean 'ratio'"),
    ],
)
def test_impossible_options_raise_in_one_line(tree, error, text):
    with pytest.raises(error, match=text) as caught:
        dataclass_from_tree(PruneOptions, tree, 'prune.')
    assert '\n' not in str(caught.value)


class Scaled(nn.Module):
    """A layer and a parameter outside of layers."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer, self.scale = layer, nn.Parameter(torch.ones(1, 8, 1, 1))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return self.layer(features) * self.scale


@pytest.mark.parametrize(
    ('middle', 'text'),
    [
        (nn.GroupNorm(2, 8), r'with 1 \(GroupNorm\)'),
        (nn.Conv2d(8, 8, 1, groups=2), r'with 1 \(Conv2d\)'),
        (Scaled(nn.Identity()), 'a parameter outside of layers'),
    ],
)
def test_unsupported_layer_raises_in_one_line(middle, text):
    network = nn.Sequential(nn.Conv2d(3, 8, 1), middle, nn.Conv2d(8, 2, 1))
    with pytest.raises(UnsupportedLayerError, match=text) as caught:
        trace(network)
    assert '\n' not in str(caught.value)


def test_tracing_does_not_change_a_frozen_network():
    network = small_network().requires_grad_(False).train()
    before = {name: id(value) for name, value in network.named_parameters()}
    with torch.inference_mode():
        groups = trace(network).groups
    assert {name: id(value) for name, value in network.named_parameters()} == before
    assert not any(parameter.requires_grad for parameter in network.parameters())
    assert network.training
    assert all(isinstance(network.get_submodule(group.name), nn.Conv2d) for group in groups)
