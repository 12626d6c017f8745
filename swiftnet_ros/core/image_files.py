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
Images and label images read from files: the one reader of the runtime and of training.

OpenCV decodes images and gray PNG labels, Pillow other label images: OpenCV replaces indices of a
palette by colors. Both decode bytes, since OpenCV cannot take every file name. An EXIF
orientation is ignored, as in messages of cameras: pixels are as stored, and labels must be of the
stored pixels.
"""

from contextlib import contextmanager
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any, Iterator, Optional, Tuple, TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt
from swiftnet_ros.core.frames import Frame, to_8_bits
from swiftnet_ros.core.labels import Labels
from swiftnet_ros.errors import (
    LabelFormatError,
    LabelIdError,
    SizeMismatchError,
    UnreadableFileError,
)
from swiftnet_ros.model_spec import ModelSpec
from swiftnet_ros.system.file_reader import read_regular
from swiftnet_ros.system.library_errors import library_errors
from swiftnet_ros.text import os_reason, safe_text

if TYPE_CHECKING:
    from PIL import ImageFile

_FLAGS = cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH | cv2.IMREAD_IGNORE_ORIENTATION
_PNG, _PNG_END = b'\x89PNG\r\n\x1a\n', b'IEND\xaeB`\x82'
# Bit depth and color type in the header of a PNG: gray of 8 or 16 bits.
_PNG_GRAY = (b'\x08\x00', b'\x10\x00')
_JPEG, _JPEG_SCAN, _JPEG_END = b'\xff\xd8\xff', b'\xff\xda', b'\xff\xd9'
_IDS_FOR_COLORS = 'replace each color by the id of its class, and save a gray or palette PNG'
_INTEGERS = 'save integers of 8 or 16 bits without a sign, such as a gray PNG'
_MAX_ID = 65535
_MAX_PIXELS = 1 << 30
_ORIENTATION_TAG = 0x0112
# Orientations that swap width and height.
_TRANSPOSED = range(5, 9)
# Pillow's raw modes of few bits per pixel -> the gray value that it returns for a stored 1.
_GRAY_OF_ONE = {'L;2': 85, 'L;4': 17}


def read_image(path: Path) -> Frame:
    """
    Return an image file as a BGR frame of 8 bits, or raise UnreadableFileError.

    Gray becomes B = G = R, alpha is dropped, 16 bits are scaled from the full range.
    """
    data = _read_bytes(path, 'image')
    if data.startswith(_JPEG) and _is_cut_jpeg(data):
        raise UnreadableFileError(path, 'image', 'the end of the JPEG is missing')
    try:
        with quiet_opencv():
            pixels = cv2.imdecode(np.frombuffer(data, np.uint8), _FLAGS)
    except cv2.error as error:
        raise UnreadableFileError(path, 'image', error.err) from error
    except MemoryError as error:
        raise UnreadableFileError(path, 'image', error) from error
    if pixels is None:
        raise UnreadableFileError(path, 'image')
    if pixels.dtype not in (np.uint8, np.uint16):
        raise UnreadableFileError(
            path, 'image', f'{pixels.dtype} pixels; store unsigned 8 or 16 bits'
        )
    return Frame(to_8_bits(np.asarray(pixels)), 'bgr')


def read_ids(path: Path) -> npt.NDArray[Any]:
    """
    Return the ids of a label image as they are stored, uint8 or uint16 [H, W].

    An id is a gray value or the index of a palette; a pixel of one bit is 0 or 1. Raise
    UnreadableFileError, or LabelFormatError for pixels that are not ids.
    """
    data = _read_bytes(path, 'label image')
    to_error = partial(UnreadableFileError, path, 'label image')
    with library_errors(to_error):
        gray = _gray_png(data)
    if gray is not None:
        return gray
    try:
        from PIL import Image
    except ImportError as error:
        raise to_error('without Pillow only gray PNG is read: pip install pillow') from error
    with library_errors(to_error), _large_images(), Image.open(BytesIO(data)) as image:
        raw_mode = _raw_mode(image)
        pixels = np.asarray(image)
        mode, file_format = image.mode, image.format
    if file_format in ('JPEG', 'MPO'):
        raise LabelFormatError(path, 'JPEG compression', 'it changes them: export PNG instead')
    if mode in ('LA', 'PA') and (pixels[..., 1] == 255).all():
        pixels = pixels[..., 0]
    if pixels.ndim != 2:
        raise LabelFormatError(path, f'colors or transparency ({mode})', _IDS_FOR_COLORS)
    if pixels.dtype.kind not in 'bui':
        raise LabelFormatError(path, f'{pixels.dtype} numbers', _INTEGERS)
    if pixels.dtype.itemsize == 1:
        return pixels.astype(np.uint8) // np.uint8(_GRAY_OF_ONE.get(raw_mode[:3], 1))
    if pixels.min() < 0 or pixels.max() > _MAX_ID:
        raise LabelFormatError(path, f'values {pixels.min()} to {pixels.max()}', _INTEGERS)
    return pixels.astype(np.uint16)


def read_label(
    path: Path, spec: ModelSpec, size: Tuple[int, int], image: Optional[Path] = None
) -> Labels:
    """
    Return the class ids [H, W] of a label image of `size`, (height, width).

    255 and the ids that training ignored become the spec's unlabeled id, unless they are class
    ids. `image` is the file that it labels. Raise UnreadableFileError, LabelFormatError,
    SizeMismatchError or LabelIdError.
    """
    ids = read_ids(path)
    check_label_size(path, ids.shape, size, image)
    classes = len(spec.classes)
    outside = ids >= classes
    unlabeled = (255, spec.unlabeled_id, *spec.ignored_source_ids)
    wrong = np.setdiff1d(ids[outside], unlabeled)
    if wrong.size:
        raise LabelIdError(path, wrong.tolist(), classes)
    return np.where(outside, np.uint16(spec.unlabeled_id), ids).astype(ids.dtype)


def check_label_size(
    label: Path, received: Tuple[int, ...], expected: Tuple[int, ...], image: Optional[Path]
) -> None:
    """Raise SizeMismatchError unless a label image has the size, (height, width), of its image."""
    if received == expected:
        return
    hint = ''
    if image is not None and received == expected[::-1]:
        orientation = exif_orientation(image)
        if orientation in _TRANSPOSED:
            hint = (
                f'; the EXIF orientation {orientation} of {safe_text(image)} is ignored: rotate '
                'its pixels, as exiftran -ai does, or store the label without rotation'
            )
    raise SizeMismatchError(label, received, expected, hint)


def exif_orientation(path: Path) -> int:
    """Return the EXIF orientation of an image file, 1 if it has none."""
    try:
        with library_errors(partial(UnreadableFileError, path, 'image')):
            from PIL import Image

            with Image.open(path) as image:
                # In TIFF it is no EXIF, and all readers apply it.
                is_tiff = image.format == 'TIFF'
                return 1 if is_tiff else int(image.getexif().get(_ORIENTATION_TAG, 1))
    # Whether the image can be read, other readers find.
    except UnreadableFileError:
        return 1


@contextmanager
def quiet_opencv() -> Iterator[None]:
    """Keep OpenCV from printing errors of its own, which do not name the file."""
    # It was in cv2 itself before OpenCV 4.6.
    logging = getattr(cv2.utils, 'logging', cv2)
    level = logging.getLogLevel()
    logging.setLogLevel(0)
    try:
        yield
    finally:
        logging.setLogLevel(level)


def _is_cut_jpeg(data: bytes) -> bool:
    """Return whether a JPEG has no end after its header, which OpenCV 4 fills up with gray."""
    at = 2
    while data.startswith(b'\xff', at) and not data.startswith(_JPEG_SCAN, at):
        is_fill = data.startswith(b'\xff\xff', at)
        length_at, length_end = at + 2, at + 4
        at += 1 if is_fill else 2 + int.from_bytes(data[length_at:length_end], 'big')
    return data.find(_JPEG_END, at) < 0


def _gray_png(data: bytes) -> Optional[npt.NDArray[Any]]:
    """Return the pixels of a complete gray PNG of 8 or 16 bits, the usual label image, or None."""
    is_gray = data[24:26] in _PNG_GRAY
    if not (is_gray and data.startswith(_PNG) and data.endswith(_PNG_END)):
        return None
    with quiet_opencv():
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    return None if pixels is None or pixels.ndim != 2 else np.asarray(pixels)


def _raw_mode(image: 'ImageFile.ImageFile') -> str:
    """Return Pillow's name for how pixels are stored in the file, '' if the format has none."""
    arguments = image.tile[0][3] if image.tile else ''
    return str(arguments[0] if isinstance(arguments, tuple) and arguments else arguments)


@contextmanager
def _large_images() -> Iterator[None]:
    """Let Pillow read images as large as OpenCV does; its own limit is for images of others."""
    from PIL import Image

    limit = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = _MAX_PIXELS
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = limit


def _read_bytes(path: Path, what: str) -> bytes:
    try:
        data = read_regular(path)
    except OSError as error:
        raise UnreadableFileError(path, what, os_reason(error)) from error
    except MemoryError as error:
        raise UnreadableFileError(path, what, 'it does not fit into memory') from error
    if not data:
        raise UnreadableFileError(path, what, 'the file is empty')
    return data
