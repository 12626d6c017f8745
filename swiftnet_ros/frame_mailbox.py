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

"""A mailbox with one slot between the thread that receives frames and the one that works."""

from threading import Condition
from typing import Generic, Optional, TypeVar

Item = TypeVar('Item')


class Mailbox(Generic[Item]):
    """One slot in which the newest item wins; safe between threads."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._item: Optional[Item] = None
        self._closed = False

    def put(self, item: Item) -> bool:
        """Lay an item in; say whether an older one that nobody took was thrown away."""
        with self._changed:
            replaced = self._item is not None
            self._item = item
            self._changed.notify()
        return replaced

    def take(self, timeout: Optional[float] = None) -> Optional[Item]:
        """Wait for an item and take it out; None after `timeout` seconds or once closed."""
        with self._changed:
            self._changed.wait_for(self._is_ready, timeout)
            item, self._item = self._item, None
            return None if self._closed else item

    def close(self) -> None:
        """Wake whoever waits; from now on nothing is given out any more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _is_ready(self) -> bool:
        return self._closed or self._item is not None
