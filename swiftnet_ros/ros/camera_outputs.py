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
From a camera's message to the messages that are published for it: `segment_message`.

Nothing here needs a node. Outputs are lazy: only those with subscribers are computed.
"""

from copy import copy
from dataclasses import dataclass
from time import perf_counter
from typing import AbstractSet, Any, Dict, Iterator, Mapping, Optional, Tuple

import cv2
import numpy as np
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from swiftnet_ros.core import compressed_messages, labels
from swiftnet_ros.core.frames import Frame, parse_output_size, to_rgb
from swiftnet_ros.errors import InvalidFrameError
from swiftnet_ros.model_spec import ModelSpec
from swiftnet_ros.ros import compressed_image_msgs, image_msgs, info_msgs
from swiftnet_ros.ros.image_msgs import LabelBuffer
from swiftnet_ros.ros.node_parameters import NodeParameters
from swiftnet_ros.segmenter import Segmenter

LABEL_IMAGE = 'label_image'
LABEL_PNG = 'label_image/compressed'
CONFIDENCE = 'confidence'
COLOR = 'color'
OVERLAY = 'overlay'
CAMERA_INFO = 'camera_info'

OUTPUTS: Dict[str, type] = {
    LABEL_IMAGE: Image,
    CONFIDENCE: Image,
    LABEL_PNG: CompressedImage,
    COLOR: Image,
    OVERLAY: Image,
    CAMERA_INFO: CameraInfo,
}
"""Message type of each output of a camera, by its topic below `~/` or `~/NAME/`."""


@dataclass(frozen=True)
class FrameResult:
    """
    Everything that is published for one frame.

    `messages` yields each output's name and message, the label image first. A message is made
    when it is reached, so that the label image never waits for the colors. `seconds` has the
    duration of each stage up to the labels. `warning` is why there is no camera_info, or why it
    does not fit, `remark` what should be known about frames of this kind; both may be empty.
    """

    messages: Iterator[Tuple[str, Any]]
    seconds: Mapping[str, float]
    warning: str = ''
    remark: str = ''


def segment_message(
    message: Any,
    outputs: AbstractSet[str],
    settings: NodeParameters,
    segmenter: Segmenter,
    camera_info: Optional[CameraInfo] = None,
    buffer: Optional[LabelBuffer] = None,
) -> FrameResult:
    """
    Return what is published for an Image or CompressedImage: the named `outputs`, no others.

    `camera_info` is the camera's newest calibration. With a `buffer`, its message is the label
    image, until the next frame. Every message has the header of `message`.
    Raise InvalidFrameError if the message is malformed; other errors are those of the backend.
    """
    start = perf_counter()
    frame = _to_frame(message, settings)
    seconds = {'receive': perf_counter() - start}
    spec, threshold = segmenter.spec, settings.confidence_threshold
    size = parse_output_size(settings.output_size).of(
        (frame.height, frame.width), (spec.input_height, spec.input_width)
    )
    with_confidence = threshold > 0 or CONFIDENCE in outputs
    buffer = LabelBuffer() if buffer is None else buffer
    out = buffer.labels(*size, labels.label_dtype(len(spec.classes)))
    segmentation = segmenter.segment(
        frame, with_confidence=with_confidence, output_size=size, out=out
    )
    seconds.update(segmentation.seconds)
    if threshold:
        segmentation = labels.mask_low_confidence(segmentation, threshold, spec.unlabeled_id)
    info, warning = None, ''
    if CAMERA_INFO in outputs and camera_info is not None:
        try:
            info = _fit_camera_info(camera_info, frame, size, message.header)
            warning = info_msgs.size_fault(camera_info, frame.width, frame.height)
        except InvalidFrameError as error:
            warning = f'no camera_info is published: {error}'
    opacity = settings.overlay_opacity
    label_image = buffer.message(message.header) if segmentation.labels is out else None
    made = _messages(
        message.header, frame, segmentation, label_image, outputs, spec, opacity, info
    )
    return FrameResult(made, seconds, warning, _remark(message, frame))


def _remark(message: Any, frame: Frame) -> str:
    if isinstance(message, CompressedImage) and frame.channel_order == 'rgb':
        return compressed_messages.color_remark(message)
    return ''


def _to_frame(message: Any, settings: NodeParameters) -> Frame:
    if isinstance(message, CompressedImage):
        return compressed_messages.to_frame(message, settings.max_decoded_pixels)
    return image_msgs.to_frame(message)


def _messages(
    header: Any,
    frame: Frame,
    segmentation: labels.Segmentation,
    label_image: Optional[Image],
    outputs: AbstractSet[str],
    spec: ModelSpec,
    opacity: float,
    info: Optional[CameraInfo],
) -> Iterator[Tuple[str, Any]]:
    ids, confidence = segmentation.labels, segmentation.confidence
    if LABEL_IMAGE in outputs:
        if label_image is None:
            label_image = image_msgs.from_array(ids, image_msgs.label_encoding(ids), header)
        yield LABEL_IMAGE, label_image
    if CONFIDENCE in outputs:
        assert confidence is not None, 'requested from the segmenter'
        yield CONFIDENCE, image_msgs.from_array(confidence, 'mono8', header)
    if LABEL_PNG in outputs:
        yield LABEL_PNG, compressed_image_msgs.from_labels(ids, header)
    if COLOR in outputs or OVERLAY in outputs:
        bgr_palette = labels.palette(spec.colors, spec.unlabeled_id)[:, ::-1]
        colors = labels.colorize(ids, bgr_palette)
    if COLOR in outputs:
        yield COLOR, image_msgs.from_array(colors, 'bgr8', header)
    if OVERLAY in outputs:
        blended = labels.overlay(_resized_bgr(frame, ids.shape), colors, opacity)
        yield OVERLAY, image_msgs.from_array(blended, 'bgr8', header)
    if info is not None:
        yield CAMERA_INFO, info


def _resized_bgr(frame: Frame, size: Tuple[int, ...]) -> labels.Pixels:
    """Return the frame's pixels as BGR, uint8 [*size, 3]; `size` is (height, width)."""
    pixels = frame.pixels
    if frame.channel_order != 'bgr':
        pixels = np.asarray(cv2.cvtColor(to_rgb(frame), cv2.COLOR_RGB2BGR), np.uint8)
    if pixels.shape[:2] == size:
        return pixels
    return np.asarray(cv2.resize(pixels, size[::-1]), np.uint8)


def _fit_camera_info(
    info: CameraInfo, frame: Frame, size: Tuple[int, int], header: Any
) -> CameraInfo:
    """Return the calibration that fits labels of `size`, (height, width)."""
    height, width = size
    if size == (frame.height, frame.width):
        fitted = copy(info)
    else:
        fitted = info_msgs.scaled(info, width, height)
    fitted.header = header
    return fitted
