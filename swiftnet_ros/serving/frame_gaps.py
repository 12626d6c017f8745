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

"""How many frames of a topic newer ones replaced in the middleware, before they were taken."""

from collections import deque
from statistics import median
from typing import Any, Callable, Deque, Mapping, Optional

# As rclpy names what it knows about a message; the number only from Iron on.
_NUMBER = 'publication_sequence_number'
_TIME = 'source_timestamp'
# The interval of frames without numbers is measured again after so many of them.
_MEASURE_EVERY = 20
_INTERVALS = 5


class FrameGaps:
    """
    Counts the frames of one topic that were replaced while it was held back.

    They are counted where the middleware numbers the messages and one publisher sends them;
    otherwise estimated from the times of publication and the interval of successive frames.
    """

    def __init__(self, count_publishers: Callable[[], int]) -> None:
        """Know no frame yet."""
        self._count_publishers = count_publishers
        self._number: Optional[int] = None
        self._time_ns = 0
        self._intervals: Deque[float] = deque(maxlen=_INTERVALS)
        self._since_measured = _MEASURE_EVERY
        self._held_since: Optional[float] = None

    @property
    def needs_next(self) -> bool:
        """Return whether the next frame must not be held back, to measure the interval."""
        return self._number is None and self._since_measured >= _MEASURE_EVERY

    def hold(self, now: float) -> None:
        """Note that frames are left in the middleware from now on, in seconds."""
        if self._held_since is None:
            self._held_since = now

    def found_none(self) -> None:
        """Note that the middleware has no frame, so that none has been replaced."""
        self._held_since = None

    def count(self, info: Mapping[str, Any], now: float) -> int:
        """Return how many frames were replaced before the one of this information."""
        number, time_ns = info.get(_NUMBER), int(info[_TIME])
        before, self._number = self._number, number
        elapsed, self._time_ns = (time_ns - (self._time_ns or time_ns)) / 1e9, time_ns
        held_since, self._held_since = self._held_since, None
        self._since_measured += 1
        if held_since is None:
            # A gap in the numbers is a loss on the way.
            if elapsed > 0:
                self._intervals.append(elapsed)
                self._since_measured = 0
            return 0
        if number is not None and before is not None:
            missed = max(0, int(number) - before - 1)
            if not missed or self._count_publishers() == 1:
                return missed
            # Each of several publishers has its own numbers.
            self._number = None
        return self._estimate(elapsed, now - held_since)

    def _estimate(self, elapsed: float, held: float) -> int:
        """Return how many were replaced in the seconds since the last frame, while held back."""
        if not self._intervals:
            return 0
        interval = median(self._intervals)
        return max(0, min(round(elapsed / interval) - 1, int(held / interval)))
