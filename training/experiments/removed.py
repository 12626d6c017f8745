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


"""What was removed: channels by a history, or single weights by masks; both are JSON files."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from swiftnet_ros.system.files import write_atomic
from torch import nn
from training.pruning.history import load_history, PruningHistory, replay
from training.pruning.masks import apply_masks, load_masks, Masks, save_masks
from training.run.folder import RunPaths


class Removed(Protocol):
    """What is gone from a network."""

    def apply(self, network: nn.Module) -> None:
        """Remove it from a network of the shape of before, in place."""

    def hold(self, network: nn.Module) -> None:
        """Set to zero again what is gone but still has its place in the network."""


@dataclass(frozen=True)
class RemovedChannels:
    """RemovedChannels that are really gone."""

    history: PruningHistory = field(default_factory=PruningHistory)

    def apply(self, network: nn.Module) -> None:
        """Remove them, whatever the network's weights are."""
        replay(network, self.history)

    def hold(self, network: nn.Module) -> None:
        """Do nothing: they have no place any more."""


@dataclass(frozen=True)
class RemovedWeights:
    """Weights that are zero; `masks` are True for what is kept, by parameter."""

    masks: Masks

    def apply(self, network: nn.Module) -> None:
        """Set them to zero."""
        apply_masks(network, self.masks)

    def hold(self, network: nn.Module) -> None:
        """Set them to zero again, as after a step of the optimizer."""
        apply_masks(network, self.masks)


def save_removed(removed: Removed, path: Path) -> None:
    """Write a history or masks; the file is whole or not there."""
    if isinstance(removed, RemovedChannels):
        write_atomic(path, removed.history.to_json())
    elif isinstance(removed, RemovedWeights):
        save_masks(removed.masks, path)


def load_removed(paths: RunPaths) -> Removed | None:
    """Read what is gone from a run's network; None where nothing was written yet."""
    if paths.masks.exists():
        return RemovedWeights(load_masks(paths.masks))
    return RemovedChannels(load_history(paths.history)) if paths.history.exists() else None
