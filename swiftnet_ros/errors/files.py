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

"""Errors of files and folders, and of images and labels in them."""

from typing import Iterable, Sequence

from swiftnet_ros.errors.base import listing, SwiftnetError
from swiftnet_ros.text import one_line, safe_text

_UNREADABLE = 'it is damaged, of an unsupported format, or not readable by this user'


class FileMissingError(SwiftnetError):
    """A file or folder given by the user that does not exist."""

    def __init__(self, path: object, what: str = 'file') -> None:
        super().__init__(f'{what} not found: {safe_text(path)}; check the path')


class UnreadableFileError(SwiftnetError):
    """A file that exists and cannot be read as what it should be."""

    def __init__(self, path: object, what: str, reason: object = '') -> None:
        text = f': {one_line(reason)}' if reason else f'; {_UNREADABLE}'
        super().__init__(f'cannot read {what} {safe_text(path)}{text}')


class FolderNotCreatedError(SwiftnetError):
    """A folder for output that cannot be created."""

    def __init__(self, path: object, reason: object) -> None:
        super().__init__(
            f'cannot create folder {safe_text(path)}: {reason}; choose another folder'
        )


class UnsetVariableError(SwiftnetError):
    """A path with an environment variable that is not set."""

    def __init__(self, path: str, variable: str) -> None:
        super().__init__(
            f'{path!r} has the environment variable {variable}, which is not set; set it, or give '
            'the path without it'
        )


class ImageEncodingError(SwiftnetError):
    """An image, of `shape` [H, W, ...], that OpenCV cannot encode."""

    def __init__(self, shape: Sequence[int], suffix: str) -> None:
        sides = 'x'.join(str(side) for side in (*reversed(shape[:2]), *shape[2:]))
        super().__init__(
            f'cannot encode an image of {sides} (width x height) as {suffix or "no format"}; '
            'choose a smaller size (output_size of the node) or another format'
        )


class AnimationError(SwiftnetError):
    """An animated WebP that Pillow cannot write."""

    def __init__(self, reason: object) -> None:
        super().__init__(
            f'Pillow cannot write an animated WebP: {one_line(reason)}; install one that can: '
            'pip install --upgrade pillow'
        )


class NoImagesError(SwiftnetError):
    """A folder without images; `skipped` says what it has."""

    def __init__(self, folder: object, suffixes: Iterable[str], skipped: str = '') -> None:
        expected = f'expected files ending in {listing(suffixes)}'
        found = f'; skipped {skipped}' if skipped else ''
        super().__init__(f'no images in {safe_text(folder)}; {expected}{found}')


class DuplicateNameError(SwiftnetError):
    """Two images or labels whose names differ in the suffix only."""

    def __init__(self, first: object, second: object) -> None:
        files = f'{safe_text(first)} and {safe_text(second)}'
        super().__init__(
            f'{files} have the same name without suffix, so that images and labels cannot be '
            'paired; rename or remove one of them'
        )


class UnpairedFilesError(SwiftnetError):
    """Too many images without a label, or labels without an image."""

    def __init__(self, found: str, pairs: int) -> None:
        advice = 'add what is missing, or leave unpaired files out with --allow-unpaired'
        if pairs == 0:
            advice = 'a label needs the name of its image'
        super().__init__(f'{found}; {advice}')


class LabelFormatError(SwiftnetError):
    """A label image whose pixels are not class ids."""

    def __init__(self, path: object, found: str, advice: str) -> None:
        super().__init__(f'label image {safe_text(path)} has {found}, expected ids; {advice}')


class LabelIdError(SwiftnetError):
    """A label image with ids that are not in the class table."""

    def __init__(self, label: object, ids: Iterable[int], classes: int) -> None:
        super().__init__(
            f'{safe_text(label)} contains label ids {safe_text(listing(ids))}, the class table '
            f'has 0 to {classes - 1} and 255 for unlabeled; correct the labels or the class table'
        )


class SizeMismatchError(SwiftnetError):
    """Two images that must have the same size, (height, width), and do not."""

    def __init__(
        self, name: object, received: Sequence[int], expected: Sequence[int], hint: str = ''
    ) -> None:
        found, wanted = ('x'.join(map(str, reversed(size))) for size in (received, expected))
        super().__init__(
            f'{safe_text(name)} is {found} pixels, expected {wanted} (width x height){hint}'
        )
