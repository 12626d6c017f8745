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
The context criterion: magnitude, class contrast and redundancy of a channel's responses.

A frozen trained network is shown calibration pictures (responses.py); nothing is learnt. For
every pyramid level a channel's contrast is how much of its response's variance lies between the
classes, and its redundancy the largest squared correlation with a channel that is kept before
it: contrast counts as far as it is not redundant. Formulas and what this is not: docs/pruning.md.
"""

from swiftnet_ros.errors import SwiftnetError
import torch
from torch import Tensor
from training.pruning.channel_group import ChannelGroup, ChannelStatistics

_TINY = 1e-12


class NoStatisticsError(SwiftnetError):
    """A criterion that needs data, without data."""

    def __init__(self, layer: str) -> None:
        super().__init__(
            f'criterion context has no responses of {layer}; give calibration data (section '
            'calibration, or --dataset and --root), or take a criterion without data, as l1'
        )


def context(group: ChannelGroup) -> Tensor:
    """Combine L1 with class contrast and redundancy per level; the largest over levels counts."""
    if not group.responses:
        raise NoStatisticsError(group.name)
    weights = torch.stack([w.abs().sum(1) for w in group.rows + group.columns]).sum(0).double()
    levels = [
        _kept_in_order(_relative(weights), _relative(contrast(level)), correlation(level) ** 2)
        for level in group.responses
    ]
    return torch.stack(levels).amax(0)


def contrast(responses: ChannelStatistics) -> Tensor:
    """
    Give the variance of the class means over the variance of the response, [C].

    Every class that occurs counts the same, however few pixels it has.
    """
    seen = responses.counts > 0
    means = responses.sums[seen] / responses.counts[seen, None]
    between = means.var(0, unbiased=False)
    variance = _covariance(responses).diagonal()
    return torch.where(variance > _TINY, between / variance.clamp_min(_TINY), 0.0)


def correlation(responses: ChannelStatistics) -> Tensor:
    """Give the correlations of the channels, [C, C]; a constant channel has none."""
    covariance = _covariance(responses)
    spread = covariance.diagonal().clamp_min(0).sqrt()
    scale = torch.outer(spread, spread)
    return torch.where(scale > _TINY, covariance / scale.clamp_min(_TINY), 0.0).clamp(-1, 1)


def _covariance(responses: ChannelStatistics) -> Tensor:
    pixels = responses.counts.sum()
    mean = responses.sums.sum(0) / pixels
    return responses.products / pixels - torch.outer(mean, mean)


def _relative(values: Tensor) -> Tensor:
    """Bring values to a mean of 1, so that they can be added to others."""
    return values / values.mean().clamp_min(_TINY)


def _kept_in_order(magnitude: Tensor, contrasts: Tensor, shared: Tensor) -> Tensor:
    """
    Choose the channels one by one, the most valuable of the rest first; give each its value then.

    A channel's value is its magnitude, and of its contrast what it does not share with those
    chosen before it.
    """
    unshared, values = torch.ones_like(magnitude), torch.zeros_like(magnitude)
    open_places = torch.ones_like(magnitude, dtype=torch.bool)
    for _ in range(len(magnitude)):
        current = torch.where(open_places, magnitude + contrasts * unshared, -1.0)
        best = int(current.argmax())
        values[best] = current[best]
        open_places[best] = False
        unshared = torch.minimum(unshared, 1 - shared[best])
    return values
