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

"""Images of folders, and the pairs of images and labels: what is left out is reported."""

import os

from PIL import Image
import pytest
from swiftnet_ros.core.image_listing import image_files, pair_files
from swiftnet_ros.errors import (
    DuplicateNameError,
    FileMissingError,
    NoImagesError,
    UnpairedFilesError,
    UnreadableFileError,
)


@pytest.fixture
def warnings():
    """Return a list for the warnings of a listing."""
    return []


@pytest.fixture
def folders(tmp_path):
    """Return two empty folders, of images and labels."""
    made = tmp_path / 'images', tmp_path / 'labels'
    for folder in made:
        folder.mkdir()
    return made


def touch(folder, *names):
    """Create empty files."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def names(pairs):
    """Return the names of pairs of paths."""
    return [(image.name, label.name) for image, label in pairs]


def test_images_of_all_formats_in_any_case_are_listed(tmp_path, warnings):
    found = ['a.JPG', 'b.tif', 'c.TIFF', 'd.bmp', 'e.webp', 'f.ppm', 'g.jp2', 'h.PNG', 'i.jpeg']
    touch(tmp_path, *found)
    assert [path.name for path in image_files(tmp_path, warnings.append)] == found
    assert warnings == []


def test_what_is_skipped_is_counted_in_one_line(tmp_path, warnings):
    touch(tmp_path, 'a.png', '._a.png', '.hidden.jpg', 'Thumbs.db', '__MACOSX/a.png', 'x/b.png')
    touch(tmp_path, 'notes.txt', 'b.TXT', 'README')
    (tmp_path / 'gone.png').symlink_to('nowhere')
    os.mkfifo(tmp_path / 'pipe.png')
    assert [path.name for path in image_files(tmp_path, warnings.append)] == ['a.png']
    assert warnings == [
        f'{tmp_path}: images: 1; skipped: 4 hidden, 2 .txt, 1 broken links, 1 folders, '
        '1 special files, 1 without a suffix'
    ]


def test_many_kinds_of_skipped_files_are_summed(tmp_path, warnings):
    touch(tmp_path, 'a.png', *(f'frame.{i:03}' for i in range(100)))
    image_files(tmp_path, warnings.append)
    assert warnings[0].endswith(
        'skipped: 1 .000, 1 .001, 1 .002, 1 .003, 1 .004, 1 .005, 94 others'
    )


def test_links_are_followed(tmp_path, folders, warnings):
    images, labels = folders
    touch(tmp_path, 'store/a.png', 'store/deep/b.png')
    for folder in folders:
        (folder / 'set').symlink_to(tmp_path / 'store')
        (folder / 'c.png').symlink_to(tmp_path / 'store/a.png')
    # A link to a folder above it has no end.
    (tmp_path / 'store/deep/again').symlink_to(tmp_path / 'store')
    found = pair_files(images, labels, warn=warnings.append)
    assert [str(image.relative_to(images)) for image, _ in found] == [
        'c.png', 'set/a.png', 'set/deep/b.png'
    ]  # fmt: skip
    assert [label for _, label in found] == [
        labels / image.relative_to(images) for image, _ in found
    ]


def test_folder_without_images_says_what_it_has(tmp_path):
    touch(tmp_path, 'a.heic', 'b.heic')
    with pytest.raises(NoImagesError, match=r'expected .*\.jpg, .*; skipped 2 .heic'):
        image_files(tmp_path)
    with pytest.raises(FileMissingError, match='folder of images not found'):
        image_files(tmp_path / 'nowhere')


def test_labels_have_the_name_of_their_image_and_any_lossless_format(folders, warnings):
    images, labels = folders
    touch(images, 'a.jpg', 'b.tif', 'x/c.JPG', 'ä.jpg')
    # macOS stores the letter and its accent.
    touch(labels, 'a.png', 'b.bmp', 'x/c.PNG', 'a\u0308.png')
    assert names(pair_files(images, labels, warn=warnings.append)) == [
        ('a.jpg', 'a.png'), ('b.tif', 'b.bmp'), ('c.JPG', 'c.PNG'), ('ä.jpg', 'a\u0308.png')
    ]  # fmt: skip
    assert warnings == []


def test_few_unpaired_files_are_left_out_in_one_line(folders, warnings):
    images, labels = folders
    touch(images, *(f'{i:03}.jpg' for i in range(40)), 'only_image.jpg', '.DS_Store')
    touch(labels, *(f'{i:03}.png' for i in range(40)), 'only_label.png', '001.json', '001.jpg')
    assert len(pair_files(images, labels, warn=warnings.append)) == 40
    assert warnings == [
        f'{images} and labels: 40 pairs; images without a label: 1 (only_image.jpg); '
        'labels without an image: 1 (only_label.png); skipped in images: 1 hidden; '
        'skipped in labels: 1 .jpg, 1 .json'
    ]


@pytest.mark.parametrize('kind', ['image', 'label'])
def test_more_than_5_percent_unpaired_is_an_error_unless_allowed(folders, warnings, kind):
    images, labels = folders
    touch(images, 'a.jpg', 'b.jpg')
    touch(labels, 'a.png', 'b.png')
    extra = [f'{i}.png' for i in range(5)]
    touch(images if kind == 'image' else labels, *extra)
    with pytest.raises(
        UnpairedFilesError,
        match=rf': 2 pairs; {kind}s without .*: 5 \(0.png, 1.png, 2.png, \.\.\.\).*'
        '--allow-unpaired',
    ):
        pair_files(images, labels)
    found = pair_files(images, labels, allow_unpaired=True, warn=warnings.append)
    assert names(found) == [('a.jpg', 'a.png'), ('b.jpg', 'b.png')]
    assert len(warnings) == 1


def test_exif_orientation_of_labeled_images_is_reported_once(folders, warnings):
    images, labels = folders
    touch(labels, 'a.png', 'b.png')
    for name, orientation in (('a.jpg', 3), ('b.jpg', 1)):
        exif = Image.Exif()
        exif[0x112] = orientation
        Image.new('RGB', (8, 8)).save(images / name, exif=exif)
    pair_files(images, labels, warn=warnings.append)
    assert warnings == [
        f'{images}: 1 of 2 images that were checked have an EXIF orientation, as a.jpg; it is '
        'ignored, so labels must be of the pixels as stored'
    ]


def test_no_pair_at_all_is_always_an_error(folders):
    touch(folders[0], 'a.jpg')
    touch(folders[1], 'b.png')
    with pytest.raises(UnpairedFilesError, match=': 0 pairs'):
        pair_files(*folders, allow_unpaired=True)


@pytest.mark.parametrize('image', ['a.png', 'a.JPG', 'A.jpg'])
def test_two_images_of_one_label_are_an_error(folders, warnings, image):
    images, labels = folders
    touch(images, 'a.jpg', image)
    touch(labels, 'a.png')
    if image == 'A.jpg':
        touch(labels, 'A.png')
        assert len(pair_files(images, labels, warn=warnings.append)) == 2
    else:
        with pytest.raises(DuplicateNameError, match=rf'a\.jpg|{image}.*same name'):
            pair_files(images, labels)


def test_endings_of_names_are_compared_without_case(folders, warnings):
    images, labels = folders
    touch(images, 'x_left.png', 'x_left.json')
    touch(labels, 'x_ids.PNG', 'x_color.png')
    found = pair_files(images, labels, '_left.png', '_ids.png', warn=warnings.append)
    assert names(found) == [('x_left.png', 'x_ids.PNG')] and warnings == []


def test_unreadable_folder_is_one_line(tmp_path, monkeypatch):
    def denied(path):
        raise PermissionError(13, 'Permission denied', str(path))

    monkeypatch.setattr('swiftnet_ros.core.image_listing.os.listdir', denied)
    with pytest.raises(UnreadableFileError, match=f'folder {tmp_path}: Permission denied'):
        image_files(tmp_path)
