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

"""Images, label images and videos read from files."""

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
    UnreadableFileError,
)
from swiftnet_ros.model_spec import ModelSpec
from swiftnet_ros.system.paths import expand_path, share_folder

DEMO = 'demo'
IMAGE_SUFFIXES = ('.jpg', '.jpeg', '.png', '.bmp')


def image_files(folder: Path) -> List[Path]:
    """Return the images of a folder, sorted by name; raise NoImagesError if there are none."""
    if not folder.is_dir():
        raise FileMissingError(folder, 'folder of images')
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES)
    if not found:
        raise NoImagesError(folder, IMAGE_SUFFIXES)
    return found


def read_image(path: Path) -> Frame:
    """Return an image file as a BGR frame, or raise UnreadableFileError."""
    pixels = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if pixels is None:
        raise UnreadableFileError(path, 'image')
    return Frame(np.asarray(pixels, np.uint8), 'bgr')


def label_file(image: Path, folder: Path) -> Path:
    """Return the PNG of the same name in a folder of labels, or raise MissingLabelError."""
    if not folder.is_dir():
        raise FileMissingError(folder, 'folder of labels')
    label = folder / f'{image.stem}.png'
    if not label.is_file():
        raise MissingLabelError(image, label)
    return label


def read_label(path: Path, spec: ModelSpec, size: Tuple[int, int]) -> Labels:
    """
    Return the class ids [H, W] of a label image of `size`, (height, width).

    255 and the ids that training ignored become the spec's unlabeled id, unless they are class
    ids. Raise UnreadableFileError, InvalidValueError, SizeMismatchError or LabelIdError.
    """
    ids = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if ids is None:
        raise UnreadableFileError(path, 'label image')
    if ids.ndim != 2:
        raise InvalidValueError(f'number of channels of {path}', ids.shape[2], '1, class ids')
    if ids.shape != size:
        raise SizeMismatchError(path, ids.shape, size)
    classes = len(spec.classes)
    outside = ids >= classes
    unlabeled = (255, spec.unlabeled_id, *spec.ignored_source_ids)
    wrong = np.setdiff1d(ids[outside], unlabeled)
    if wrong.size:
        raise LabelIdError(path, wrong.tolist(), classes)
    return np.where(outside, np.uint16(spec.unlabeled_id), ids).astype(ids.dtype)


def open_source(source: str, loop: bool, warn: Callable[[str], None]) -> Iterator[Frame]:
    """
    Return an iterator of the frames of a source, endless with `loop`.

    `source` is a folder of images, an image, a video, or `demo`, the demo images of this package.
    Raise at once if it is missing or empty. Unreadable images are reported to `warn` and skipped.
    """
    path = share_folder(DEMO) / 'images' if source == DEMO else Path(expand_path(source))
    if path.is_file() and path.suffix.lower() not in IMAGE_SUFFIXES:
        _open_video(path).release()
        return _play(lambda: _video_frames(path), path, loop)
    files = [path] if path.is_file() else image_files(path)
    return _play(lambda: _image_frames(files, warn), path, loop)


def _play(start: Callable[[], Iterator[Frame]], path: Path, loop: bool) -> Iterator[Frame]:
    """Yield the frames once or endlessly; raise NoImagesError if a pass has none."""
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
        except UnreadableFileError as error:
            warn(f'{error}; skipped')


def _open_video(path: Path) -> cv2.VideoCapture:
    video = cv2.VideoCapture(str(path))
    if not video.isOpened():
        raise UnreadableFileError(path, 'video')
    return video


def _video_frames(path: Path) -> Iterator[Frame]:
    video = _open_video(path)
    try:
        while True:
            is_read, pixels = video.read()
            if not is_read:
                return
            yield Frame(np.asarray(pixels, np.uint8), 'bgr')
    finally:
        video.release()
