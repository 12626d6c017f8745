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

"""One camera: its subscription, its one-slot mailbox, its publishers and its counters."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image
from swiftnet_ros import labels
from swiftnet_ros.errors import SwiftnetError
from swiftnet_ros.frame_mailbox import Mailbox
from swiftnet_ros.frames import Frame, to_rgb
from swiftnet_ros.image_msgs import from_array, label_encoding, to_frame
from swiftnet_ros.model_spec import ModelSpec
from swiftnet_ros.segmenter import Segmenter

CAMERA_QOS = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
OUTPUT_QOS = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE)
_WARNING_PERIOD = 5.0


@dataclass
class Counters:
    """Frames since the start: each is published, or dropped for a newer one or as bad."""

    received: int = 0
    published: int = 0
    dropped_newer: int = 0
    dropped_bad: int = 0

    def __str__(self) -> str:
        """Sum the stream up for the log."""
        return (
            f'received {self.received}, published {self.published}, dropped '
            f'{self.dropped_newer} for a newer frame and {self.dropped_bad} as bad'
        )


class Camera:
    """Receives frames on `image`, answers on `~/label_image` and, if wanted, `~/overlay`."""

    def __init__(self, node: Node, spec: ModelSpec, overlay_opacity: float) -> None:
        self.counters = Counters()
        self.mailbox: Mailbox[Image] = Mailbox()
        self._opacity = overlay_opacity
        self._bgr_palette = labels.palette(spec.colors, spec.unlabeled_id)[:, ::-1].copy()
        self._logger = node.get_logger()
        self._label_image = node.create_publisher(Image, '~/label_image', OUTPUT_QOS)
        self._overlay = node.create_publisher(Image, '~/overlay', OUTPUT_QOS)
        self._images = node.create_subscription(Image, 'image', self._receive, CAMERA_QOS)

    @property
    def topic(self) -> str:
        """Give the name of the camera's topic after remapping."""
        return str(self._images.topic_name)

    def answer(self, message: Image, segmenter: Segmenter) -> None:
        """Segment a frame and publish its labels; a bad one is dropped with a warning."""
        try:
            frame = to_frame(message)
            labels_of_frame = segmenter.segment(frame).labels
        except SwiftnetError as error:
            self.counters.dropped_bad += 1
            self._logger.warning(
                f'{self.topic}: {error} ({self.counters.dropped_bad} dropped as bad so far)',
                throttle_duration_sec=_WARNING_PERIOD,
            )
            return
        self._publish(message.header, frame, labels_of_frame)
        self.counters.published += 1

    def _receive(self, message: Image) -> None:
        """Keep a frame for the worker; nothing else, so that the next one is not missed."""
        self.counters.received += 1
        if self.mailbox.put(message):
            self.counters.dropped_newer += 1

    def _publish(self, header: Any, frame: Frame, labels_of_frame: labels.Labels) -> None:
        encoding = label_encoding(labels_of_frame)
        self._label_image.publish(from_array(labels_of_frame, encoding, header))
        if self._overlay.get_subscription_count():
            colors = labels.colorize(labels_of_frame, self._bgr_palette)
            pixels = labels.overlay(_to_bgr(frame), colors, self._opacity)
            self._overlay.publish(from_array(pixels, 'bgr8', header))


def _to_bgr(frame: Frame) -> labels.Pixels:
    if frame.channel_order == 'bgr':
        return frame.pixels
    return np.asarray(cv2.cvtColor(to_rgb(frame), cv2.COLOR_RGB2BGR), np.uint8)
