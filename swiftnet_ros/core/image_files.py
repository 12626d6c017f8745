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

"""Frames from files: a folder of images, one image, a video, or the shipped demo frames."""

from itertools import count
from pathlib import Path
from typing import Callable, Iterator, List, Tuple

import cv2
import numpy as np
from swiftnet_ros.core.frames import Frame
from swiftnet_ros.core.labels import Labels
from swiftnet_ros.errors import (
    FileMissingError,
    InvalidValueError,
    LabelIdError,
    MissingLabelError,
    NoImagesError,
    SizeMismatchError,
)
from swiftnet_ros.model_spec import ModelSpec
from swiftnet_ros.system.paths import share_folder


def label_file(image: Path, folder: Path) -> Path:
    """Name the label of an image: the PNG of the same name in a folder of labels."""
    if not folder.is_dir():
        raise FileMissingError(folder, 'folder of labels')
    label = folder / f'{image.stem}.png'
    if not label.is_file():
        raise MissingLabelError(image, label)
    return label


def read_label(path: Path, spec: ModelSpec, size: Tuple[int, int]) -> Labels:
    """
    Read class ids [H, W] of `size` (height, width); unlabeled pixels get the spec's id.

    Ids that the spec says were ignored in training count as unlabeled, unless the same number
    is a class: then the file has to hold class ids already.
    """
    ids = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if ids is None or ids.ndim != 2:
        received = 'unreadable' if ids is None else f'an image of {ids.shape[2]} channels'
        raise InvalidValueError(str(path), received, 'a PNG of label ids')
    if ids.shape != size:
        raise SizeMismatchError(path, ids.shape, size)
    classes = len(spec.classes)
    outside = ids >= classes
    unlabeled = (255, spec.unlabeled_id, *spec.ignored_source_ids)
    wrong = np.setdiff1d(ids[outside], unlabeled)
    if wrong.size:
        raise LabelIdError(path, wrong.tolist(), classes)
    return np.where(outside, np.uint16(spec.unlabeled_id), ids).astype(ids.dtype)


DEMO = 'demo'
IMAGE_SUFFIXES = ('.jpg', '.jpeg', '.png', '.bmp')


def image_files(folder: Path) -> List[Path]:
    """List the images of a folder, sorted by name."""
    if not folder.is_dir():
        raise FileMissingError(folder, 'folder of images')
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES)
    if not found:
        raise NoImagesError(folder, IMAGE_SUFFIXES)
    return found


def read_image(path: Path) -> Frame:
    """Read an image file as a BGR frame."""
    pixels = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if pixels is None:
        raise InvalidValueError(str(path), 'unreadable', 'an image file')
    return Frame(np.asarray(pixels, np.uint8), 'bgr')


def open_source(source: str, loop: bool, warn: Callable[[str], None]) -> Iterator[Frame]:
    """
    Give the frames of a source in order, again and again with `loop`.

    `source` is a folder of images, an image, a video, or `demo`. What is missing or empty is an
    error at once; an image that cannot be read is reported to `warn` and left out.
    """
    path = share_folder(DEMO) / 'images' if source == DEMO else Path(source)
    if path.is_file() and path.suffix.lower() not in IMAGE_SUFFIXES:
        _open_video(path).release()
        return _repeated(lambda: _video_frames(path), path, loop)
    files = [path] if path.is_file() else image_files(path)
    return _repeated(lambda: _image_frames(files, warn), path, loop)


def _repeated(start: Callable[[], Iterator[Frame]], path: Path, loop: bool) -> Iterator[Frame]:
    """Play once or for ever; one pass without a single frame is an error."""
    for _ in count() if loop else range(1):
        played = False
        for frame in start():
            played = True
            yield frame
        if not played:
            raise NoImagesError(path, ('a readable image or video frame',))


def _image_frames(files: List[Path], warn: Callable[[str], None]) -> Iterator[Frame]:
    for path in files:
        try:
            yield read_image(path)
        except InvalidValueError as error:
            warn(f'{error}; skipped')


def _open_video(path: Path) -> cv2.VideoCapture:
    video = cv2.VideoCapture(str(path))
    if not video.isOpened():
        raise InvalidValueError(str(path), 'unreadable', 'a video that OpenCV can decode')
    return video


def _video_frames(path: Path) -> Iterator[Frame]:
    video = _open_video(path)
    try:
        while True:
            there, pixels = video.read()
            if not there:
                return
            yield Frame(np.asarray(pixels, np.uint8), 'bgr')
    finally:
        video.release()
