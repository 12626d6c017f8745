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

"""Pruning criteria by hand, and the channel statistics behind criterion context."""

from collections.abc import Iterator

from helpers.small_networks import calibration, CLASSES, small_network
import pytest
from swiftnet_ros.errors import InvalidValueError, SwiftnetError
import torch
from training.datasets.loader import Batch
from training.pruning.channel_statistics import collect_statistics
from training.pruning.criteria import (
    bn_scale,
    ChannelGroup,
    ChannelStatistics,
    context,
    contrast,
    correlation,
    CRITERIA,
    l1,
    l2,
    NoNormsError,
    NoStatisticsError,
    random,
)
from training.pruning.dependency_groups import trace
from training.pruning.structured import channel_group

STEM = 'encoder.stem.conv1'


def double(values: list) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def group(**changes) -> ChannelGroup:
    values = {
        'output_weights': (double([[1, -2], [0, 1], [3, 3]]),),
        'input_weights': (double([[2], [-5], [0]]),),
        **changes,
    }
    return ChannelGroup('some', **values)


def statistics_of(pixels: torch.Tensor, ids: torch.Tensor, classes: int = 3) -> ChannelStatistics:
    """Return the statistics of pixels [P, C] with labels [P]."""
    one_hot = torch.nn.functional.one_hot(ids, classes).double()
    return ChannelStatistics(one_hot.sum(0), one_hot.T @ pixels, pixels.T @ pixels)


