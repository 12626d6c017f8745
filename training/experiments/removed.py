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

"""What was pruned from a network: removed channels or masked weights, as JSON files."""

from dataclasses import dataclass, field
from typing import TypeAlias

from swiftnet_ros.system.files import check_json, write_atomic
from torch import nn
from training.pruning.history import load_history, PruningHistory, replay
from training.pruning.masks import apply_masks, load_masks, Masks, save_masks
from training.run.folder import RunPaths


@dataclass(frozen=True)
class RemovedChannels:
    """Channels that are no longer in the network."""

    history: PruningHistory = field(default_factory=PruningHistory)

    def apply(self, network: nn.Module) -> None:
        """Remove the channels, whatever the weights of the network are."""
        replay(network, self.history)

    def reapply(self, network: nn.Module) -> None:
        """Do nothing: the channels do not exist any more."""

    def save(self, paths: RunPaths) -> None:
        """Write the pruning history."""
        write_atomic(paths.history, self.history.to_json(), check=check_json)


@dataclass(frozen=True)
class MaskedWeights:
    """Weights that are zero; `masks` are True for those that are kept, by parameter."""

    masks: Masks

    def apply(self, network: nn.Module) -> None:
        """Set the weights to zero."""
        apply_masks(network, self.masks)

    # The optimizer updates masked weights, so zero them again after each step.
    reapply = apply

    def save(self, paths: RunPaths) -> None:
        """Write the masks."""
        save_masks(self.masks, paths.masks)


# What was pruned from a network.
Removed: TypeAlias = RemovedChannels | MaskedWeights


def load_removed(paths: RunPaths) -> Removed | None:
    """Load what was pruned from the network of a run; None if nothing is stored yet."""
    if paths.masks.exists():
        return MaskedWeights(load_masks(paths.masks))
    return RemovedChannels(load_history(paths.history)) if paths.history.exists() else None
