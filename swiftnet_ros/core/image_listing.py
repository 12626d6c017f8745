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

"""Which files of a folder are images, and which of them belong to which label images."""

from collections import Counter
from dataclasses import dataclass, field
import os
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Sequence, Tuple
import unicodedata

from swiftnet_ros.core.image_files import exif_orientation
from swiftnet_ros.errors import (
    DuplicateNameError,
    FileMissingError,
    listing,
    NoImagesError,
    UnpairedFilesError,
    UnreadableFileError,
)
from swiftnet_ros.system.process import print_warning
from swiftnet_ros.text import os_reason, safe_text

_JPEG_SUFFIXES = ('.jpg', '.jpeg', '.jpe', '.jfif')
# Without loss, or with a choice of it.
LABEL_SUFFIXES = ('.png', '.bmp', '.dib', '.gif', '.tif', '.tiff', '.webp')
_RARE_SUFFIXES = ('.pbm', '.pgm', '.ppm', '.pnm', '.pxm', '.sr', '.ras', '.jp2', '.avif')
# What OpenCV reads, without formats of floating-point numbers.
IMAGE_SUFFIXES = (*_JPEG_SUFFIXES, *LABEL_SUFFIXES, *_RARE_SUFFIXES)
# Files and folders that operating systems and file servers add.
_SYSTEM_NAMES = {'thumbs.db', 'ehthumbs.db', 'desktop.ini', '__macosx', '@eadir', '$recycle.bin'}
_MAX_UNPAIRED = 0.05
# Help of the option --allow-unpaired.
ALLOW_UNPAIRED = 'leave out images without a label and the reverse, however many'
_MAX_NAMED = 3
_MAX_CHECKED = 200
_MAX_KINDS = 6

Warn = Callable[[str], None]


@dataclass
class FoundFiles:
    """The files in a folder with certain endings, sorted by path, and how many others it has."""

    folder: Path
    endings: Sequence[str]
    files: List[Path] = field(default_factory=list)
    skipped: 'Counter[str]' = field(default_factory=Counter)

    def by_name(self) -> Dict[str, Path]:
        """Return the files by relative path without ending; raise DuplicateNameError for two."""
        found: Dict[str, Path] = {}
        for path in self.files:
            relative = str(path.relative_to(self.folder))
            ending = next(e for e in self.endings if relative.lower().endswith(e.lower()))
            # macOS stores accented letters decomposed.
            name = unicodedata.normalize('NFC', relative[: -len(ending)])
            if name in found:
                raise DuplicateNameError(found[name], path)
            found[name] = path
        return found

    def skipped_text(self) -> str:
        """Return how many files were skipped by kind, as "3 .txt, 2 hidden", or ''."""
        kinds = sorted(self.skipped.items(), key=lambda item: (-item[1], item[0]))
        parts = [f'{count} {safe_text(kind, 20)}' for kind, count in kinds[:_MAX_KINDS]]
        others = sum(count for _, count in kinds[_MAX_KINDS:])
        return listing([*parts, f'{others} others'] if others else parts)


def find_files(
    folder: Path, endings: Sequence[str], what: str, nested: bool = False
) -> FoundFiles:
    """
    Return the files of a folder with one of the endings, in any case.

    Messages call them `what`. With `nested` folders are searched too. Links are followed. Hidden
    files and those of operating systems are skipped. Raise FileMissingError for no folder,
    NoImagesError if there are no such files.
    """
    if not os.path.isdir(folder):
        raise FileMissingError(folder, f'folder of {what}')
    lower = tuple(ending.lower() for ending in endings)
    found = FoundFiles(folder, endings)
    for path in _walk(folder, nested, found.skipped, ()):
        if path.name.lower().endswith(lower):
            found.files.append(path)
        else:
            found.skipped[path.suffix.lower() or 'without a suffix'] += 1
    found.files.sort()
    if not found.files:
        raise NoImagesError(folder, endings, found.skipped_text())
    return found


