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
Takes the frames of all cameras from the middleware: only those that will be segmented.

While the engine is busy, a subscription of depth 1 keeps its newest frame, which costs nothing
until it is taken.
"""

from dataclasses import dataclass
from time import perf_counter
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from rclpy.callback_groups import MutuallyExclusiveCallbackGroup, ReentrantCallbackGroup
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.qos import HistoryPolicy
from rclpy.subscription import Subscription
from rclpy.timer import Timer
from rclpy.waitable import NumberOfEntities, Waitable
from swiftnet_ros.ros.guards import message_or_none
from swiftnet_ros.serving.frame_gaps import FrameGaps

# Frames that may wait in a subscription whose QoS the user has set to keep all.
_LONGEST_QUEUE = 100
# Of the time to wait, in seconds; it is not worth to wait for less.
_PRECISION = 0.0005


@dataclass(frozen=True)
class TakenFrame:
    """
    A camera's message, and how long it took to take it, in seconds.

    `replaced` older ones were received but are lost; some of them only in the middleware.
    """

    message: Any
    seconds: float
    replaced: int


Receive = Callable[[TakenFrame], None]


@dataclass(frozen=True)
class _Source:
    subscription: Subscription
    receive: Receive
    gaps: FrameGaps

    @property
    def queue(self) -> int:
        """Return how many frames can wait in the subscription."""
        qos = self.subscription.qos_profile
        return qos.depth if qos.history == HistoryPolicy.KEEP_LAST else _LONGEST_QUEUE


class _LeftToIntake(ReentrantCallbackGroup):
    """
    The callback group of subscriptions from which the executor takes only QoS events.

    Not even these while frames are held back, whose presence would end each wait at once.
    """

    is_held = False

    def can_execute(self, entity: Any) -> bool:
        """Return whether the executor may wait for a part of the node."""
        return not (self.is_held or isinstance(entity, Subscription))


class Intake(Waitable):
    """
    Waits for the cameras in place of the executor, and takes one frame when one is due.

    Use it on the executor's thread; any thread may `wake` it.
    """

    def __init__(
        self, node: Node, due_in: Callable[[], float], turns: Callable[[], Sequence[str]]
    ) -> None:
        """
        Start without cameras.

        `due_in` returns in how many seconds the next frame is due, `turns` the names of the
        cameras, that which is to be preferred first.
        """
        group = MutuallyExclusiveCallbackGroup()
        set_up: Any = super().__init__
        set_up(group)
        self.group = _LeftToIntake()
        self._node = node
        self._due_in = due_in
        self._turns = turns
        self._sources: Dict[str, _Source] = {}
        self._watched: List[_Source] = []
        self._clock = Clock(clock_type=ClockType.STEADY_TIME)
        # Wakes the executor when a frame is due; None if one is due now.
        self._alarm: Optional[Timer] = None
        self._alarm_at = 0.0
        node.add_waitable(self)

    def add(self, name: str, subscription: Subscription, receive: Receive) -> None:
        """Take frames of a camera from a subscription in `group`."""
        topic = subscription.topic_name
        gaps = FrameGaps(lambda: self._node.count_publishers(topic))
        self._sources[name] = _Source(subscription, receive, gaps)
        self.wake()

    def remove(self, name: str) -> None:
        """Take no more frames of a camera, whose subscription is still open."""
        self._sources.pop(name, None)
        self._watched = []

    def close(self) -> None:
        """Stop to wait for cameras."""
        self._node.remove_waitable(self)
        self._sources.clear()
        self._watched = []
        self._set_alarm(0.0)

    def wake(self) -> None:
        """Let the executor see what is due now."""
        executor = self._node.executor
        if executor is not None:
            executor.wake()

    def get_num_entities(self) -> NumberOfEntities:
        """Decide what the executor waits for next: for frames, or until one is due."""
        self._set_alarm(self._due_in() if self._sources else 0.0)
        self.group.is_held = self._alarm is not None
        sources = list(self._sources.values())
        self._watched = [
            source for source in sources if not self.group.is_held or source.gaps.needs_next
        ]
        if self.group.is_held:
            now = perf_counter()
            for source in sources:
                if not source.gaps.needs_next:
                    source.gaps.hold(now)
        num_timers = 0 if self._alarm is None else 1
        return NumberOfEntities(num_subs=len(self._watched), num_timers=num_timers)

    def add_to_wait_set(self, wait_set: Any) -> None:
        """Wait for what was decided."""
        for source in self._watched:
            wait_set.add_subscription(source.subscription.handle)
        if self._alarm is not None:
            wait_set.add_timer(self._alarm.handle)

    def is_ready(self, wait_set: Any) -> bool:
        """Return whether a camera has a frame that is due."""
        ready = set(wait_set.get_ready_entities('subscription'))
        is_ready = False
        for source in self._watched:
            if source.subscription.handle.pointer in ready:
                is_ready = True
            else:
                source.gaps.found_none()
        return is_ready

    def take_data(self) -> Optional[Tuple[Receive, TakenFrame]]:
        """Take one frame, of the camera whose turn is next among those that have one."""
        for name in self._turns():
            source = self._sources.get(name)
            taken = _take(source) if source in self._watched and source is not None else None
            if source is not None and taken is not None:
                return source.receive, taken
        return None

    async def execute(self, taken_data: Optional[Tuple[Receive, TakenFrame]]) -> None:
        """Hand the frame over."""
        if taken_data is not None:
            receive, frame = taken_data
            receive(frame)

    def _set_alarm(self, seconds: float) -> None:
        """Let the executor wake up in so many seconds, unless that is now."""
        now = perf_counter()
        is_set = self._alarm is not None and abs(now + seconds - self._alarm_at) < _PRECISION
        if is_set and seconds > _PRECISION:
            return
        if self._alarm is not None:
            self._alarm.destroy()
            self._alarm = None
        if seconds > _PRECISION:
            # Resetting a timer would wake the executor at once.
            group, context = self.callback_group, self._node.context
            period = int(seconds * 1e9)
            self._alarm = Timer(lambda: None, group, period, self._clock, context=context)
            self._alarm_at = now + seconds


def _take(source: _Source) -> Optional[TakenFrame]:
    """Return the newest frame of a source, None if it has none."""
    start, newest, replaced = perf_counter(), None, -1
    for _ in range(source.queue):
        taken = message_or_none(source.subscription)
        if taken is None:
            break
        newest, info = taken
        replaced += 1 + source.gaps.count(info, start)
    if newest is None:
        return None
    return TakenFrame(newest, perf_counter() - start, replaced)
