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

"""Counters, rates and latencies of one camera, for the log and the diagnostics."""

from collections import Counter
from dataclasses import dataclass, field
from time import monotonic
from typing import Dict, Optional

from swiftnet_ros.serving.health import CameraSnapshot
from swiftnet_ros.serving.timing import RateMeter, StageTimes

STAGES = ('receive', 'prepare', 'engine', 'labels', 'publish')
# Reasons to drop a frame, as the diagnostics name them.
NEWER = 'newer'
BAD = 'bad'
OLD = 'old'
RATE_LIMIT = 'rate limit'
NO_SUBSCRIBER = 'no listener'
INACTIVE = 'inactive'
FAILED = 'failed'
DROP_REASONS = (NEWER, BAD, OLD, RATE_LIMIT, NO_SUBSCRIBER, INACTIVE, FAILED)


@dataclass
class CameraStats:
    """
    Frames since the camera was configured: published, dropped for a reason, or in process.

    Two threads write: the executor's counts `received` and drops for a newer frame, the worker's
    all the rest. `age` is that of the last frame when it was published, in seconds, and
    `last_reception` the time of the last frame or of the subscription, None while unsubscribed.
    `explanations` has why the last frame of each reason was dropped, where more is known.
    `busy_since` is when the frame in process came, or the one before it was done.
    """

    received: int = 0
    published: int = 0
    drops: Dict[str, int] = field(default_factory=lambda: dict.fromkeys(DROP_REASONS, 0))
    age: Optional[float] = None
    stages: StageTimes = field(default_factory=StageTimes)
    rate_in: RateMeter = field(default_factory=RateMeter)
    rate_out: RateMeter = field(default_factory=RateMeter)
    last_reception: Optional[float] = None
    explanations: Dict[str, str] = field(default_factory=dict)
    busy_since: float = 0.0
    _reported_drops: Dict[str, int] = field(default_factory=dict)

    def count_received(self, replaced: int = 0) -> None:
        """Count a frame that was received, and those that it replaced before it was taken."""
        now = monotonic()
        if not self._is_busy():
            self.busy_since = now
        self.drops[NEWER] += replaced
        self.received += 1 + replaced
        self.last_reception = now
        for _ in range(1 + replaced):
            self.rate_in.tick(now)

    def count_published(self, age: float) -> None:
        """Count a frame whose result was published when it was `age` seconds old."""
        self.published += 1
        self.age = age
        self.busy_since = monotonic()
        self.rate_out.tick(self.busy_since)

    def count_dropped(self, reason: str, why: str = '') -> None:
        """Count a frame that was dropped for one of DROP_REASONS; `why` explains it."""
        self.drops[reason] += 1
        if reason != NEWER:
            self.busy_since = monotonic()
        if why:
            self.explanations[reason] = why

    def stalled(self) -> Optional[float]:
        """Return for how many seconds a frame has been in process, None if none is."""
        return monotonic() - self.busy_since if self._is_busy() else None

    def waiting(self) -> Optional[float]:
        """Return the seconds since the last frame, None while unsubscribed."""
        return None if self.last_reception is None else monotonic() - self.last_reception

    def snapshot(
        self,
        topic: str,
        qos_mismatch: str,
        listeners: int,
        silence: str = '',
        no_calibration: str = '',
    ) -> CameraSnapshot:
        """Return the state for diagnostics; recent drops are those since the last call."""
        now, drops = monotonic(), dict(self.drops)
        recent = Counter(drops)
        recent.subtract(self._reported_drops)
        self._reported_drops = drops
        measured = {stage: self.stages.percentiles(stage) for stage in STAGES}
        return CameraSnapshot(
            topic=topic,
            rate_in=self.rate_in.rate(now),
            rate_out=self.rate_out.rate(now),
            received=self.received,
            published=self.published,
            drops=drops,
            recent_drops=recent,
            explanations=dict(self.explanations),
            age=self.age,
            waiting=self.waiting(),
            stalled=self.stalled(),
            stages={stage: times for stage, times in measured.items() if times is not None},
            qos_mismatch=qos_mismatch,
            listeners=listeners,
            silence=silence,
            no_calibration=no_calibration,
        )

    def _is_busy(self) -> bool:
        return self.received > self.published + sum(self.drops.values())

    def __str__(self) -> str:
        """Return one line for the log."""
        drops = ', '.join(f'{count} {reason}' for reason, count in self.drops.items() if count)
        return (
            f'received {self.received}, published {self.published}, dropped '
            f'{sum(self.drops.values())}' + (f' ({drops})' if drops else '')
        )
