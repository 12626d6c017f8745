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
JPEG and PNG to pixels, with bounds on what decoding may cost: `decode`.

Nothing else reaches a decoder, and of these only what makes the pixels.
"""

from typing import Any, Tuple

import cv2
import numpy as np
import numpy.typing as npt
from swiftnet_ros.errors import InvalidFrameError
from swiftnet_ros.image_formats import jpeg, png
from swiftnet_ros.text import one_line

DEFAULT_MAX_PIXELS = 7680 * 4320
_FLAGS = cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH | cv2.IMREAD_IGNORE_ORIENTATION
# In bytes, in addition to one byte for each pixel.
_METADATA = 2**20


def decode(data: bytes, max_pixels: int) -> npt.NDArray[Any]:
    """
    Return the pixels of a JPEG or PNG: uint8 or uint16, [H, W] or [H, W, 3] in BGR.

    Raise InvalidFrameError for an image of more than `max_pixels`, of another format or damaged,
    and for one that takes longer to decode than a baseline JPEG of `max_pixels`, or of the default
    limit if that is larger.
    """
    budget = max(max_pixels, DEFAULT_MAX_PIXELS)
    if len(data) > budget + _METADATA:
        raise InvalidFrameError(
            f'compressed image of {len(data)} bytes, expected at most {budget + _METADATA}'
        )
    if data.startswith(jpeg.SIGNATURE):
        image = jpeg.reduced(data)
        size, content = image.header[:2], image.data
        _check(size, max_pixels, image.equivalent_pixels, budget)
    elif data.startswith(png.SIGNATURE):
        header = png.read_header(data)
        size = header.height, header.width
        _check(size, max_pixels, header.equivalent_pixels, budget)
        content = png.reduced(data, header)
    else:
        raise InvalidFrameError('compressed data is neither JPEG nor PNG; send one of them')
    try:
        pixels = cv2.imdecode(np.frombuffer(content, np.uint8), _FLAGS)
    except cv2.error as error:
        raise InvalidFrameError(f'damaged image: {one_line(error)}') from error
    if pixels is None or pixels.shape[:2] != size:
        raise InvalidFrameError('damaged image: it cannot be decoded')
    return np.asarray(pixels)


def _check(size: Tuple[int, int], max_pixels: int, cost: int, budget: int) -> None:
    """Raise InvalidFrameError if there are too many pixels, or if they cost too much to decode."""
    height, width = size
    if 0 in size:
        raise InvalidFrameError(f'image of size zero: {width}x{height}')
    if height * width > max_pixels:
        raise InvalidFrameError(
            f'image of {width}x{height} has more than the {max_pixels} pixels allowed; send '
            'smaller images or raise the limit'
        )
    if cost > budget:
        raise InvalidFrameError(
            f'image of {width}x{height} takes as much as {cost} pixels to decode, {budget} are '
            'allowed; send baseline JPEG or smaller images, or raise the limit'
        )
