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

"""Which channels are dead, and that removing them changes no prediction."""

from collections.abc import Callable

from helpers.small_networks import logits_of, small_network
import pytest
import torch
from torch import nn
from training.pruning.dead_channels import dead_channels
from training.pruning.dependency_groups import trace
from training.pruning.options import PruneOptions
from training.pruning.structured import prune
from training.run.checkpoint import layer_widths

NOTHING = PruneOptions(ratios={})
BLOCK = 'encoder.stages.1.1'


def zero_scale(layer: nn.Module, channels: list[int], shift: float = 0.0) -> None:
    layer.weight.data[channels] = 0
    layer.bias.data[channels] = shift


def dead_of(network: nn.Module, group: str) -> list[int]:
    return dead_channels(network, trace(network))[group].nonzero().flatten().tolist()


def below_a_relu(network: nn.Module) -> tuple[str, list[int]]:
    """Shift channels below 0 after a norm that scales them by 0, on every level."""
    for level, norm in enumerate(network.get_submodule(f'{BLOCK}.bn1')):
        zero_scale(norm, [2, 5, 6], -0.1 * level)
    network.get_submodule(f'{BLOCK}.bn1.1').bias.data[6] = 0.1
    return f'{BLOCK}.conv1', [2, 5]


def without_weights(network: nn.Module) -> tuple[str, list[int]]:
    """Set the weights that produce channels to 0, with norms that do not shift them."""
    network.get_submodule(f'{BLOCK}.conv1').weight.data[[1, 3]] = 0
    for norm in network.get_submodule(f'{BLOCK}.bn1'):
        norm.running_mean[[1, 3]] = 0
        norm.bias.data[1] = 0
        norm.bias.data[3] = 0.2
    return f'{BLOCK}.conv1', [1]


def below_zero_by_the_mean(network: nn.Module) -> tuple[str, list[int]]:
    """Shift channels without weights below 0 by the running mean, before the ReLU."""
    network.get_submodule(f'{BLOCK}.conv1').weight.data[[0, 4]] = 0
    for norm in network.get_submodule(f'{BLOCK}.bn1'):
        norm.running_mean[[0, 4]] = torch.tensor([5.0, -5.0], dtype=torch.float64)
    return f'{BLOCK}.conv1', [0]


def unread(network: nn.Module) -> tuple[str, list[int]]:
    """Set the weights that read channels to 0."""
    network.get_submodule(f'{BLOCK}.conv2').weight.data[:, [7, 9]] = 0
    return f'{BLOCK}.conv1', [7, 9]


def in_a_residual_sum(network: nn.Module) -> tuple[str, list[int]]:
    """Zero channels in every block of a stage and its shortcut, or not in all of them."""
    stage = 'encoder.stages.1'
    for name in ('0.bn2.0', '0.bn2.1', '0.bn2.2', '1.bn2.0', '1.bn2.1', '1.bn2.2'):
        zero_scale(network.get_submodule(f'{stage}.{name}'), [0, 3, 8])
    zero_scale(network.get_submodule(f'{stage}.0.downsample.1'), [3, 8])
    network.get_submodule(f'{stage}.1.bn2.1').bias.data[8] = -0.5
    return f'{stage}.0.conv2', [3]


def in_the_decoder(network: nn.Module) -> tuple[str, list[int]]:
    """Shift the norm of the head below 0, before the ReLU and the classifier."""
    zero_scale(network.head[0], [4, 10], -0.3)
    network.head[0].bias.data[10] = 0.3
    return 'upsample.4.blend.2', [4]


CASES = (
    below_a_relu,
    without_weights,
    below_zero_by_the_mean,
    unread,
    in_a_residual_sum,
    in_the_decoder,
)


