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

The size in a JPEG or PNG header is checked before decoding, so that a small message cannot
exhaust the memory.
"""

from array import array
from struct import unpack_from
from typing import Any, Iterator, Tuple
from zlib import crc32

import cv2
import numpy as np
from sensor_msgs.msg import CompressedImage
from swiftnet_ros.core.frames import Frame
from swiftnet_ros.core.labels import Labels
from swiftnet_ros.errors import EncodingFailedError, InvalidFrameError, one_line
from swiftnet_ros.ros.image_msgs import ENCODINGS, label_encoding
from swiftnet_ros.text import safe_repr

_DECODE_FLAGS = cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH | cv2.IMREAD_IGNORE_ORIENTATION
_COLOR = {f'{order}{bits}' for order in ('rgb', 'bgr', 'rgba', 'bgra') for bits in (8, 16)}

_JPEG, _PNG = b'\xff\xd8\xff', b'\x89PNG\r\n\x1a\n'
_START_OF_FRAME = {0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF}
_WITHOUT_LENGTH = {0x01, *range(0xD0, 0xD8)}
_START_OF_SCAN, _END_OF_IMAGE = b'\xff\xda', b'\xff\xd9'
# Encoders write about ten. Each takes as long to decode as a whole image.
_MAX_SCANS = 64


def to_frame(message: CompressedImage, max_pixels: int) -> Frame:
    """
    Decode a JPEG or PNG of at most `max_pixels`, grayscale or color, of 8 or 16 bits.

    `format` is read as image_transport does. Raise InvalidFrameError for an image that is larger,
    of another format or damaged. An EXIF orientation is ignored: it would rotate the camera's
    geometry.
    """
    data = bytes(message.data)
    height, width = read_size(data)
    if height * width > max_pixels:
        raise InvalidFrameError(
            f'image of {width}x{height} has more than the {max_pixels} pixels allowed; send '
            'smaller images or raise the limit'
        )
    pixels = _decode(data)
    if pixels is None or pixels.shape[:2] != (height, width):
        raise InvalidFrameError('damaged image: it cannot be decoded')
    bits = 8 * pixels.dtype.itemsize
    return ENCODINGS[f'{_channel_order(message.format, pixels.ndim)}{bits}'].convert(pixels)


def from_labels(labels: Labels, header: Any) -> CompressedImage:
    """Compress class ids [H, W], uint8 or uint16, without loss: `mono8; png compressed`."""
    is_encoded, png = cv2.imencode('.png', labels)
    if not is_encoded:
        size = f'{labels.shape[1]}x{labels.shape[0]}'
        raise EncodingFailedError(f'labels of {size}', 'PNG; set output_size to a smaller size')
    data = array('B')
    data.frombytes(png.tobytes())
    encoding = label_encoding(labels)
    return CompressedImage(header=header, format=f'{encoding}; png compressed', data=data)


def read_size(data: bytes) -> Tuple[int, int]:
    """Return (height, width) of a complete JPEG or PNG; raise InvalidFrameError for other data."""
    if data.startswith(_JPEG):
        size = _jpeg_size(data)
    elif data.startswith(_PNG):
        size = _png_size(data)
    else:
        raise InvalidFrameError('compressed data is neither JPEG nor PNG; send one of them')
    if 0 in size:
        raise InvalidFrameError(f'image of size zero: {size[1]}x{size[0]}')
    return size


def _decode(data: bytes) -> Any:
    try:
        return cv2.imdecode(np.frombuffer(data, np.uint8), _DECODE_FLAGS)
    except cv2.error as error:
        raise InvalidFrameError(f'damaged image: {one_line(error)}') from error


def _channel_order(message_format: str, dimensions: int) -> str:
    """Return the channel order, or Bayer pattern, of the pixels that OpenCV decoded."""
    original = message_format.partition(';')[0]
    if dimensions == 2:
        # A Bayer image is compressed as if it were grayscale.
        is_bayer = original.startswith('bayer_') and original in ENCODINGS
        return original.rstrip('168') if is_bayer else 'mono'
    return 'rgb' if _is_rgb(message_format) else 'bgr'


def color_remark(message: CompressedImage) -> str:
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


def _jpeg_size(data: bytes) -> Tuple[int, int]:
    # These two bytes cannot occur within a scan, so that a search finds them.
    if data.rfind(_END_OF_IMAGE) <= data.rfind(_START_OF_SCAN):
        raise InvalidFrameError('damaged JPEG: its end is missing')
    if data.count(_START_OF_SCAN) > _MAX_SCANS:
        raise InvalidFrameError(f'JPEG with more than {_MAX_SCANS} scans')
    for marker, start in _jpeg_segments(data):
        if marker in _START_OF_FRAME and start + 7 <= len(data):
            bits, height, width = unpack_from('>BHH', data, start + 2)
            if bits != 8:
                raise InvalidFrameError(f'JPEG of {bits} bits, expected 8')
            return height, width
    raise InvalidFrameError('damaged JPEG: no size in its header')


def _jpeg_segments(data: bytes) -> Iterator[Tuple[int, int]]:
    """Yield each header segment's marker and the position of its length field."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker, at = data[at + 1], at + 2
        if marker == 0xFF:
            at -= 1
        elif marker in (0x00, _START_OF_SCAN[1], _END_OF_IMAGE[1]):
            return
        elif marker not in _WITHOUT_LENGTH:
            yield marker, at
            at += unpack_from('>H', data, at)[0]


def _png_size(data: bytes) -> Tuple[int, int]:
    _check_png(data)
    if data[8:16] != b'\x00\x00\x00\x0dIHDR':
        raise InvalidFrameError('damaged PNG: no size in its header')
    width, height = unpack_from('>II', data, 16)
    return height, width


def _check_png(data: bytes) -> None:
    """Raise InvalidFrameError for a wrong checksum: some decoders return half an image instead."""
    at = len(_PNG)
    while at + 12 <= len(data):
        length, kind = unpack_from('>I4s', data, at)
        checksum_at, end = at + 8 + length, at + 12 + length
        if end > len(data):
            break
        content = memoryview(data)[at:checksum_at][4:]
        if crc32(content) != unpack_from('>I', data, checksum_at)[0]:
            raise InvalidFrameError('damaged PNG: wrong checksum')
        if kind == b'IEND':
            return
        at = end
    raise InvalidFrameError('damaged PNG: its end is missing')
