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
Pruning criteria, chosen by name: L1, L2, batch-norm scale, random, context.

A criterion is a pure function of a ChannelGroup that returns the importance of its channels [C],
float, at least 0; the least important channels are removed first. To add one, write a function
here or in a module next to this one, and one line in CRITERIA.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from swiftnet_ros.errors import SwiftnetError
import torch
from torch import Generator, Tensor

_EPSILON = 1e-12


class ChannelStatistics(NamedTuple):
    """
    Statistics of C channels over the labeled pixels of calibration images, on one pyramid level.

    `counts` [K] are the pixels of each class, `sums` [K, C] the sums of the activations over
    them, `products` [C, C] the sums of products of two channels over all pixels; float64.
    """

    counts: Tensor
    sums: Tensor
    products: Tensor


# group name -> statistics on every pyramid level
NetworkStatistics = Mapping[str, tuple[ChannelStatistics, ...]]


@dataclass(frozen=True)
class ChannelGroup:
    """
    The weights of a dependency group of C channels.

    `output_weights` [C, n] are the weights of each convolution that produces the channels,
    `input_weights` [C, m] those of each that reads them, `norm_scales` [C] the weights of each
    batch norm in between, one per pyramid level. `statistics` has one entry per level, none
    without calibration data. `generator` is for random criteria.
    """

    name: str
    output_weights: tuple[Tensor, ...]
    input_weights: tuple[Tensor, ...] = ()
    norm_scales: tuple[Tensor, ...] = ()
    statistics: tuple[ChannelStatistics, ...] = ()
    generator: Generator = field(default_factory=Generator)


Criterion = Callable[[ChannelGroup], Tensor]


class NoNormsError(SwiftnetError):
    """A batch-norm criterion for channels without a batch norm."""

    def __init__(self, layer: str) -> None:
        super().__init__(
            f'criterion bn_scale: no batch norm scales the channels of {layer}; leave that part '
            'out of the ratios or use criterion l1'
        )


class NoStatisticsError(SwiftnetError):
    """A criterion that needs calibration data, used without any."""

    def __init__(self, layer: str) -> None:
        super().__init__(
            f'criterion context needs channel statistics of {layer}; pass calibration data '
            '(section calibration, or --dataset and --root), or use a criterion without data '
            'such as l1'
        )


def l1(group: ChannelGroup) -> Tensor:
    """Return the L1 norm of the weights that produce or read a channel (Fang et al., 2023)."""
    return torch.stack([w.abs().sum(1) for w in group.output_weights + group.input_weights]).sum(0)


def l2(group: ChannelGroup) -> Tensor:
    """Return the L2 norm of the weights that produce or read a channel."""
    weights = group.output_weights + group.input_weights
    return torch.stack([w.square().sum(1) for w in weights]).sum(0).sqrt()


def bn_scale(group: ChannelGroup) -> Tensor:
    """Return the mean absolute scale over norms and levels (network slimming, ICCV 2017)."""
    if not group.norm_scales:
        raise NoNormsError(group.name)
    return torch.stack([scale.abs() for scale in group.norm_scales]).mean(0)


def random(group: ChannelGroup) -> Tensor:
    """Return random numbers from 0 to 1, the baseline that every other criterion has to beat."""
    channels = len(group.output_weights[0])
    return torch.rand(channels, generator=group.generator, dtype=torch.float64)


def context(group: ChannelGroup) -> Tensor:
    """
    Return L1 plus non-redundant class contrast [C], the maximum over the pyramid levels.

    On every level the contrast of a channel is the fraction of its variance that lies between the
    classes, and its redundancy the largest squared correlation with a channel that is kept before
    it: only contrast that is not redundant counts. docs/pruning.md has the formulas and the
    difference to published methods. Raise NoStatisticsError without statistics.
    """
    if not group.statistics:
        raise NoStatisticsError(group.name)
    weights = group.output_weights + group.input_weights
    magnitude = torch.stack([w.abs().sum(1) for w in weights]).sum(0).double()
    levels = [
        _greedy_importance(
            _mean_one(magnitude), _mean_one(contrast(level)), correlation(level) ** 2
        )
        for level in group.statistics
    ]
    return torch.stack(levels).amax(0)


def contrast(statistics: ChannelStatistics) -> Tensor:
    """
    Return the variance of the class means over the variance of all pixels [C].

    Every class that occurs counts the same, however few pixels it has.
    """
    present = statistics.counts > 0
    means = statistics.sums[present] / statistics.counts[present, None]
    between = means.var(0, unbiased=False)
    variance = _covariance(statistics).diagonal()
    return torch.where(variance > _EPSILON, between / variance.clamp_min(_EPSILON), 0.0)


def correlation(statistics: ChannelStatistics) -> Tensor:
    """Return the correlations of the channels [C, C]; those of a constant channel are 0."""
    covariance = _covariance(statistics)
    deviation = covariance.diagonal().clamp_min(0).sqrt()
    scale = torch.outer(deviation, deviation)
    return torch.where(scale > _EPSILON, covariance / scale.clamp_min(_EPSILON), 0.0).clamp(-1, 1)


def _covariance(statistics: ChannelStatistics) -> Tensor:
    pixels = statistics.counts.sum()
    mean = statistics.sums.sum(0) / pixels
    return statistics.products / pixels - torch.outer(mean, mean)


def _mean_one(values: Tensor) -> Tensor:
    """Scale values to a mean of 1, so that they can be added to others."""
    return values / values.mean().clamp_min(_EPSILON)


def _greedy_importance(magnitude: Tensor, contrasts: Tensor, redundancy: Tensor) -> Tensor:
    """
    Select the channels one by one, the most important first, and return each one's importance.

    That is its magnitude plus its contrast times the fraction of it that is not redundant with
    the channels selected before.
    """
    unshared, importance = torch.ones_like(magnitude), torch.zeros_like(magnitude)
    remaining = torch.ones_like(magnitude, dtype=torch.bool)
    for _ in range(len(magnitude)):
        current = torch.where(remaining, magnitude + contrasts * unshared, -1.0)
        best = int(current.argmax())
        importance[best] = current[best]
        remaining[best] = False
        unshared = torch.minimum(unshared, 1 - redundancy[best])
    return importance


CRITERIA: dict[str, Criterion] = {
    'l1': l1,
    'l2': l2,
    'bn_scale': bn_scale,
    'random': random,
    'context': context,
}