@pytest.mark.parametrize('case', CASES)
def test_dead_channels_are_removed_without_a_ratio(case: Callable):
    network = small_network()
    group, expected = case(network)
    before, widths = logits_of(network), layer_widths(network.state_dict())
    assert dead_of(network, group) == expected
    history = prune(network, NOTHING)
    assert (logits_of(network) - before).abs().max() < 1e-9
    assert layer_widths(network.state_dict())[group] == widths[group] - len(expected)
    assert history.removed(group) == len(expected)
    assert not dead_of(network, group)


def test_depthwise_convolution_propagates_dead_channels():
    network = small_network(encoder='mobilenet_v2')
    for norm in network.encoder.stages[1][1].conv[0].norm:
        zero_scale(norm, [11, 40], -1.0)
    depthwise = network.encoder.stages[1][1].conv[1]
    for norm in depthwise.norm:
        norm.running_mean[11], norm.bias.data[11] = 0, 0
        norm.running_mean[40], norm.bias.data[40] = 0, 0.5
    before = logits_of(network)
    assert dead_of(network, 'encoder.stages.1.1.conv.0.conv') == [11]
    prune(network, NOTHING)
    assert (logits_of(network) - before).abs().max() < 1e-9
    assert depthwise.conv.out_channels == 95


def test_groups_before_a_concatenation_lose_their_own_channels():
    network = small_network('single_scale')
    network.spp.squeeze[2].weight.data[3] = 0
    network.spp.levels[1][2].weight.data[[0, 2]] = 0
    network.spp.levels[0][0].bias.data[3] = -1
    network.spp.levels[1][0].bias.data[3] = -1
    network.spp.levels[2][0].bias.data[3] = -1
    for norm in (network.spp.fuse[0], *(level[0] for level in network.spp.levels)):
        norm.running_mean[:] = 0.5
        norm.bias.data[:] = norm.bias.clamp(max=0)
    before = logits_of(network)
    prune(network, NOTHING)
    assert (logits_of(network) - before).abs().max() < 1e-9
    widths = layer_widths(network.state_dict())
    assert (widths['spp.squeeze.2'], widths['spp.levels.1.2']) == (11, 2)
    assert network.spp.fuse[2].in_channels == 11 + 4 + 2 + 4


def test_network_without_zeros_has_no_dead_channels():
    for variant in ('pyramid', 'single_scale'):
        network = small_network(variant)
        assert not any(dead.any() for dead in dead_channels(network, trace(network)).values())
        assert not prune(network, NOTHING).removals


def test_dead_channels_go_first_and_below_the_floor():
    network = small_network(widths=[16, 16, 16, 16, 16])
    for norm in network.get_submodule(f'{BLOCK}.bn1'):
        zero_scale(norm, [*range(13)], -0.1)
    for norm in network.get_submodule('encoder.stages.2.1.bn1'):
        zero_scale(norm, [1, 6], -0.1)
    history = prune(network, PruneOptions(ratios='all'))
    kept = history.kept_channels()
    assert kept[f'{BLOCK}.conv1'] == (13, 14, 15)
    assert len(kept['encoder.stages.2.1.conv1']) == 8
    assert not {1, 6} & set(kept['encoder.stages.2.1.conv1'])


def test_living_channels_are_rounded_down_where_a_ratio_is_given():
    network = small_network(widths=[32, 32, 32, 32, 32])
    for name in (f'{BLOCK}.bn1', 'encoder.stages.0.1.bn1'):
        for norm in network.get_submodule(name):
            zero_scale(norm, [0, 4, 9, 11, 30, 31], -0.1)
    prune(network, PruneOptions(ratios={'stage2': 0.1}))
    assert network.get_submodule(f'{BLOCK}.conv1').out_channels == 24
    assert network.get_submodule('encoder.stages.0.1.conv1').out_channels == 26


def test_dead_group_keeps_one_channel():
    network = small_network()
    for norm in network.get_submodule(f'{BLOCK}.bn1'):
        zero_scale(norm, [*range(16)])
    before = logits_of(network)
    prune(network, NOTHING)
    assert network.get_submodule(f'{BLOCK}.conv1').out_channels == 1
    assert (logits_of(network) - before).abs().max() < 1e-9
