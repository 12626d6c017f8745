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

"""Frames in order, with names, from a folder of images, an image, or a video."""

from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Callable, Iterator, List, Optional

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


@dataclass(frozen=True)
class NamedFrame:
    """A frame, and the name of its file without suffix, or its number in a video."""

    name: str
    frame: Frame


@dataclass(frozen=True)
class FrameSource:
    """Starts a pass over its frames, in order; `total` is how many there may be, if known."""

    path: Path
    start: Callable[[], Iterator[NamedFrame]]
    total: Optional[int] = None

    def play(self, loop: bool = False) -> Iterator[NamedFrame]:
        """Yield the frames once or endlessly; raise NoImagesError if a pass has none."""
        for _ in count() if loop else range(1):
            played = False
            for frame in self.start():
                played = True
                yield frame
            if not played:
                raise NoImagesError(self.path, ('a readable image or video frame',))


def open_source(source: str, warn: Warn, every: int = 1) -> FrameSource:
    """
    Open a folder of images, an image, a video, or `demo`, the demo images of this package.

    Of `every` so many frames the first is read. Raise at once if the source is missing or empty.
    Unreadable images are reported to `warn` and skipped.
    """
    path = share_folder(DEMO) / 'images' if source == DEMO else Path(expand_path(source))
    if path.is_file() and not _is_image(path):
        if not path.stat().st_size:
            # Some files of the kernel, in /proc, have no size and block their reader.
            raise UnreadableFileError(path, 'video', 'the file is empty')
        with _open_video(path):
            return FrameSource(path, lambda: _video_frames(path, every))
    files = [path] if path.is_file() else image_files(path, warn)[::every]
    return FrameSource(path, lambda: _image_frames(files, warn), len(files))


def _is_image(path: Path) -> bool:
    suffix = path.suffix.lower()
    return suffix in IMAGE_SUFFIXES and suffix not in _VIDEO_SUFFIXES


def _image_frames(files: List[Path], warn: Warn) -> Iterator[NamedFrame]:
    stems = Counter(path.stem for path in files)
    for path in files:
        try:
            # Two images may have the same name but for their suffix.
            yield NamedFrame(path.stem if stems[path.stem] == 1 else path.name, read_image(path))
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


def _video_frames(path: Path, every: int) -> Iterator[NamedFrame]:
    with _open_video(path) as video:
        for number in count():
            if not video.grab():
                return
            if number % every == 0:
                is_read, pixels = video.retrieve()
                if not is_read:
                    return
                yield NamedFrame(f'{number:06d}', Frame(np.asarray(pixels, np.uint8), 'bgr'))
