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

"""Image messages to frames, by cv_bridge too, and arrays to image messages."""

import sys
from typing import Any

import numpy as np
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from swiftnet_ros.core import image_messages
from swiftnet_ros.core.frames import Frame
from swiftnet_ros.core.image_messages import Array, ENCODINGS, native
from swiftnet_ros.core.labels import Labels
from swiftnet_ros.errors import InvalidFrameError, listing, UnsupportedEncodingError

# encoding of a label image -> encoding of the same layout
_LABEL_ENCODINGS = {'mono8': 'mono8', 'mono16': 'mono16', '8UC1': 'mono8', '16UC1': 'mono16'}


def to_frame(message: Image) -> Frame:
    """Return the frame of a message; raise InvalidFrameError if it is malformed or unknown."""
    return image_messages.to_frame(message, _by_cv_bridge)


class LabelBuffer:
    """
    A label image that is written in place and published again and again.

    It must have been published before the next labels are written.
    """

    def __init__(self) -> None:
        """Start without memory."""
        self._message = Image()

    def labels(self, height: int, width: int, dtype: type) -> Labels:
        """Return an array [height, width], the memory of the message, to write labels to."""
        size = height * width * np.dtype(dtype).itemsize
        found = (self._message.height, self._message.width, len(self._message.data))
        if found != (height, width, size):
            empty: Labels = np.zeros((height, width), dtype)
            self._message = from_array(empty, label_encoding(empty), Header())
        labels: Labels = np.frombuffer(self._message.data, dtype).reshape(height, width)
        return labels

    def message(self, header: Any) -> Image:
        """Return the message with the labels that were written."""
        self._message.header = header
        return self._message


def from_array(pixels: Array, encoding: str, header: Any) -> Image:
    """Return a message of uint8 or uint16 pixels [H, W] or [H, W, C], rows without padding."""
    message = Image(header=header, height=pixels.shape[0], width=pixels.shape[1])
    message.encoding = encoding
    message.is_bigendian = int(pixels.dtype.itemsize > 1 and sys.byteorder == 'big')
    message.step = pixels[0].nbytes
    # Assigned, it would be copied once more, and all but an array.array checked byte by byte.
    message.data.frombytes(np.ascontiguousarray(pixels).view(np.uint8).data)
    return message


def to_labels(message: Image) -> Labels:
    """
    Return the class ids of a label image, uint8 or uint16 [H, W], unscaled.

    Raise InvalidFrameError if it is malformed or not of one channel.
    """
    if message.encoding not in _LABEL_ENCODINGS:
        known = listing(_LABEL_ENCODINGS)
        raise InvalidFrameError(f'encoding {message.encoding!r} of a label image, not {known}')
    return native(image_messages.view(message, ENCODINGS[_LABEL_ENCODINGS[message.encoding]]))


def label_encoding(labels: Array) -> str:
    """Return the encoding of a label image: mono8, or mono16 for uint16 labels."""
    return 'mono8' if labels.dtype == np.uint8 else 'mono16'


def _by_cv_bridge(message: Image) -> Frame:
    """Convert an encoding that is not in the table with cv_bridge, if it is installed."""
    try:
        from cv_bridge import CvBridge

        pixels = CvBridge().imgmsg_to_cv2(message, 'rgb8')
    # CvBridgeError is a TypeError; cv_bridge raises the others for some encodings it cannot read,
    # or if it was built for another NumPy.
    except (ImportError, TypeError, AttributeError, KeyError, ValueError) as error:
        advice = f'publish one of {listing(ENCODINGS)}'
        if isinstance(error, ImportError):
            advice += ', or install cv_bridge for others'
        raise UnsupportedEncodingError(message.encoding, advice) from error
    if pixels.shape[:2] != (message.height, message.width):
        raise InvalidFrameError(
            f'{message.encoding} has {pixels.shape[1]}x{pixels.shape[0]} pixels, expected '
            f'{message.width}x{message.height}; its step does not match its width'
        )
    return Frame(pixels, 'rgb')
