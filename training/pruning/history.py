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

"""What was removed from a network, as data: written, read, and done again to another network."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
import json
from pathlib import Path
from typing import Any

from swiftnet_ros.errors import FileMissingError, InvalidValueError, SwiftnetError
from torch import nn
from training.pruning.dependency_groups import channel_count, IN, OUT, remove_channels
from training.schema.from_yaml import dataclass_from_tree


class HistoryMismatchError(SwiftnetError):
    """A removal history of another network."""

    def __init__(self, layer: str, reason: str) -> None:
        super().__init__(
            f'the removal history does not fit the network: {layer} {reason}; replay it on the '
            'unpruned network that it was made from'
        )


@dataclass(frozen=True)
class Removal:
    """
    Channels that one layer lost at once.

    `side` is `out`, or `in` for a convolution's input channels; `channels` is the width before,
    to which `indices`, ascending, refer.
    """

    layer: str
    side: str
    channels: int
    indices: tuple[int, ...]


@dataclass(frozen=True)
class PruningHistory:
    """All removals in the order in which they were done; `a + b` is a, then b."""

    removals: tuple[Removal, ...] = ()

    def __add__(self, later: 'PruningHistory') -> 'PruningHistory':
        """Concatenate two rounds."""
        return PruningHistory(self.removals + later.removals)

    def to_json(self) -> str:
        """Write all as JSON, one removal a line."""
        lines = ',\n'.join(json.dumps(asdict(removal)) for removal in self.removals)
        return f'{{"removals": [\n{lines}\n]}}\n'

    def removed(self, layer: str) -> int:
        """Count the output channels that a layer lost in all rounds."""
        mine = [r for r in self.removals if (r.layer, r.side) == (layer, OUT)]
        return sum(len(removal.indices) for removal in mine)

    def kept_channels(self) -> dict[str, tuple[int, ...]]:
        """List what is left of each pruned layer's output channels, as first numbered."""
        kept: dict[str, tuple[int, ...]] = {}
        for removal in self.removals:
            if removal.side == OUT:
                before = kept.get(removal.layer, tuple(range(removal.channels)))
                gone = set(removal.indices)
                kept[removal.layer] = tuple(c for i, c in enumerate(before) if i not in gone)
        return kept


def replay(network: nn.Module, history: PruningHistory) -> None:
    """Remove the same channels from another network of the same first shape, in place."""
    layers = dict(network.named_modules())
    for removal in history.removals:
        if removal.layer not in layers:
            raise HistoryMismatchError(removal.layer, 'is not in it')
        layer = layers[removal.layer]
        found = channel_count(layer, removal.side)
        if found != removal.channels:
            count = 'no' if found is None else found
            reason = f'has {count} {removal.side} channels, expected {removal.channels}'
            raise HistoryMismatchError(removal.layer, reason)
        remove_channels(layer, removal.side, removal.indices)


def history_path(checkpoint: Path) -> Path:
    """Name the file of the history beside a pruned checkpoint."""
    return checkpoint.with_suffix('.history.json')


def load_history(path: Path) -> PruningHistory:
    """Read a history; refuse a file that holds none."""
    if not path.is_file():
        raise FileMissingError(path, 'removal history')
    try:
        tree: Any = json.loads(path.read_text())
    except ValueError as error:
        raise InvalidValueError(str(path), 'not JSON', 'a removal history') from error
    if tree == {}:
        raise InvalidValueError(str(path), tree, 'a removal history')
    history = dataclass_from_tree(PruningHistory, tree, f'{path}.')
    _check(path, history.removals)
    return history


def _check(path: Path, removals: Sequence[Removal]) -> None:
    for removal in removals:
        expected = sorted(set(removal.indices) & set(range(removal.channels)))
        if removal.side not in (OUT, IN) or list(removal.indices) != expected:
            wanted = f'{OUT} or {IN} with ascending indices below {removal.channels}'
            raise InvalidValueError(f'{path}: {removal.layer}', removal.side, wanted)
        if len(expected) == removal.channels:
            raise InvalidValueError(f'{path}: {removal.layer}', 'emptied', 'a channel left')
