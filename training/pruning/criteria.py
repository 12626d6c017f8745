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
Pruning criteria, chosen by name: how important is each output channel of a convolution.

A criterion is a pure function of weights [O, I, k, k] that gives importance [O], float, of at
least 0; the least important channels are removed first. A new one is a function here, or in a
file beside this one, and one line in CRITERIA.
"""

from collections.abc import Callable

from torch import Tensor

Criterion = Callable[[Tensor], Tensor]


def l1(weight: Tensor) -> Tensor:
    """Give the L1 norm of each output channel's weights (Li et al., ICLR 2017)."""
    return weight.detach().abs().flatten(1).sum(1)


CRITERIA: dict[str, Criterion] = {'l1': l1}