def random_pixels(channels: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    pixels = torch.randn(600, channels, generator=generator, dtype=torch.float64)
    return pixels, torch.arange(600) % 3


def test_l1_and_l2_sum_output_and_input_weights():
    assert l1(group()).tolist() == [5, 6, 6]
    assert l2(group()).tolist() == pytest.approx([3, 26**0.5, 18**0.5])


def test_bn_scale_is_the_mean_over_levels():
    scales = (double([1, -2, 0]), double([3, 2, 0]))
    assert bn_scale(group(norm_scales=scales)).tolist() == [2, 2, 0]
    with pytest.raises(NoNormsError, match='no batch norm scales the channels of some; leave'):
        bn_scale(group())


def test_random_depends_only_on_the_generator():
    first, again, other = (
        random(group(generator=torch.Generator().manual_seed(seed))) for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize('name', CRITERIA)
def test_every_criterion_returns_one_number_per_channel(name):
    network = small_network('single_scale')
    statistics = collect_statistics(network, calibration(), CLASSES)
    for found in trace(network).groups:
        weights = channel_group(network, found, statistics, torch.Generator())
        importance = CRITERIA[name](weights)
        assert importance.shape == (found.channels,)
        assert importance.isfinite().all()
        assert (importance >= 0).all()
        assert not importance.requires_grad


def test_contrast_is_the_fraction_of_variance_between_classes():
    pixels, ids = random_pixels(3)
    pixels[:, 1] = ids.double()
    pixels[:, 2] = 4
    values = contrast(statistics_of(pixels, ids))
    assert values.tolist() == pytest.approx([0, 1, 0], abs=0.03)
    assert values[2] == 0


def test_contrast_weighs_rare_classes_like_others():
    ids = torch.tensor([0] * 500 + [1] * 95 + [2] * 5)
    pixels = torch.randn(600, 2, generator=torch.Generator().manual_seed(0)).double()
    pixels[:, 0] += 2.0 * (ids == 2)
    pixels[:, 1] += 0.2 * (ids == 1)
    rare, common = contrast(statistics_of(pixels, ids))
    assert rare > 3 * common


def test_correlation_equals_torchs():
    pixels, ids = random_pixels(4)
    pixels[:, 3] = 0.7 * pixels[:, 0] - 0.4 * pixels[:, 1]
    expected = torch.corrcoef(pixels.T)
    torch.testing.assert_close(correlation(statistics_of(pixels, ids)), expected)


def context_of(*levels: ChannelStatistics, channels: int) -> list[float]:
    weights = (torch.ones(channels, 2, dtype=torch.float64),)
    return context(ChannelGroup('some', weights, statistics=levels)).tolist()


def test_redundant_channel_counts_for_its_weights_only():
    pixels, ids = random_pixels(3)
    pixels[:, 0] += 0.5 * ids
    pixels[:, 2] = -2 * pixels[:, 0]
    first, second, third = context_of(statistics_of(pixels, ids), channels=3)
    assert min(first, third) == pytest.approx(1, abs=1e-9)
    assert max(first, third) > second > 1


def test_channel_that_separates_classes_is_more_important():
    pixels, ids = random_pixels(3)
    pixels[:, 1] += ids
    values = context_of(statistics_of(pixels, ids), channels=3)
    assert values[1] == max(values)


def test_importance_is_the_maximum_over_levels():
    pixels, ids = random_pixels(3)
    separating = [pixels.clone() for _ in range(2)]
    for level, channel in ((0, 0), (1, 2)):
        separating[level][:, channel] += 2 * ids
    levels = [statistics_of(level, ids) for level in separating]
    each = [context_of(level, channels=3) for level in levels]
    assert context_of(*levels, channels=3) == [max(pair) for pair in zip(*each, strict=True)]
    assert each[0] != each[1]


def test_large_weights_count_too():
    pixels, ids = random_pixels(3)
    weights = (double([[1], [1], [30]]),)
    values = context(ChannelGroup('some', weights, statistics=(statistics_of(pixels, ids),)))
    assert values.argmax() == 2


def test_missing_statistics_raise():
    with pytest.raises(NoStatisticsError, match='statistics of some; pass calibration data'):
        context(group())


@pytest.mark.parametrize(('variant', 'levels'), [('pyramid', 3), ('single_scale', 1)])
def test_statistics_are_those_of_the_inputs_of_the_reading_layers(variant, levels):
    network, inputs_seen = small_network(variant), []
    reader = network.get_submodule('encoder.stages.1.1.conv2')
    hook = reader.register_forward_pre_hook(
        lambda _, inputs: inputs_seen.append(inputs[0].clone())
    )
    (batch,) = calibration(1)
    statistics = collect_statistics(network, [batch], CLASSES)
    hook.remove()
    assert set(statistics) == {found.name for found in trace(network).groups}
    found = statistics['encoder.stages.1.1.conv1']
    assert len(found) == levels
    for level, features in zip(found, inputs_seen[-levels:], strict=True):
        stride = 64 // features.shape[2]
        half = stride // 2
        labels = batch.labels[:, half::stride, half::stride]
        pixels = features.permute(0, 2, 3, 1)[labels < CLASSES]
        expected = statistics_of(pixels, labels[labels < CLASSES], CLASSES)
        for name in ('counts', 'sums', 'products'):
            torch.testing.assert_close(getattr(level, name), getattr(expected, name))


def test_batches_add_up_and_leave_the_network_unchanged():
    network = small_network().train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    both = collect_statistics(network, calibration(2), CLASSES)[STEM]
    single = [collect_statistics(network, [one], CLASSES)[STEM] for one in calibration(2)]
    for level in range(3):
        for name in ('counts', 'sums', 'products'):
            added = sum(getattr(each[level], name) for each in single)
            torch.testing.assert_close(getattr(both[level], name), added)
    assert network.training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert not any(layer._forward_pre_hooks for layer in network.modules())


def test_memory_does_not_grow_with_the_images():
    network = small_network('single_scale')

    def stream(count: int) -> Iterator[Batch]:
        for _ in range(count):
            yield from calibration(1)

    def stored_numbers(count: int) -> int:
        statistics = collect_statistics(network, stream(count), CLASSES)
        levels = [level for group in statistics.values() for level in group]
        return sum(t.numel() for s in levels for t in (s.counts, s.sums, s.products))

    assert stored_numbers(1) == stored_numbers(4)


def test_images_without_labels_raise():
    batch = calibration(1)[0]
    unlabeled = Batch(batch.images, torch.full_like(batch.labels, 255), batch.edge_distance)
    with pytest.raises(InvalidValueError, match='no labeled pixel') as caught:
        collect_statistics(small_network(), [unlabeled], CLASSES)
    assert isinstance(caught.value, SwiftnetError)
