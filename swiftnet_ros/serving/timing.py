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

"""Percentiles of the stages' times, and rates of events; thread-safe."""

from collections import deque
from dataclasses import dataclass
from threading import Lock
from typing import Deque, Dict, Optional

import numpy as np


@dataclass(frozen=True)
class Percentiles:
    """The 50th, 95th and 99th percentile in milliseconds."""

    p50: float
    p95: float
    p99: float


class StageTimes:
    """The last times of each stage."""

    def __init__(self, window: int = 256) -> None:
        """Keep the last `window` times of every stage."""
        self._window = window
        self._lock = Lock()
        self._seconds: Dict[str, Deque[float]] = {}

    def add(self, stage: str, seconds: float) -> None:
        """Add how long a stage took."""
        with self._lock:
            self._seconds.setdefault(stage, deque(maxlen=self._window)).append(seconds)

    def percentiles(self, stage: str) -> Optional[Percentiles]:
        """Return the percentiles of a stage in milliseconds, None before its first time."""
        with self._lock:
            seconds = list(self._seconds.get(stage, ()))
        if not seconds:
            return None
        return Percentiles(*(1000.0 * np.percentile(seconds, (50, 95, 99))).tolist())


class RateMeter:
    """
    The rate of an event over the last seconds.

    `now` is in seconds of a monotonic clock, such as `time.monotonic`.
    """

    def __init__(self, window_seconds: float = 5.0) -> None:
        """Count events over `window_seconds`."""
        self._window = window_seconds
        self._lock = Lock()
        self._start: Optional[float] = None
        self._ticks: Deque[float] = deque()

    def tick(self, now: float) -> None:
        """Count an event; the first only starts the clock."""
        with self._lock:
            if self._start is None:
                self._start = now
            else:
                self._ticks.append(now)
            self._forget(now)

    def rate(self, now: float) -> float:
        """Return the rate in Hz, 0 before the second event."""
        with self._lock:
            self._forget(now)
            if self._start is None or now <= self._start:
                return 0.0
            return len(self._ticks) / min(self._window, now - self._start)

    def _forget(self, now: float) -> None:
        while self._ticks and self._ticks[0] <= now - self._window:
            self._ticks.popleft()
