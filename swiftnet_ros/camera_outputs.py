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

"""The outputs of one camera: each is made and published only while someone listens to it."""

from typing import Any, FrozenSet, Optional

from rclpy.node import Node
from rclpy.publisher import Publisher
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header
from swiftnet_ros import label_info
from swiftnet_ros.answer import Answer, PICTURES
from swiftnet_ros.camera_info import scaled
from swiftnet_ros.errors import InvalidFrameError
from swiftnet_ros.model_spec import ModelSpec
from swiftnet_ros.topics import latched_qos, output_qos, Topics

CAMERA_INFO = 'camera_info'
LABEL_INFO = 'label_info'
_WARNING_PERIOD = 5.0


class CameraOutputs:
    """The publishers of one camera below `~/` or `~/NAME/`."""

    def __init__(self, node: Node, topics: Topics, prefix: str) -> None:
        """Open every publisher; nothing is computed before someone listens."""
        self._node = node
        self._topics = topics
        self._prefix = prefix
        self._publishers = {
            name: topics.publisher(_kind(name), prefix + name, output_qos())
            for name in (*PICTURES, CAMERA_INFO)
        }
        self._label_info: Optional[Publisher] = None

    def announce(self, spec: ModelSpec) -> None:
        """
        Publish the class table, which stays for late subscribers; before the first mask.

        Only where vision_msgs is installed; on the executor's thread.
        """
        if not label_info.AVAILABLE:
            return
        header = Header(stamp=self._node.get_clock().now().to_msg())
        message = label_info.label_info(spec, header)
        if self._label_info is None:
            name = self._prefix + LABEL_INFO
            self._label_info = self._topics.publisher(type(message), name, latched_qos())
        self._label_info.publish(message)

    def wanted(self) -> FrozenSet[str]:
        """Name the outputs that someone listens to now."""
        return frozenset(
            name
            for name, publisher in self._publishers.items()
            if publisher.get_subscription_count()
        )

    def listeners(self) -> int:
        """Count the subscribers of all outputs."""
        return sum(item.get_subscription_count() for item in self._publishers.values())

    def publish(
        self, wanted: FrozenSet[str], answer: Answer, camera_info: Optional[CameraInfo]
    ) -> None:
        """Publish the wanted outputs of one frame, all with its header."""
        for name, make in PICTURES.items():
            if name in wanted:
                self._publishers[name].publish(make(answer))
        if CAMERA_INFO in wanted and camera_info is not None:
            self._publish_info(answer, camera_info)

    def _publish_info(self, answer: Answer, camera_info: CameraInfo) -> None:
        """Publish the calibration that fits the label image."""
        camera_info.header = answer.header
        height, width = answer.segmentation.labels.shape
        try:
            if (height, width) != (answer.frame.height, answer.frame.width):
                camera_info = scaled(camera_info, width, height)
        except InvalidFrameError as error:
            self._node.get_logger().warning(
                f'no camera_info is published: {error}', throttle_duration_sec=_WARNING_PERIOD
            )
            return
        self._publishers[CAMERA_INFO].publish(camera_info)


def _kind(name: str) -> Any:
    if name == CAMERA_INFO:
        return CameraInfo
    return CompressedImage if name.endswith('/compressed') else Image