def _walk(
    folder: Path, nested: bool, skipped: 'Counter[str]', parents: Tuple[str, ...]
) -> Iterator[Path]:
    """Yield the files of a folder; count what is neither a file nor searched."""
    parents = (*parents, os.path.realpath(folder))
    try:
        names = os.listdir(folder)
    except OSError as error:
        raise UnreadableFileError(folder, 'folder', os_reason(error)) from error
    for name in names:
        path = folder / name
        if name.startswith('.') or name.lower() in _SYSTEM_NAMES:
            skipped['hidden'] += 1
        elif os.path.isfile(path):
            yield path
        elif not os.path.isdir(path):
            skipped['broken links' if os.path.islink(path) else 'special files'] += 1
        elif not nested:
            skipped['folders'] += 1
        # A link to one of its parents would have no end.
        elif os.path.realpath(path) not in parents:
            yield from _walk(path, nested, skipped, parents)


def image_files(folder: Path, warn: Warn = print_warning) -> List[Path]:
    """
    Return the images of a folder, sorted by name; what else it has is reported to `warn`.

    Raise FileMissingError for no folder, NoImagesError if there are no images.
    """
    found = find_files(folder, IMAGE_SUFFIXES, 'images')
    if found.skipped:
        warn(f'{safe_text(folder)}: images: {len(found.files)}; skipped: {found.skipped_text()}')
    return found.files


def pair_files(
    images: Path,
    labels: Path,
    image_ending: str = '',
    label_ending: str = '',
    nested: bool = True,
    allow_unpaired: bool = False,
    warn: Warn = print_warning,
) -> List[Tuple[Path, Path]]:
    """
    Return the images of a folder and the labels with the same relative path in another.

    An image without a label or the reverse is left out, and reported to `warn` in one line with
    all files that were skipped. Names are compared without suffixes, or without the given endings;
    then other files are expected and not reported. Raise UnpairedFilesError if more than 5 % are
    unpaired, unless `allow_unpaired`, or if all are; DuplicateNameError for two files of one name.
    """
    endings = (image_ending,) if image_ending else IMAGE_SUFFIXES
    label_endings = (label_ending,) if label_ending else LABEL_SUFFIXES
    found = (
        find_files(images, endings, 'images', nested),
        find_files(labels, label_endings, 'labels', nested),
    )
    named, labeled = (item.by_name() for item in found)
    pairs = [(path, labeled[name]) for name, path in named.items() if name in labeled]
    lonely = [path for name, path in named.items() if name not in labeled]
    unused = [path for name, path in labeled.items() if name not in named]
    parts = [f'{safe_text(images)} and {safe_text(labels.name)}: {len(pairs)} pairs']
    parts += missing_files('images without a label', lonely, images)
    parts += missing_files('labels without an image', unused, labels)
    for item, ending in zip(found, (image_ending, label_ending)):
        if item.skipped and not ending:
            parts.append(f'skipped in {safe_text(item.folder.name)}: {item.skipped_text()}')
    check_unpaired(parts, len(pairs), len(lonely) + len(unused), allow_unpaired)
    if len(parts) > 1:
        warn('; '.join(parts))
    warn_of_orientation(images, [image for image, _ in pairs], warn)
    return pairs


def check_unpaired(
    parts: Sequence[str], pairs: int, unpaired: int, allow_unpaired: bool = False
) -> None:
    """
    Raise UnpairedFilesError, which says `parts`, for no pairs or too many unpaired files.

    More than 5 % are too many, unless `allow_unpaired`.
    """
    too_many = unpaired > _MAX_UNPAIRED * (pairs + unpaired)
    if not pairs or (too_many and not allow_unpaired):
        raise UnpairedFilesError('; '.join(parts), pairs)


def warn_of_orientation(folder: Path, files: Sequence[Path], warn: Warn = print_warning) -> None:
    """Report rotated images among at most _MAX_CHECKED: their labels may be rotated or not."""
    checked = files[:: -(-len(files) // _MAX_CHECKED)]
    rotated = [path for path in checked if exif_orientation(path) != 1]
    if rotated:
        warn(
            f'{safe_text(folder)}: {len(rotated)} of {len(checked)} images that were checked have '
            f'an EXIF orientation, as {safe_text(rotated[0].name)}; it is ignored, so labels must '
            'be of the pixels as stored'
        )


def missing_files(what: str, files: Sequence[Path], folder: Path) -> List[str]:
    """Return how many files there are and the first of them, as `what`: [] for none."""
    if not files:
        return []
    names = [safe_text(path.relative_to(folder)) for path in files[:_MAX_NAMED]]
    more = ['...'] if len(files) > _MAX_NAMED else []
    return [f'{what}: {len(files)} ({listing(names + more)})']
