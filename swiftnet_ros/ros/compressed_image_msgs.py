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
from struct import unpack_from
from typing import Any, Iterator, Tuple
from zlib import crc32

import cv2
import numpy as np
from sensor_msgs.msg import CompressedImage
from swiftnet_ros.core.frames import Frame
from swiftnet_ros.core.labels import Labels
from swiftnet_ros.errors import InvalidFrameError, one_line
from swiftnet_ros.ros.image_msgs import ENCODINGS, label_encoding

_JPEG, _PNG = b'\xff\xd8\xff', b'\x89PNG\r\n\x1a\n'
_START_OF_FRAME = {0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF}
_WITHOUT_LENGTH = {0x01, *range(0xD0, 0xD8)}
_START_OF_SCAN, _END_OF_IMAGE = b'\xff\xda', b'\xff\xd9'
# Encoders write about ten. Each costs as much as a whole picture.
_MOST_SCANS = 64


def read_size(data: bytes) -> Tuple[int, int]:
    """Give (height, width) of a whole JPEG or PNG; InvalidFrameError for anything else."""
    if data.startswith(_JPEG):
        size = _jpeg_size(data)
    elif data.startswith(_PNG):
        size = _png_size(data)
    else:
        raise InvalidFrameError('compressed data is neither JPEG nor PNG; send one of them')
    if 0 in size:
        raise InvalidFrameError(f'picture of size zero: {size[1]}x{size[0]}')
    return size


def _jpeg_size(data: bytes) -> Tuple[int, int]:
    # Inside a scan these two bytes cannot occur, so they are found without a walk through it.
    if data.rfind(_END_OF_IMAGE) <= data.rfind(_START_OF_SCAN):
        raise InvalidFrameError('damaged JPEG: its end is missing')
    if data.count(_START_OF_SCAN) > _MOST_SCANS:
        raise InvalidFrameError(f'JPEG with more than {_MOST_SCANS} scans')
    for marker, start in _jpeg_segments(data):
        if marker in _START_OF_FRAME and start + 7 <= len(data):
            bits, height, width = unpack_from('>BHH', data, start + 2)
            if bits != 8:
                raise InvalidFrameError(f'JPEG of {bits} bits, expected 8')
            return height, width
    raise InvalidFrameError('damaged JPEG: no size in its header')


def _jpeg_segments(data: bytes) -> Iterator[Tuple[int, int]]:
    """Give the marker of each segment of the header and where its length stands."""
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
    """Hold every chunk to its checksum; some decoders show half a picture instead."""
    at = len(_PNG)
    while at + 12 <= len(data):
        length, kind = unpack_from('>I4s', data, at)
        checksum_at, end = at + 8 + length, at + 12 + length
        if end > len(data):
            break
        content = memoryview(data)[at:checksum_at][4:]
        if crc32(content) != unpack_from('>I', data, checksum_at)[0]:
            raise InvalidFrameError('damaged PNG: a checksum does not fit')
        if kind == b'IEND':
            return
        at = end
    raise InvalidFrameError('damaged PNG: its end is missing')


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
        raise InvalidFrameError(f'damaged picture: {one_line(error)}') from error


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
