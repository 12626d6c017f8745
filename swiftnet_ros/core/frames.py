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
Preprocess a camera frame for the network, identically in training, calibration and the node.

The frame is stretched to the network's input size: bilinear, half-pixel centers, no antialiasing,
uint8. Postprocessing needs no stretch: `labels.from_logits` interpolates to the output size.
"""

from dataclasses import dataclass
from typing import Any, Optional

import cv2
import numpy as np
import numpy.typing as npt
from swiftnet_ros.errors import InvalidFrameError, InvalidValueError, UnknownNameError
from swiftnet_ros.system.image_size import parse_size, Size, SIZE_FORM

# Channel order -> the channels of a pixel.
CHANNEL_ORDERS = {'rgb': 'rgb', 'bgr': 'bgr', 'rgba': 'rgba', 'bgra': 'bgra', 'mono': 'y'}
_TO_RGB = {
    'bgr': cv2.COLOR_BGR2RGB,
    'rgba': cv2.COLOR_RGBA2RGB,
    'bgra': cv2.COLOR_BGRA2RGB,
    'mono': cv2.COLOR_GRAY2RGB,
}


@dataclass(frozen=True)
class Frame:
    """One camera image: uint8 pixels [H, W, C], or [H, W] for `mono`, and their channel order."""

    pixels: npt.NDArray[np.uint8]
    channel_order: str = 'rgb'

    def __post_init__(self) -> None:
        """Raise InvalidFrameError if the pixels cannot be segmented."""
        if self.channel_order not in CHANNEL_ORDERS:
            raise UnknownNameError('channel order', self.channel_order, CHANNEL_ORDERS)
        shape, dtype = self.pixels.shape, self.pixels.dtype
        if dtype != np.uint8:
            raise InvalidFrameError(f'pixels are {dtype}, expected uint8')
        dimensions = 2 if self.channel_order == 'mono' else 3
        channels = 1 if len(shape) == 2 else shape[-1]
        if len(shape) != dimensions or channels != len(CHANNEL_ORDERS[self.channel_order]):
            raise InvalidFrameError(
                f'pixels have shape {list(shape)}, expected [H, W, C] for {self.channel_order}'
            )
        if 0 in shape:
            raise InvalidFrameError(f'image of size zero: shape {list(shape)}')

    @property
    def height(self) -> int:
        """Return the height in pixels."""
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        """Return the width in pixels."""
        return int(self.pixels.shape[1])


def to_rgb(frame: Frame) -> npt.NDArray[np.uint8]:
    """Return the pixels of a frame as RGB, uint8 [H, W, 3]; not copied if they are RGB."""
    if frame.channel_order == 'rgb':
        return frame.pixels
    return np.asarray(cv2.cvtColor(frame.pixels, _TO_RGB[frame.channel_order]), dtype=np.uint8)


def to_8_bits(pixels: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Return uint8 or uint16 pixels as uint8; 16 bits are scaled as cv_bridge does: rounded."""
    if pixels.dtype == np.uint8:
        return pixels
    return np.asarray(cv2.convertScaleAbs(pixels, alpha=255 / 65535), dtype=np.uint8)


def to_network_input(
    frame: Frame, height: int, width: int, out: Optional[npt.NDArray[np.uint8]] = None
) -> npt.NDArray[np.uint8]:
    """
    Return a frame stretched to the network's input: uint8 [1, height, width, 3], RGB.

    Channels are reordered in the smaller one of the two images. `out`, of that shape, is used for
    the result unless that is the frame itself.
    """
    target = None if out is None else out[0]
    order = frame.channel_order
    if (frame.height, frame.width) == (1, 1):
        # OpenCV 4.5.4, which Ubuntu 22.04 has, cannot resize a single pixel.
        frame = Frame(np.repeat(np.repeat(frame.pixels, 2, axis=0), 2, axis=1), order)
    if order == 'rgb' or height * width >= frame.height * frame.width:
        return _stretch(to_rgb(frame), height, width, target)[np.newaxis]
    small = _stretch(frame.pixels, height, width)
    return np.asarray(cv2.cvtColor(small, _TO_RGB[order], dst=target), np.uint8)[np.newaxis]


def _stretch(
    pixels: npt.NDArray[np.uint8],
    height: int,
    width: int,
    out: Optional[npt.NDArray[np.uint8]] = None,
) -> npt.NDArray[np.uint8]:
    if pixels.shape[:2] == (height, width):
        return np.ascontiguousarray(pixels)
    resized = cv2.resize(pixels, (width, height), dst=out, interpolation=cv2.INTER_LINEAR)
    return np.asarray(resized, dtype=np.uint8)


@dataclass(frozen=True)
class OutputSize:
    """The size of all outputs: that of the `camera`, of the `network`, or `fixed`."""

    source: str
    fixed: Optional[Size] = None

    def of(self, frame_size: Size, network_size: Size) -> Size:
        """Return (height, width) of the outputs for a frame of `frame_size`."""
        if self.fixed is not None:
            return self.fixed
        return frame_size if self.source == 'camera' else network_size


def parse_output_size(text: str) -> OutputSize:
    """Return the size for `camera`, `network` or WIDTHxHEIGHT; else raise InvalidValueError."""
    if text in ('camera', 'network'):
        return OutputSize(text)
    try:
        return OutputSize('fixed', parse_size(text))
    except InvalidValueError as error:
        expected = f'camera, network, or {SIZE_FORM}'
        raise InvalidValueError('output_size', text, expected) from error
