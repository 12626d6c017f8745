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

"""The pruning history: which channels were removed, as JSON that can be replayed."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from swiftnet_ros.errors import InvalidValueError, SwiftnetError
from swiftnet_ros.system.json_reader import read_json_object
from swiftnet_ros.system.json_text import to_json
from torch import nn
from training.pruning.dependency_groups import channel_count, IN, OUT, remove_channels
from training.schema.from_yaml import dataclass_from_tree

# More output channels than any convolution has.
MAX_CHANNELS = 1 << 16


class HistoryMismatchError(SwiftnetError):
    """A pruning history of another network."""

    def __init__(self, layer: str, reason: str) -> None:
        super().__init__(
            f'the pruning history does not fit the network: {layer} {reason}; replay it on the '
            'unpruned network that it was made from'
        )


@dataclass(frozen=True)
class Removal:
    """
    Channels that one layer lost at once.

    `side` is `out`, or `in` for the input channels of a convolution; `channels` is the width
    before, to which the ascending `indices` refer.
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
        """Append the history of a later round."""
        return PruningHistory(self.removals + later.removals)

    def to_json(self) -> str:
        """Return the history as JSON, one removal per line."""
        lines = ',\n'.join(to_json(asdict(removal)) for removal in self.removals)
        return f'{{"removals": [\n{lines}\n]}}\n'

    def removed(self, layer: str) -> int:
        """Return the number of output channels that a layer lost in all rounds."""
        return sum(
            len(removal.indices)
            for removal in self.removals
            if (removal.layer, removal.side) == (layer, OUT)
        )

    def kept_channels(self) -> dict[str, tuple[int, ...]]:
        """Return the output channels that each pruned layer kept, by their original indices."""
        kept: dict[str, tuple[int, ...]] = {}
        for removal in self.removals:
            if removal.side == OUT:
                before = kept.get(removal.layer, tuple(range(removal.channels)))
                gone = set(removal.indices)
                kept[removal.layer] = tuple(c for i, c in enumerate(before) if i not in gone)
        return kept


def replay(network: nn.Module, history: PruningHistory) -> None:
    """
    Remove the same channels from another network of the same unpruned shape, in place.

    Raise HistoryMismatchError if a layer is missing or has another width.
    """
    layers = dict(network.named_modules())
    for removal in history.removals:
        if removal.layer not in layers:
            raise HistoryMismatchError(removal.layer, 'is missing')
        layer = layers[removal.layer]
        found = channel_count(layer, removal.side)
        if found != removal.channels:
            count = 'no' if found is None else found
            reason = f'has {count} {removal.side} channels, expected {removal.channels}'
            raise HistoryMismatchError(removal.layer, reason)
        remove_channels(layer, removal.side, removal.indices)


def history_path(checkpoint: Path) -> Path:
    """Return the path of the history next to a pruned checkpoint."""
    return checkpoint.with_suffix('.history.json')


def load_history(path: Path) -> PruningHistory:
    """Load a history; raise FileMissingError or InvalidValueError if there is none."""
    tree = read_json_object(path, 'pruning history')
    if tree == {}:
        raise InvalidValueError(str(path), tree, 'a pruning history')
    history = dataclass_from_tree(PruningHistory, tree, f'{path}.')
    _check_removals(path, history.removals)
    return history


def _check_removals(path: Path, removals: Sequence[Removal]) -> None:
    for removal in removals:
        indices = removal.indices
        valid = tuple(sorted({i for i in indices if 0 <= i < removal.channels <= MAX_CHANNELS}))
        if removal.side not in (OUT, IN) or indices != valid:
            expected = f'{OUT} or {IN} with ascending indices below {removal.channels}'
            raise InvalidValueError(f'{path}: {removal.layer}', removal.side, expected)
        if len(valid) == removal.channels:
            raise InvalidValueError(f'{path}: {removal.layer}', 'empty', 'at least one channel')
