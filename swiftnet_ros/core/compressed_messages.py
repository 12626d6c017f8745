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

"""Compressed image messages to frames, without ROS; `format` is that of image_transport."""

from typing import Any

from swiftnet_ros.core.frames import Frame
from swiftnet_ros.core.image_messages import ENCODINGS
from swiftnet_ros.errors import InvalidFrameError
from swiftnet_ros.image_formats.decode import decode
from swiftnet_ros.text import safe_repr

_COLOR = {f'{order}{bits}' for order in ('rgb', 'bgr', 'rgba', 'bgra') for bits in (8, 16)}
_NOT_COLOR = 'compressedDepth'


def to_frame(message: Any, max_pixels: int) -> Frame:
    """
    Decode a JPEG or PNG of at most `max_pixels`, grayscale or color, of 8 or 16 bits.

    `format` is read as image_transport does. Raise InvalidFrameError for an image that is larger,
    of another format, damaged or too costly to decode. An EXIF orientation is ignored: it would
    rotate the camera's geometry.
    """
    if _NOT_COLOR in message.format:
        raise InvalidFrameError(
            f'{_NOT_COLOR} has distances, no colors; remap image to the topic of a color image'
        )
    pixels = decode(bytes(message.data), max_pixels)
    bits = 8 * pixels.dtype.itemsize
    return ENCODINGS[f'{_channel_order(message.format, pixels.ndim)}{bits}'].convert(pixels)


def _channel_order(message_format: str, dimensions: int) -> str:
    """Return the channel order, or Bayer pattern, of the pixels that OpenCV decoded."""
    original = message_format.partition(';')[0]
    if dimensions == 2:
        # A Bayer image is compressed as if it were grayscale.
        is_bayer = original.startswith('bayer_') and original in ENCODINGS
        return original.rstrip('168') if is_bayer else 'mono'
    return 'rgb' if _is_rgb(message_format) else 'bgr'


def color_remark(message: Any) -> str:
    """Return that the colors of a message are exchanged, as its format demands; empty if not."""
    if not _is_rgb(message.format):
        return ''
    return (
        f'colors are taken as RGB for format {safe_repr(message.format)}, as image_transport '
        "does; if red and blue are exchanged, let the camera publish format 'jpeg' or 'png'"
    )


def _is_rgb(message_format: str) -> bool:
    """Return whether the three channels were compressed as if they were BGR, but are not."""
    original, semicolon, compressed = message_format.partition(';')
    # image_transport compresses BGR and says so. Without that word the encoder took the channels
    # in the order of the original encoding.
    return bool(semicolon) and original in _COLOR and 'compressed bgr' not in compressed
