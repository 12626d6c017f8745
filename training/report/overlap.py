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


"""How far two arms keep the same: channels of layers that both pruned, or single weights."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from training.pruning.masks import load_masks
from training.report.runs import Run

# layer -> kept channels, or True for every kept weight, flat
Kept = Mapping[str, npt.NDArray[np.bool_]]


def kept_of(run: Run) -> Kept:
    """Give what a run kept of the dense network; nothing for one that pruned nothing."""
    if run.paths.masks.exists():
        masks = load_masks(run.paths.masks)
        return {name: mask.numpy().flatten() for name, mask in masks.items()}
    return {layer: _flags(ids) for layer, ids in run.kept_channels().items()}


def overlap(one: Kept, other: Kept) -> float | None:
    """Give common over all that either keeps, in what both pruned; None where that is nothing."""
    shared = sorted(set(one) & set(other))
    if not shared:
        return None
    common = either = 0
    for layer in shared:
        first, second = _equally_long(one[layer], other[layer])
        common += int((first & second).sum())
        either += int((first | second).sum())
    return common / either


def _flags(ids: Sequence[int]) -> npt.NDArray[np.bool_]:
    flags = np.zeros(max(ids) + 1, bool)
    flags[list(ids)] = True
    return flags


def _equally_long(
    first: npt.NDArray[np.bool_], second: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Fill up with what neither of the two keeps."""
    length = max(len(first), len(second))
    return np.pad(first, (0, length - len(first))), np.pad(second, (0, length - len(second)))
