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

"""Images as bytes of a file format, and written to files."""

import errno
from pathlib import Path
from typing import Any, Sequence

import cv2
import numpy as np
import numpy.typing as npt
from swiftnet_ros.errors import ImageEncodingError
from swiftnet_ros.system.files import write_atomic


def encode_image(
    pixels: npt.NDArray[Any], suffix: str = '.png', options: Sequence[int] = ()
) -> bytes:
    """
    Return an image in the format of a suffix; `options` are those of `cv2.imencode`.

    Raise ImageEncodingError if OpenCV cannot, as a PNG with more than a million rows.
    """
    try:
        is_encoded, content = cv2.imencode(suffix, pixels, list(options))
    except cv2.error as error:
        raise ImageEncodingError(pixels.shape, suffix) from error
    if not is_encoded:
        raise ImageEncodingError(pixels.shape, suffix)
    return content.tobytes()


def write_image(path: Path, pixels: npt.NDArray[Any], options: Sequence[int] = ()) -> None:
    """Write an image in the format of its suffix, atomically, after a check that it decodes."""
    write_atomic(path, encode_image(pixels, path.suffix, options), check=check_image)


def check_image(path: Path) -> None:
    """Raise OSError if a file that was just written is not an image."""
    content = np.fromfile(str(path), np.uint8)
    if not content.size or cv2.imdecode(content, cv2.IMREAD_UNCHANGED) is None:
        raise OSError(errno.EIO, 'it was written and cannot be read again', str(path))
