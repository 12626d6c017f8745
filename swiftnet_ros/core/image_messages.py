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
Image messages to frames, without ROS: of a node and of recorded bags alike.

A message is any object with the fields of sensor_msgs/Image. Pixels are views of its data, with
its row padding and byte order, and are copied only if the encoding has to be converted.
"""

from dataclasses import dataclass
import re
from typing import Any, Callable, Dict, Tuple

import cv2
import numpy as np
import numpy.typing as npt
from swiftnet_ros.core.frames import Frame, to_8_bits
from swiftnet_ros.errors import InvalidFrameError, listing, UnsupportedEncodingError

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Encoding:
    """
    The memory layout of an encoding, and its conversion to a frame.

    `convert` takes [rows, width, channels], without the last axis for one channel. An image row
    takes `lines` rows of data; height and width are multiples of `multiple`.
    """

    channels: int
    convert: Callable[[Array], Frame]
    dtype: type = np.uint8
    lines: float = 1.0
    multiple: Tuple[int, int] = (1, 1)


def _as_is(order: str) -> Callable[[Array], Frame]:
    return lambda pixels: Frame(pixels, order)


def _scaled(order: str) -> Callable[[Array], Frame]:
    return lambda pixels: Frame(to_8_bits(native(pixels)), order)


def _by_opencv(code: int) -> Callable[[Array], Frame]:
    return lambda pixels: Frame(to_8_bits(cv2.cvtColor(native(pixels), code)), 'rgb')


def native(pixels: Array) -> Array:
    """
    Return pixels in this machine's byte order and aligned, without a copy if they are.

    OpenCV would misread 16-bit rows at odd addresses, as an odd step makes them.
    """
    swapped = pixels.astype(pixels.dtype.newbyteorder('='), copy=False)
    return np.require(swapped, requirements='A')


# OpenCV names its Bayer codes by the second row, starting at its second pixel.
_BAYER = {
    'rggb': cv2.COLOR_BayerBG2RGB,
    'bggr': cv2.COLOR_BayerRG2RGB,
    'gbrg': cv2.COLOR_BayerGR2RGB,
    'grbg': cv2.COLOR_BayerGB2RGB,
}
_ORDERS = {'rgb': 3, 'bgr': 3, 'rgba': 4, 'bgra': 4, 'mono': 1}
_UYVY = Encoding(2, _by_opencv(cv2.COLOR_YUV2RGB_UYVY), multiple=(1, 2))
_YUYV = Encoding(2, _by_opencv(cv2.COLOR_YUV2RGB_YUY2), multiple=(1, 2))

# OpenCV's types, which cv_bridge writes where the encoding is not given: 8UC3, 32FC1.
_OPENCV_TYPE = re.compile(r'(8|16|32|64)([USF])(?:C([0-9]{1,4}))?', re.ASCII)
_NAMES_OF_CHANNELS = {1: ('mono',), 3: ('bgr', 'rgb'), 4: ('bgra', 'rgba')}
_COMPRESSED = {'jpeg', 'jpg', 'mjpeg', 'mjpg', 'png', 'webp', 'h264', 'h265', 'hevc', 'av1'}

ENCODINGS: Dict[str, Encoding] = {
    **{f'{order}8': Encoding(n, _as_is(order)) for order, n in _ORDERS.items()},
    **{f'{order}16': Encoding(n, _scaled(order), np.uint16) for order, n in _ORDERS.items()},
    **{f'bayer_{p}8': Encoding(1, _by_opencv(code)) for p, code in _BAYER.items()},
    **{f'bayer_{p}16': Encoding(1, _by_opencv(code), np.uint16) for p, code in _BAYER.items()},
    'yuv422': _UYVY,
    'uyvy': _UYVY,
    'yuv422_yuy2': _YUYV,
    'yuyv': _YUYV,
    'nv12': Encoding(1, _by_opencv(cv2.COLOR_YUV2RGB_NV12), lines=1.5, multiple=(2, 2)),
    'nv21': Encoding(1, _by_opencv(cv2.COLOR_YUV2RGB_NV21), lines=1.5, multiple=(2, 2)),
}


def _unsupported(message: Any) -> Frame:
    raise UnsupportedEncodingError(message.encoding, f'publish one of {listing(ENCODINGS)}')


def to_frame(message: Any, convert_other: Callable[[Any], Frame] = _unsupported) -> Frame:
    """
    Return the frame of a message; raise InvalidFrameError if it is malformed or unknown.

    `convert_other` converts encodings that are not in `ENCODINGS` but may have colors.
    """
    if message.width == 0 or message.height == 0:
        raise InvalidFrameError(f'image of size zero: {message.width}x{message.height}')
    if message.encoding in ENCODINGS:
        encoding = ENCODINGS[message.encoding]
        return encoding.convert(view(message, encoding))
    advice = _advice(message.encoding)
    if advice:
        raise UnsupportedEncodingError(message.encoding, advice)
    _check_length(message, message.height)
    return convert_other(message)


def view(message: Any, encoding: Encoding) -> Array:
    """Return a view of the message's data as [rows, width, channels]."""
    dtype = np.dtype(encoding.dtype).newbyteorder('>' if message.is_bigendian else '<')
    pixel_bytes = encoding.channels * dtype.itemsize
    rows = int(message.height * encoding.lines)
    _check_size(message, encoding, message.width * pixel_bytes, rows)
    pixels: Array = np.ndarray(
        (rows, message.width, encoding.channels),
        dtype,
        buffer=message.data,
        strides=(message.step, pixel_bytes, dtype.itemsize),
    )
    return pixels[..., 0] if encoding.channels == 1 else pixels


def _advice(encoding: str) -> str:
    """Return what to publish instead of an encoding that has no colors, empty if it may have."""
    opencv = _OPENCV_TYPE.fullmatch(encoding)
    if opencv is not None:
        bits, kind, channels = opencv.groups()
        names = _NAMES_OF_CHANNELS.get(int(channels or '1'))
        if kind == 'U' and bits in ('8', '16') and names is not None:
            wanted = ' or '.join(f'{name}{bits}' for name in names)
            return f'it does not say what its channels are: publish it as {wanted}'
        return 'it is numbers, not colors, as depth images have: remap image to the color image'
    if encoding.lower() in _COMPRESSED:
        return 'it is compressed: publish CompressedImage with image_transport compressed'
    return ''


def _check_size(message: Any, encoding: Encoding, row_bytes: int, rows: int) -> None:
    tall, wide = encoding.multiple
    if message.height % tall or message.width % wide:
        raise InvalidFrameError(
            f'{message.encoding} of {message.width}x{message.height}, expected a width divisible '
            f'by {wide} and a height divisible by {tall}'
        )
    if message.step < row_bytes:
        raise InvalidFrameError(
            f'step is {message.step} bytes, expected at least {row_bytes} for {message.width} '
            f'pixels of {message.encoding}'
        )
    _check_length(message, rows)


def _check_length(message: Any, rows: int) -> None:
    expected = rows * message.step
    if len(message.data) < expected:
        raise InvalidFrameError(
            f'data has {len(message.data)} bytes, expected {expected}: {rows} rows of '
            f'{message.step} bytes'
        )
