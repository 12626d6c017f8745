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

"""When a worker needs its next frame, from how long its last frames took; thread-safe."""

from collections import deque
from statistics import median
from threading import Lock
from time import perf_counter
from typing import Callable, Deque, Optional

# Frames whose durations are kept.
_WINDOW = 9
# What else passes until a frame is stored, in seconds: waking up, building the wait set.
_OVERHEAD = 0.002
# A camera is looked at once in so many seconds even if a frame takes longer.
_LONGEST_WAIT = 1.0


class Pace:
    """
    The next frame is due when it can be stored just before the worker has finished its last one.

    One that is taken earlier would be old when it is processed, or replaced; each costs as much
    as it is large. All is due until the first frame is done. One thread calls `began` and
    `ended`, another one the rest.
    """

    def __init__(self, now: Callable[[], float] = perf_counter) -> None:
        """Know no durations yet; `now` returns seconds."""
        self._now = now
        self._lock = Lock()
        self._processing: Deque[float] = deque(maxlen=_WINDOW)
        self._taking: Deque[float] = deque(maxlen=_WINDOW)
        self._busy_since: Optional[float] = None
        self._is_waiting = False
        self._last_stored = 0.0
        self._is_held = False

    def stored(self, seconds: float) -> None:
        """Note that a frame, which it took some seconds to receive, waits for the worker."""
        with self._lock:
            self._taking.append(seconds)
            self._last_stored = self._now()
            self._is_waiting = True

    def began(self) -> None:
        """Note that the worker has taken a frame."""
        with self._lock:
            self._busy_since = self._now()
            self._is_waiting = False

    def ended(self, is_typical: bool) -> bool:
        """
        Note that the frame is done; return whether someone waits although the worker is free.

        The time of a frame that was dropped is not typical.
        """
        with self._lock:
            if is_typical and self._busy_since is not None:
                self._processing.append(self._now() - self._busy_since)
            self._busy_since = None
            return self._is_held and not self._is_waiting

    def due_in(self) -> float:
        """Return in how many seconds the next frame is to be taken, 0 if it is now."""
        with self._lock:
            seconds = max(0.0, self._due() - self._now())
            self._is_held = seconds > 0
            return seconds

    def _due(self) -> float:
        if not self._processing or (self._busy_since is None and not self._is_waiting):
            return 0.0
        # Less than most frames take: a worker without a frame loses more than a frame that waits.
        duration = sorted(self._processing)[len(self._processing) // 4]
        began = self._busy_since
        if began is None:
            # The worker is about to begin the frame that waits.
            began = self._last_stored
        lead = median(self._taking) + _OVERHEAD if self._taking else 0.0
        due = began + max(0.0, duration - lead)
        if self._last_stored > due:
            # That of the frame after next, or a newer one if the worker is late.
            due = self._last_stored + duration
        return min(due, max(began, self._last_stored) + _LONGEST_WAIT)
