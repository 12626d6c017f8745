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

"""What is counted and measured of one camera's stream, for log and diagnostics."""

from collections import Counter
from dataclasses import dataclass, field
from time import monotonic
from typing import Dict, Optional

from swiftnet_ros.serving.health import CameraSnapshot
from swiftnet_ros.serving.timing import RateMeter, StageTimes

STAGES = ('receive', 'prepare', 'engine', 'labels', 'publish')
NEWER, BAD, OLD, RATE, UNHEARD, INACTIVE = (
    'newer',
    'bad',
    'old',
    'rate limit',
    'no listener',
    'inactive',
)
REASONS = (NEWER, BAD, OLD, RATE, UNHEARD, INACTIVE)


@dataclass
class CameraRecords:
    """
    Frames since the camera was configured: each is published, dropped for a reason, or in work.

    Two threads write: the one that receives counts `received` and drops for a newer frame, the
    one that works all the rest.
    """

    received: int = 0
    published: int = 0
    drops: Dict[str, int] = field(default_factory=lambda: dict.fromkeys(REASONS, 0))
    age: Optional[float] = None
    stages: StageTimes = field(default_factory=StageTimes)
    rate_in: RateMeter = field(default_factory=RateMeter)
    rate_out: RateMeter = field(default_factory=RateMeter)
    # When the last frame came, or when the camera began to listen.
    heard: Optional[float] = None
    _told: Dict[str, int] = field(default_factory=dict)

    def count_received(self) -> None:
        """Count a frame that came."""
        now = monotonic()
        self.received += 1
        self.heard = now
        self.rate_in.tick(now)

    def count_published(self, age: float) -> None:
        """Count a frame that was answered when it was `age` seconds old."""
        self.published += 1
        self.age = age
        self.rate_out.tick(monotonic())

    def waiting(self) -> Optional[float]:
        """Give the seconds since the last frame, None while nothing is listened to."""
        return None if self.heard is None else monotonic() - self.heard

    def snapshot(self, topic: str, qos_mismatch: str, listeners: int) -> CameraSnapshot:
        """Sum up for diagnostics; recent drops are those since the call before."""
        now, drops = monotonic(), dict(self.drops)
        recent = Counter(drops)
        recent.subtract(self._told)
        self._told = drops
        measured = {stage: self.stages.percentiles(stage) for stage in STAGES}
        return CameraSnapshot(
            topic=topic,
            rate_in=self.rate_in.rate(now),
            rate_out=self.rate_out.rate(now),
            received=self.received,
            published=self.published,
            drops=drops,
            recent_drops=recent,
            age=self.age,
            waiting=self.waiting(),
            stages={stage: times for stage, times in measured.items() if times is not None},
            qos_mismatch=qos_mismatch,
            listeners=listeners,
        )

    def __str__(self) -> str:
        """Sum the stream up for the log."""
        drops = ', '.join(f'{count} {why}' for why, count in self.drops.items() if count)
        return (
            f'received {self.received}, published {self.published}, dropped '
            f'{sum(self.drops.values())}' + (f' ({drops})' if drops else '')
        )
