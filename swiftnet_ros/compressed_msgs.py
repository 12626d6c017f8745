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
Compressed camera messages to frames, and label images to lossless compressed messages.

What a picture says of its own size is read before anything is decoded, so that a small message
cannot fill the memory.
"""

from array import array
from typing import Any

import cv2
import numpy as np
from sensor_msgs.msg import CompressedImage
from swiftnet_ros.core.frames import Frame
from swiftnet_ros.core.labels import Labels
from swiftnet_ros.errors import InvalidFrameError
from swiftnet_ros.image_msgs import ENCODINGS, label_encoding
from swiftnet_ros.picture_header import read_size

_DECODE = cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH | cv2.IMREAD_IGNORE_ORIENTATION
_COLOR = {f'{order}{bits}' for order in ('rgb', 'bgr', 'rgba', 'bgra') for bits in (8, 16)}


def to_frame(message: CompressedImage, max_pixels: int) -> Frame:
    """
    Decode a JPEG or PNG of at most `max_pixels`, gray or colour, of 8 or 16 bits.

    `format` is read as image_transport does. InvalidFrameError for what is larger, of another
    kind, or damaged. An orientation in EXIF is ignored: it would turn the camera's geometry.
    """
    data = bytes(message.data)
    height, width = read_size(data)
    if height * width > max_pixels:
        raise InvalidFrameError(
            f'picture of {width}x{height} has more than the {max_pixels} pixels allowed; send '
            'smaller pictures or raise the limit'
        )
    pixels = _decode(data)
    if pixels is None or pixels.shape[:2] != (height, width):
        raise InvalidFrameError('damaged picture: it cannot be decoded')
    bits = 8 * pixels.dtype.itemsize
    return ENCODINGS[f'{_order(message.format, pixels.ndim)}{bits}'].convert(pixels)


def from_labels(labels: Labels, header: Any) -> CompressedImage:
    """Compress class ids [H, W], uint8 or uint16, without loss: `mono8; png compressed`."""
    _, png = cv2.imencode('.png', labels)
    data = array('B')
    data.frombytes(png.tobytes())
    encoding = label_encoding(labels)
    return CompressedImage(header=header, format=f'{encoding}; png compressed', data=data)


def _decode(data: bytes) -> Any:
    try:
        return cv2.imdecode(np.frombuffer(data, np.uint8), _DECODE)
    except cv2.error as error:
        raise InvalidFrameError(f'damaged picture: {" ".join(str(error).split())}') from error


def _order(message_format: str, dimensions: int) -> str:
    """Name the channel order of what OpenCV decoded."""
    original, semicolon, compressed = message_format.partition(';')
    if dimensions == 2:
        # A mosaic is sent as if it were gray.
        is_mosaic = original.startswith('bayer_') and original in ENCODINGS
        return original.rstrip('168') if is_mosaic else 'mono'
    # image_transport compresses from bgr and says so. Without that word the encoder took the
    # channels as they came, and their names are in RGB order.
    swapped = semicolon and original in _COLOR and 'compressed bgr' not in compressed
    return 'rgb' if swapped else 'bgr'
