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

"""The calibration of a camera, listened to only while somebody wants it from this node."""

from typing import Any, Optional

from rclpy.subscription import Subscription
from sensor_msgs.msg import CameraInfo
from swiftnet_ros.topics import camera_qos, Topics


class CameraInfoRelay:
    """Keeps the newest `camera_info` from beside an image topic, if there is one."""

    def __init__(self, topics: Topics, image_topic: str) -> None:
        """Subscribe to nothing yet; `image_topic` is the full name."""
        self._topics = topics
        self._topic = f'{image_topic.rpartition("/")[0]}/camera_info'
        self._subscription: Optional[Subscription] = None
        self._newest: Optional[CameraInfo] = None

    @property
    def newest(self) -> Optional[CameraInfo]:
        """Give the last calibration that came, None before."""
        return self._newest

    def follow(self, is_wanted: bool) -> None:
        """Listen or stop to listen; on the executor's thread."""
        if is_wanted and self._subscription is None:
            self._subscription = self._topics.subscription(
                CameraInfo, self._topic, self._keep, camera_qos()
            )
        elif self._subscription is not None and not is_wanted:
            self._topics.close_subscription(self._subscription)
            self._subscription = self._newest = None

    def _keep(self, message: Any) -> None:
        self._newest = message
