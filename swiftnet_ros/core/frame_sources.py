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

"""Frames in order from a folder of images, an image, or a video."""

from contextlib import contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Callable, Iterator, List

import cv2
import numpy as np
from swiftnet_ros.core.frames import Frame
from swiftnet_ros.core.image_files import quiet_opencv, read_image
from swiftnet_ros.core.image_listing import image_files, IMAGE_SUFFIXES, Warn
from swiftnet_ros.errors import NoImagesError, UnreadableFileError
from swiftnet_ros.system.paths import expand_path, share_folder

DEMO = 'demo'
# Files of these suffixes may be videos.
_VIDEO_SUFFIXES = ('.gif',)


def open_source(source: str, loop: bool, warn: Warn) -> Iterator[Frame]:
    """
    Return an iterator of the frames of a source, endless with `loop`.

    `source` is a folder of images, an image, a video, or `demo`, the demo images of this package.
    Raise at once if it is missing or empty. Unreadable images are reported to `warn` and skipped.
    """
    path = share_folder(DEMO) / 'images' if source == DEMO else Path(expand_path(source))
    if path.is_file() and not _is_image(path):
        if not path.stat().st_size:
            # Some files of the kernel, in /proc, have no size and block their reader.
            raise UnreadableFileError(path, 'video', 'the file is empty')
        with _open_video(path):
            return _play(lambda: _video_frames(path), path, loop)
    files = [path] if path.is_file() else image_files(path, warn)
    return _play(lambda: _image_frames(files, warn), path, loop)


def _is_image(path: Path) -> bool:
    suffix = path.suffix.lower()
    return suffix in IMAGE_SUFFIXES and suffix not in _VIDEO_SUFFIXES


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


@contextmanager
def _open_video(path: Path) -> Iterator[cv2.VideoCapture]:
    """
    Open a video; raise UnreadableFileError if it is none.

    OpenCV reads it through a link, since it takes names with a number for a sequence of images,
    and cannot take names that are not UTF-8. Like that of images, an orientation is ignored.
    """
    suffix = path.suffix if path.suffix.isascii() else ''
    with TemporaryDirectory() as folder:
        link = Path(folder, f'video{suffix}')
        link.symlink_to(path.resolve())
        try:
            with quiet_opencv():
                video = cv2.VideoCapture(str(link))
        except cv2.error as error:
            raise UnreadableFileError(path, 'video', error.err) from error
        try:
            if not video.isOpened():
                raise UnreadableFileError(path, 'video')
            video.set(cv2.CAP_PROP_ORIENTATION_AUTO, 0)
            yield video
        finally:
            video.release()


def _video_frames(path: Path) -> Iterator[Frame]:
    with _open_video(path) as video:
        while True:
            is_read, pixels = video.read()
            if not is_read:
                return
            yield Frame(np.asarray(pixels, np.uint8), 'bgr')
