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

"""What a pruning criterion sees of one group of channels."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Generator, Tensor


@dataclass(frozen=True)
class ChannelStatistics:
    """
    How C channels responded over the labelled pixels of calibration pictures, on one level.

    counts [K] are the pixels of each class, sums [K, C] the sums of the responses over them,
    products [C, C] the sums of products of two channels over all; float64.
    """

    counts: Tensor
    sums: Tensor
    products: Tensor


# group name -> responses on every pyramid level
NetworkStatistics = Mapping[str, tuple[ChannelStatistics, ...]]


@dataclass(frozen=True)
class ChannelGroup:
    """
    The weights of one dependency group of C channels.

    `rows` [C, n] are the weights of each convolution that makes the channels, `columns` [C, m]
    those of each that reads them, `scales` [C] the weights of each norm on the way, one per
    pyramid level. `responses` has one entry per level, none where no data was shown.
    """

    name: str
    rows: tuple[Tensor, ...]
    columns: tuple[Tensor, ...] = ()
    scales: tuple[Tensor, ...] = ()
    responses: tuple[ChannelStatistics, ...] = ()
    generator: Generator = field(default_factory=Generator)
