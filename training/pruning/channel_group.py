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

"""A group of channels as a pruning criterion sees it: weights, norm scales, statistics."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from torch import Generator, Tensor


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
