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
Publish image files as a camera would: a folder, an image, a video, or the demo frames.

python -m swiftnet_ros.image_publisher --ros-args -p source:=/data/images -p rate:=15.0
"""

from contextlib import contextmanager
from dataclasses import dataclass
import sys
from threading import Event
from typing import Iterator, List, Optional

import cv2
from rclpy.executors import Executor
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header
from swiftnet_ros.core.frames import Frame
from swiftnet_ros.core.image_files import open_source
from swiftnet_ros.errors import UnknownNameError
from swiftnet_ros.ros.image_msgs import from_array
from swiftnet_ros.ros.info_msgs import pinhole
from swiftnet_ros.ros.parameters import declare, parameter
from swiftnet_ros.ros.spin import plain_node, run_node

_ENCODINGS = ('bgr8', 'rgb8')


@dataclass(frozen=True)
class PublisherParameters:
    """What the image publisher is told at its start."""

    source: str = parameter('demo', 'a folder of images, an image, a video, or demo')
    rate: float = parameter(10.0, 'frames per second', (0.1, 1000.0))
    loop: bool = parameter(True, 'start again after the last frame, or end the node')
    frame_id: str = parameter('camera', 'frame_id of the headers')
    encoding: str = parameter('bgr8', 'bgr8 or rgb8')
    reliable: bool = parameter(False, 'publish reliably; cameras publish best effort')
    camera_info: bool = parameter(False, 'publish camera_info of an ideal camera beside image')
    horizontal_fov: float = parameter(70.0, 'field of view in camera_info, degrees', (1.0, 179.0))


class ImagePublisher:
    """Publishes the next frame of a source on `image` whenever its timer fires."""

    def __init__(self, node: Node, given: PublisherParameters, finished: Event) -> None:
        """Open the source; `finished` is set after its last frame."""
        if given.encoding not in _ENCODINGS:
            raise UnknownNameError('encoding', given.encoding, _ENCODINGS)
        self._node = node
        self._given = given
        self._finished = finished
        self._frames = open_source(given.source, given.loop, node.get_logger().warning)
        kind = ReliabilityPolicy.RELIABLE if given.reliable else ReliabilityPolicy.BEST_EFFORT
        qos = QoSProfile(depth=1, reliability=kind)
        self._images = node.create_publisher(Image, 'image', qos)
        if given.camera_info:
            self._infos = node.create_publisher(CameraInfo, 'camera_info', qos)
        node.create_timer(1.0 / given.rate, self._publish_next)

    def _publish_next(self) -> None:
        frame = next(self._frames, None)
        if frame is None:
            self._finished.set()
            return
        now = self._node.get_clock().now().to_msg()
        header = Header(stamp=now, frame_id=self._given.frame_id)
        self._images.publish(_to_message(frame, self._given.encoding, header))
        if self._given.camera_info:
            fov = self._given.horizontal_fov
            self._infos.publish(pinhole(frame.width, frame.height, fov, header))


def main(args: Optional[List[str]] = None) -> int:
    """Run the publisher until its source ends or it is asked to end; give the exit code."""
    return run_node(_publishing, args)


@contextmanager
def _publishing(executor: Executor, stop: Event) -> Iterator[None]:
    with plain_node('image_publisher', executor) as node:
        given = declare(node, PublisherParameters)
        ImagePublisher(node, given, stop)
        node.get_logger().info(f'publishing {given.source} at {given.rate:g} Hz')
        yield


def _to_message(frame: Frame, encoding: str, header: Header) -> Image:
    """Write a BGR frame, as files are read, in the encoding that was asked for."""
    if encoding == 'bgr8':
        return from_array(frame.pixels, encoding, header)
    return from_array(cv2.cvtColor(frame.pixels, cv2.COLOR_BGR2RGB), encoding, header)


if __name__ == '__main__':
    sys.exit(main())
