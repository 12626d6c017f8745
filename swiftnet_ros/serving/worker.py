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

"""The thread that opens a model, segments the newest frame of each camera, and closes it."""

from concurrent.futures import Future, ThreadPoolExecutor
from threading import Condition
from typing import Callable, Dict, Generic, List, Optional, Sequence, Tuple, TypeVar

from swiftnet_ros.backends.engine_build import EngineBuild
from swiftnet_ros.serving.model_loader import LoadedModel
from swiftnet_ros.serving.pace import Pace

Item = TypeVar('Item')


class Mailboxes(Generic[Item]):
    """
    One slot for each camera, in which its newest item replaces an older one; thread-safe.

    The camera whose last item was taken longest ago comes first, so that none starves.
    """

    def __init__(self, names: Sequence[str]) -> None:
        """Create an empty slot for each name."""
        self._changed = Condition()
        self._turns = {name: turn for turn, name in enumerate(names)}
        self._items: Dict[str, Item] = {}
        self._is_closed = False

    def put(self, name: str, item: Item) -> bool:
        """Store an item; return whether it replaced one that was not taken."""
        with self._changed:
            is_replaced = name in self._items
            self._items[name] = item
            self._changed.notify()
        return is_replaced

    def take(self, timeout: Optional[float] = None) -> Optional[Tuple[str, Item]]:
        """Wait for an item and its name; return None after `timeout` seconds or once closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_closed or self._items, timeout)
            if self._is_closed or not self._items:
                return None
            name = min(self._items, key=self._turns.__getitem__)
            self._turns[name] = 1 + max(self._turns.values())
            return name, self._items.pop(name)

    def turns(self) -> List[str]:
        """Return all names, that whose turn is next first."""
        with self._changed:
            return sorted(self._turns, key=self._turns.__getitem__)

    def close(self) -> None:
        """Discard all items and wake every waiting thread; nothing can be taken any more."""
        with self._changed:
            self._is_closed = True
            self._items.clear()
            self._changed.notify_all()


class EngineWorker(Generic[Item]):
    """
    One model in one thread: some backends are bound to the thread that opened them.

    Frames may be put from any thread; each camera has one slot for its newest frame.
    """

    def __init__(
        self,
        load: Callable[[], LoadedModel],
        cameras: Sequence[str],
        process: Callable[[str, Item, LoadedModel], bool],
        build: Optional[EngineBuild] = None,
        on_free: Callable[[], None] = lambda: None,
    ) -> None:
        """
        Start to load the model; frames are processed only after `serve`.

        `process` takes the camera, its frame and the model, and returns whether it segmented it.
        `build` is the build of its engine, if there may be one. The thread calls `on_free` if it
        has finished earlier than `due_in` promised.
        """
        self._process = process
        self._build = build
        self._on_free = on_free
        self._pace = Pace()
        self._mailboxes: Mailboxes[Item] = Mailboxes(cameras)
        self._thread = ThreadPoolExecutor(1, 'engine')
        self._closing: Optional[Future[None]] = None
        self.loading: Future[LoadedModel] = self._thread.submit(load)

    @property
    def ends_soon(self) -> bool:
        """Return whether a closed worker ends soon: opening a model cannot be interrupted."""
        is_building = self._build is not None and not self._build.is_over
        return is_building or self.loading.done()

    @property
    def building(self) -> str:
        """Return which engine is being built and how far it is, empty if none is."""
        return self._build.status if self._build is not None else ''

    def put(self, camera: str, frame: Item, seconds: float = 0.0) -> bool:
        """
        Store the newest frame of a camera; return whether it replaced a waiting one.

        `seconds` is how long it took to receive it.
        """
        self._pace.stored(seconds)
        return self._mailboxes.put(camera, frame)

    def due_in(self) -> float:
        """Return in how many seconds the next frame should be put; others would be replaced."""
        return self._pace.due_in()

    def turns(self) -> List[str]:
        """Return the cameras, that whose frame is processed next first."""
        return self._mailboxes.turns()

    def serve(self, on_bug: Callable[[BaseException], None]) -> None:
        """Process frames until closed; `on_bug` gets the error that ended the thread, if any."""

        def ended(serving: 'Future[None]') -> None:
            error = serving.exception()
            if error is not None:
                on_bug(error)

        self._thread.submit(self._serve).add_done_callback(ended)

    def drain(self) -> List[Tuple[str, Item]]:
        """Take all waiting frames with their cameras."""
        return list(iter(lambda: self._mailboxes.take(0.0), None))

    def close(self) -> 'Future[None]':
        """End the thread after its current frame; return a future that is done when it ended."""
        self._mailboxes.close()
        if self._build is not None:
            self._build.cancel()
        if self._closing is None:
            self._closing = self._thread.submit(self._close_model)
            self._thread.shutdown(wait=False)
        return self._closing

    def _serve(self) -> None:
        model = self.loading.result()
        while self._process_next(model):
            pass

    def _process_next(self, model: LoadedModel) -> bool:
        """Process one frame, which is not kept afterwards; return False once closed."""
        taken = self._mailboxes.take()
        if taken is not None:
            self._pace.began()
            if self._pace.ended(self._process(*taken, model)):
                self._on_free()
        return taken is not None

    def _close_model(self) -> None:
        if self.loading.exception() is None:
            self.loading.result().close()
