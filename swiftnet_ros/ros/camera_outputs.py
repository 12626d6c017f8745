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

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Callable, Dict, FrozenSet, Optional

import cv2
import numpy as np
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.subscription import Subscription
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header
from swiftnet_ros.core import labels
from swiftnet_ros.core.frames import Frame, to_rgb
from swiftnet_ros.errors import InvalidFrameError
from swiftnet_ros.model_spec import ModelSpec
from swiftnet_ros.ros import info_msgs
from swiftnet_ros.ros.compressed_image_msgs import from_labels
from swiftnet_ros.ros.image_msgs import from_array, label_encoding
from swiftnet_ros.ros.info_msgs import scaled
from swiftnet_ros.ros.topics import camera_qos, latched_qos, output_qos, Topics


@dataclass(frozen=True)
class Answer:
    """A frame with its header, what was found in it, and how that is to be shown."""

    header: Any
    frame: Frame
    segmentation: labels.Segmentation
    bgr_palette: labels.Pixels
    opacity: float

    @cached_property
    def colors(self) -> labels.Pixels:
        """Give the colours of the labels, uint8 [H, W, 3], BGR."""
        return labels.colorize(self.segmentation.labels, self.bgr_palette)

    @cached_property
    def overlay(self) -> labels.Pixels:
        """Give the picture, at the labels' size, under the colours; uint8 [H, W, 3], BGR."""
        height, width = self.segmentation.labels.shape
        pixels = _to_bgr(self.frame)
        if pixels.shape[:2] != (height, width):
            pixels = np.asarray(cv2.resize(pixels, (width, height)), np.uint8)
        return labels.overlay(pixels, self.colors, self.opacity)


def _to_bgr(frame: Frame) -> labels.Pixels:
    if frame.channel_order == 'bgr':
        return frame.pixels
    return np.asarray(cv2.cvtColor(to_rgb(frame), cv2.COLOR_RGB2BGR), np.uint8)


def _label_image(answer: Answer) -> Image:
    found = answer.segmentation.labels
    return from_array(found, label_encoding(found), answer.header)


def _label_png(answer: Answer) -> CompressedImage:
    return from_labels(answer.segmentation.labels, answer.header)


def _color(answer: Answer) -> Image:
    return from_array(answer.colors, 'bgr8', answer.header)


def _overlay(answer: Answer) -> Image:
    return from_array(answer.overlay, 'bgr8', answer.header)


def _confidence(answer: Answer) -> Image:
    confidence = answer.segmentation.confidence
    assert confidence is not None, 'it is asked for before the frame is segmented'
    return from_array(confidence, 'mono8', answer.header)


PICTURES: Dict[str, Callable[[Answer], Any]] = {
    'label_image': _label_image,
    'confidence': _confidence,
    'label_image/compressed': _label_png,
    'color': _color,
    'overlay': _overlay,
}
"""Outputs of one frame by name; the one that robots drive by is published first."""


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
        if not info_msgs.AVAILABLE:
            return
        header = Header(stamp=self._node.get_clock().now().to_msg())
        message = info_msgs.label_info(spec, header)
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
