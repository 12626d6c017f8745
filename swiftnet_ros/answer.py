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

"""The answer to one frame and every message that can be made of it, all from one label array."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Callable, Dict

import cv2
import numpy as np
from sensor_msgs.msg import CompressedImage, Image
from swiftnet_ros.compressed_msgs import from_labels
from swiftnet_ros.core import labels
from swiftnet_ros.core.frames import Frame, to_rgb
from swiftnet_ros.image_msgs import from_array, label_encoding


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
