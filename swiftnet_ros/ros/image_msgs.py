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
Camera messages to frames, and arrays back to messages; what is malformed is refused.

Pixels are looked at in place, padded rows and byte order as the message says, and copied only
where the encoding itself has to be converted.
"""

from array import array
from dataclasses import dataclass
import sys
from typing import Any, Callable, Dict, Tuple

import cv2
import numpy as np
import numpy.typing as npt
from sensor_msgs.msg import Image
from swiftnet_ros.core.frames import Frame
from swiftnet_ros.core.labels import Labels
from swiftnet_ros.errors import InvalidFrameError, UnsupportedEncodingError

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Encoding:
    """
    How an encoding lies in memory, and how its array becomes a frame.

    `convert` takes [rows, width, channels], without the last axis for one channel. `lines` is
    how many rows of data stand for one row of the picture; height and width are multiples of
    `multiple`.
    """

    channels: int
    convert: Callable[[Array], Frame]
    dtype: type = np.uint8
    lines: float = 1.0
    multiple: Tuple[int, int] = (1, 1)


def _as_is(order: str) -> Callable[[Array], Frame]:
    return lambda pixels: Frame(pixels, order)


def _scaled(order: str) -> Callable[[Array], Frame]:
    """Bring 16 bits to 8 as cv_bridge does: the full range, rounded."""
    return lambda pixels: Frame(_to_8_bits(pixels), order)


def _by_opencv(code: int) -> Callable[[Array], Frame]:
    return lambda pixels: Frame(_to_8_bits(cv2.cvtColor(_native(pixels), code)), 'rgb')


def _native(pixels: Array) -> Array:
    """
    Give OpenCV the byte order of this machine; no copy where it is that already.

    Rows of 16 bits that begin at an odd address, after an odd step, it would misread.
    """
    native = pixels.astype(pixels.dtype.newbyteorder('='), copy=False)
    return np.require(native, requirements='A')


def _to_8_bits(pixels: Array) -> npt.NDArray[np.uint8]:
    if pixels.dtype == np.uint8:
        return pixels
    return np.asarray(cv2.convertScaleAbs(_native(pixels), alpha=255 / 65535), dtype=np.uint8)


# The letters of OpenCV's Bayer codes name the second row from its second pixel on.
_BAYER = {
    'rggb': cv2.COLOR_BayerBG2RGB,
    'bggr': cv2.COLOR_BayerRG2RGB,
    'gbrg': cv2.COLOR_BayerGR2RGB,
    'grbg': cv2.COLOR_BayerGB2RGB,
}
_ORDERS = {'rgb': 3, 'bgr': 3, 'rgba': 4, 'bgra': 4, 'mono': 1}
_UYVY = Encoding(2, _by_opencv(cv2.COLOR_YUV2RGB_UYVY), multiple=(1, 2))
_YUYV = Encoding(2, _by_opencv(cv2.COLOR_YUV2RGB_YUY2), multiple=(1, 2))

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


def to_frame(message: Image) -> Frame:
    """Read a camera message; raise InvalidFrameError for one that is malformed or unknown."""
    if message.width == 0 or message.height == 0:
        raise InvalidFrameError(f'image of size zero: {message.width}x{message.height}')
    if message.encoding not in ENCODINGS:
        return _by_cv_bridge(message)
    encoding = ENCODINGS[message.encoding]
    return encoding.convert(_view(message, encoding))


def from_array(pixels: Array, encoding: str, header: Any) -> Image:
    """Make a message of uint8 or uint16 pixels [H, W] or [H, W, C], rows without padding."""
    message = Image(header=header, height=pixels.shape[0], width=pixels.shape[1])
    message.encoding = encoding
    message.is_bigendian = int(pixels.dtype.itemsize > 1 and sys.byteorder == 'big')
    message.step = pixels[0].nbytes
    # Only an array.array is taken as it is; the message checks other sequences byte by byte.
    data = array('B')
    data.frombytes(np.ascontiguousarray(pixels).view(np.uint8).data)
    message.data = data
    return message


def to_labels(message: Image) -> Labels:
    """Read the class ids of a label image, uint8 or uint16 [H, W], without scaling them."""
    return _native(_view(message, ENCODINGS[message.encoding]))


def label_encoding(labels: Array) -> str:
    """Name the encoding of a label image: mono8, or mono16 for uint16 labels."""
    return 'mono8' if labels.dtype == np.uint8 else 'mono16'


def _view(message: Image, encoding: Encoding) -> Array:
    """Look at the message's bytes as [rows, width, channels] without a copy."""
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


def _check_size(message: Image, encoding: Encoding, row_bytes: int, rows: int) -> None:
    tall, wide = encoding.multiple
    if message.height % tall or message.width % wide:
        raise InvalidFrameError(
            f'{message.encoding} of {message.width}x{message.height}, expected a width that is '
            f'a multiple of {wide} and a height that is one of {tall}'
        )
    if message.step < row_bytes:
        raise InvalidFrameError(
            f'step is {message.step} bytes, expected at least {row_bytes} for {message.width} '
            f'pixels of {message.encoding}'
        )
    _check_length(message, rows)


def _check_length(message: Image, rows: int) -> None:
    expected = rows * message.step
    if len(message.data) < expected:
        raise InvalidFrameError(
            f'data has {len(message.data)} bytes, expected {expected}: {rows} rows of '
            f'{message.step} bytes'
        )


def _by_cv_bridge(message: Image) -> Frame:
    """Leave an encoding that is not in the table to cv_bridge, where that is installed."""
    _check_length(message, message.height)
    try:
        from cv_bridge import CvBridge

        pixels = CvBridge().imgmsg_to_cv2(message, 'rgb8')
    # CvBridgeError is a TypeError; the others pass through it for encodings it cannot read, or
    # come from a cv_bridge that was built for another NumPy.
    except (ImportError, TypeError, AttributeError, KeyError, ValueError) as error:
        raise UnsupportedEncodingError(message.encoding, ENCODINGS) from error
    if pixels.shape[:2] != (message.height, message.width):
        raise InvalidFrameError(
            f'{message.encoding} gave {pixels.shape[1]}x{pixels.shape[0]} pixels, expected '
            f'{message.width}x{message.height}; its step does not fit its width'
        )
    return Frame(pixels, 'rgb')
