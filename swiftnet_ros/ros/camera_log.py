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

"""Warnings about one camera, each kind at most once in some seconds."""

from time import monotonic
from typing import Any, Dict, Optional


class CameraLog:
    """
    Logs warnings about one camera; use it from any thread.

    Each kind is throttled by itself: what rclpy throttles by the line of code, one camera, or one
    fault, could keep from the log for another.
    """

    def __init__(self, logger: Any, period: float) -> None:
        """Log nothing yet; a kind is logged once in `period` seconds."""
        self._period = period
        self._logger = logger
        self._next: Dict[str, float] = {}

    def warn(self, kind: str, text: str, period: Optional[float] = None) -> None:
        """Log a warning, unless one of this kind was logged in this, or its own, `period`."""
        now = monotonic()
        if now >= self._next.get(kind, 0.0):
            self._next[kind] = now + (self._period if period is None else period)
            self._logger.warning(text)
