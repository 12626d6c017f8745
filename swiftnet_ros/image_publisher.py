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

if __name__ == '__main__':
    # Before the imports below, which take seconds: a signal in them ends the process quietly.
    from swiftnet_ros.system.program import run_node_program

    run_node_program('swiftnet_ros.image_publisher')


from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Iterator, List, Optional

import cv2
from rclpy.executors import Executor
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header
from swiftnet_ros.core.frame_sources import open_source
from swiftnet_ros.core.frames import Frame
from swiftnet_ros.errors import UnknownNameError
from swiftnet_ros.ros.guards import try_to_publish
from swiftnet_ros.ros.image_msgs import from_array
from swiftnet_ros.ros.info_msgs import pinhole
from swiftnet_ros.ros.node_help import node_parser, print_help_if_asked
from swiftnet_ros.ros.parameters import declare_parameters, parameter
from swiftnet_ros.ros.spin import plain_node, run_node
from swiftnet_ros.system.command_line import ExampleParser
from swiftnet_ros.system.process import StopFlag
from swiftnet_ros.text import safe_text

_ENCODINGS = ('bgr8', 'rgb8')


@dataclass(frozen=True)
class PublisherParameters:
    """The parameters of the image publisher with their defaults."""

    source: str = parameter('demo', 'a folder of images, an image, a video, or demo')
    rate: float = parameter(10.0, 'frames per second', (0.1, 1000.0))
    loop: bool = parameter(True, 'true: repeat the source; false: end after its last frame')
    frame_id: str = parameter('camera', 'frame_id of the headers')
    encoding: str = parameter('bgr8', 'bgr8 or rgb8')
    reliable: bool = parameter(False, 'publish reliably; false is best effort, as cameras do')
    camera_info: bool = parameter(False, 'publish camera_info of an ideal camera next to image')
    horizontal_fov: float = parameter(
        70.0, 'horizontal field of view in camera_info, in degrees', (1.0, 179.0)
    )


class ImagePublisher:
    """Publishes the frames of a source on `image` at a fixed rate."""

    def __init__(self, node: Node, parameters: PublisherParameters, finished: StopFlag) -> None:
        """Open the source; `finished` is set after its last frame."""
        if parameters.encoding not in _ENCODINGS:
            raise UnknownNameError('encoding', parameters.encoding, _ENCODINGS)
        self._node = node
        self._parameters = parameters
        self._finished = finished
        source = open_source(parameters.source, node.get_logger().warning)
        self._frames = source.play(parameters.loop)
        kind = ReliabilityPolicy.RELIABLE if parameters.reliable else ReliabilityPolicy.BEST_EFFORT
        qos = QoSProfile(depth=1, reliability=kind)
        self._images = node.create_publisher(Image, 'image', qos)
        if parameters.camera_info:
            self._infos = node.create_publisher(CameraInfo, 'camera_info', qos)
        node.create_timer(1.0 / parameters.rate, self._publish_next)

    def _publish_next(self) -> None:
        item = next(self._frames, None)
        if item is None:
            self._finished.set()
            return
        now = self._node.get_clock().now().to_msg()
        header = Header(stamp=now, frame_id=self._parameters.frame_id)
        try_to_publish(
            self._node, self._images.topic_name, partial(self._publish, item.frame, header)
        )

    def _publish(self, frame: Frame, header: Header) -> None:
        self._images.publish(_to_message(frame, self._parameters.encoding, header))
        if self._parameters.camera_info:
            fov = self._parameters.horizontal_fov
            self._infos.publish(pinhole(frame.width, frame.height, fov, header))


def main(args: Optional[List[str]] = None) -> int:
    """Run the publisher until its source or a signal ends it; return the exit code."""
    print_help_if_asked(make_parser(), args)
    return run_node(_publishing, args)


def make_parser() -> ExampleParser:
    """Return the parser that prints the help."""
    return node_parser(__doc__, PublisherParameters)


@contextmanager
def _publishing(executor: Executor, stop: StopFlag) -> Iterator[None]:
    with plain_node('image_publisher', executor) as node:
        parameters = declare_parameters(node, PublisherParameters)
        ImagePublisher(node, parameters, stop)
        node.get_logger().info(
            f'publishing {safe_text(parameters.source)} at {parameters.rate:g} Hz'
        )
        yield


def _to_message(frame: Frame, encoding: str, header: Header) -> Image:
    """Return the message of a BGR frame, as image files are read, in the given encoding."""
    if encoding == 'bgr8':
        return from_array(frame.pixels, encoding, header)
    return from_array(cv2.cvtColor(frame.pixels, cv2.COLOR_BGR2RGB), encoding, header)
