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

"""Mailboxes of one slot between the thread that receives frames and the one that works."""

from threading import Condition
from typing import Dict, Generic, Optional, Sequence, Tuple, TypeVar

Item = TypeVar('Item')


class Mailboxes(Generic[Item]):
    """
    One slot for each camera, in which its newest item wins; safe between threads.

    Who was served longest ago comes first, so that no camera starves.
    """

    def __init__(self, names: Sequence[str]) -> None:
        """Open an empty slot for each name."""
        self._changed = Condition()
        self._turns = {name: turn for turn, name in enumerate(names)}
        self._items: Dict[str, Item] = {}
        self._closed = False

    def put(self, name: str, item: Item) -> bool:
        """Lay an item in; say whether an older one that nobody took was thrown away."""
        with self._changed:
            replaced = name in self._items
            self._items[name] = item
            self._changed.notify()
        return replaced

    def take(self, timeout: Optional[float] = None) -> Optional[Tuple[str, Item]]:
        """Wait for an item, with its name; None after `timeout` seconds or once closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._items, timeout)
            if self._closed or not self._items:
                return None
            name = min(self._items, key=self._turns.__getitem__)
            self._turns[name] = 1 + max(self._turns.values())
            return name, self._items.pop(name)

    def clear(self) -> None:
        """Throw away what lies in the slots."""
        with self._changed:
            self._items.clear()

    def close(self) -> None:
        """Wake whoever waits; from now on nothing is given out any more."""
        with self._changed:
            self._closed = True
            self._items.clear()
            self._changed.notify_all()
