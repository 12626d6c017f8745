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

"""The thread that opens an engine, answers the cameras' newest frames with it, and closes it."""

from concurrent.futures import Future, ThreadPoolExecutor
from threading import Condition
from typing import Callable, Dict, Generic, List, Optional, Sequence, Tuple, TypeVar

from swiftnet_ros.serving.engine_build import EngineBuild
from swiftnet_ros.serving.model_loader import LoadedModel

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


Frame = TypeVar('Frame')


class EngineWorker(Generic[Frame]):
    """
    One engine, one thread: some engines are bound to the thread that opened them.

    Frames are laid in from any thread; each camera has one slot in which the newest wins.
    """

    def __init__(
        self,
        load: Callable[[], LoadedModel],
        cameras: Sequence[str],
        answer: Callable[[str, Frame, LoadedModel], None],
        build: Optional[EngineBuild] = None,
    ) -> None:
        """
        Begin to load the model; frames are answered only after `serve`.

        `build` is that of the model's engine, if there may be one.
        """
        self._answer = answer
        self._build = build
        self._mailboxes: Mailboxes[Frame] = Mailboxes(cameras)
        self._thread = ThreadPoolExecutor(1, 'engine')
        self._closing: Optional[Future[None]] = None
        self.loading: Future[LoadedModel] = self._thread.submit(load)

    @property
    def ends_soon(self) -> bool:
        """Tell whether a worker that is closed ends soon: what an engine opens takes its time."""
        is_building = self._build is not None and not self._build.is_over
        return is_building or self.loading.done()

    @property
    def building(self) -> str:
        """Say what engine is being built, empty if none is."""
        return self._build.status if self._build is not None else ''

    def put(self, camera: str, frame: Frame) -> bool:
        """Lay a frame in; say whether an older one that nobody took was thrown away."""
        return self._mailboxes.put(camera, frame)

    def serve(self, on_bug: Callable[[BaseException], None]) -> None:
        """Answer frames until closed; a worker that dies of a bug says so."""

        def ended(serving: 'Future[None]') -> None:
            error = serving.exception()
            if error is not None:
                on_bug(error)

        self._thread.submit(self._serve).add_done_callback(ended)

    def drain(self) -> List[Tuple[str, Frame]]:
        """Take out, by camera, the frames that wait."""
        return list(iter(lambda: self._mailboxes.take(0.0), None))

    def close(self) -> 'Future[None]':
        """End the thread after what it has in hand; give what is done when it has ended."""
        self._mailboxes.close()
        if self._build is not None:
            self._build.cancel()
        if self._closing is None:
            self._closing = self._thread.submit(self._close_engine)
            self._thread.shutdown(wait=False)
        return self._closing

    def _serve(self) -> None:
        model = self.loading.result()
        while self._answer_next(model):
            pass

    def _answer_next(self, model: LoadedModel) -> bool:
        """Answer one frame, which is not held on to afterwards; False once closed."""
        taken = self._mailboxes.take()
        if taken is not None:
            self._answer(*taken, model)
        return taken is not None

    def _close_engine(self) -> None:
        if self.loading.exception() is None:
            self.loading.result().engine.close()
