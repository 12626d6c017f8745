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

"""Frames of folders, images and videos in order, and label images as class ids."""

from itertools import islice

import cv2
import numpy as np
import pytest
from swiftnet_ros.core.image_files import (
    image_files,
    label_file,
    open_source,
    read_image,
    read_label,
)
from swiftnet_ros.errors import (
    FileMissingError,
    InvalidValueError,
    LabelIdError,
    MissingLabelError,
    NoImagesError,
    SizeMismatchError,
    UnreadableFileError,
)


def write_gray(path, value):
    """Write a gray image."""
    cv2.imwrite(str(path), np.full((6, 8, 3), value, np.uint8))


def gray_values(frames):
    """Return the gray value of each frame."""
    return [int(frame.pixels[0, 0, 0]) for frame in frames]


@pytest.fixture
def warnings():
    """Return a list for the warnings of a source."""
    return []


def test_folder_is_played_in_order_of_names(tmp_path, warnings):
    for name, value in [('b.png', 20), ('a.png', 10), ('c.JPG', 30)]:
        write_gray(tmp_path / name, value)
    (tmp_path / 'notes.txt').write_text('no image')
    assert gray_values(open_source(str(tmp_path), False, warnings.append)) == [10, 20, 30]
    assert gray_values(islice(open_source(str(tmp_path), True, warnings.append), 7)) == [
        10, 20, 30, 10, 20, 30, 10,
    ]  # fmt: skip
    assert warnings == []


def test_image_is_read_as_bgr(tmp_path):
    cv2.imwrite(str(tmp_path / 'red.png'), np.full((2, 3, 3), (0, 0, 255), np.uint8))
    frame = read_image(tmp_path / 'red.png')
    assert frame.channel_order == 'bgr'
    assert frame.pixels.tolist() == [[[0, 0, 255]] * 3] * 2


def test_single_image_is_a_source(tmp_path, warnings):
    write_gray(tmp_path / 'a.png', 10)
    assert gray_values(islice(open_source(str(tmp_path / 'a.png'), True, warnings.append), 2)) == [
        10,
        10,
    ]


def test_video_is_played_in_a_loop(tmp_path, warnings):
    path = tmp_path / 'v.avi'
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'MJPG'), 10, (64, 48))
    for value in (40, 120, 200):
        writer.write(np.full((48, 64, 3), value, np.uint8))
    writer.release()
    once = gray_values(open_source(str(path), False, warnings.append))
    assert np.abs(np.array(once) - [40, 120, 200]).max() < 4
    assert gray_values(islice(open_source(str(path), True, warnings.append), 6)) == once * 2


def test_unreadable_image_is_reported_and_skipped(tmp_path, warnings):
    write_gray(tmp_path / 'a.png', 10)
    (tmp_path / 'b.png').write_bytes(b'no image')
    assert gray_values(open_source(str(tmp_path), False, warnings.append)) == [10]
    assert len(warnings) == 1 and 'b.png' in warnings[0] and warnings[0].endswith('skipped')


@pytest.mark.parametrize('loop', [True, False])
def test_folder_of_unreadable_images_raises(tmp_path, warnings, loop):
    (tmp_path / 'b.png').write_bytes(b'no image')
    with pytest.raises(NoImagesError, match='a readable image'):
        list(open_source(str(tmp_path), loop, warnings.append))


def test_missing_or_empty_source_raises_before_the_first_frame(tmp_path, warnings):
    with pytest.raises(NoImagesError, match=r'no images in .*; expected files ending in \.jpg'):
        open_source(str(tmp_path), True, warnings.append)
    with pytest.raises(FileMissingError, match='folder of images not found: /nowhere'):
        open_source('/nowhere', True, warnings.append)
    (tmp_path / 'v.mp4').write_bytes(b'no video')
    with pytest.raises(UnreadableFileError, match='cannot read video .*v.mp4'):
        open_source(str(tmp_path / 'v.mp4'), True, warnings.append)
    with pytest.raises(NoImagesError):
        image_files(tmp_path)


def test_demo_is_the_folder_of_the_package(tmp_path, warnings, monkeypatch):
    (tmp_path / 'images').mkdir()
    write_gray(tmp_path / 'images' / 'a.png', 77)
    monkeypatch.setattr(
        'swiftnet_ros.core.image_files.share_folder', {'demo': tmp_path}.__getitem__
    )
    assert gray_values(open_source('demo', False, warnings.append)) == [77]


def written(path, ids, dtype=np.uint8):
    """Write ids [H, W] as a PNG and return its path."""
    cv2.imwrite(str(path), np.array(ids, dtype))
    return path


def test_ignored_ids_become_unlabeled(tmp_path, spec_with):
    """Source id 11 of CamVid is void; 255 is unlabeled everywhere."""
    path = written(tmp_path / 'a.png', [[0, 4, 11], [255, 2, 3]])
    ids = read_label(path, spec_with(ignored_source_ids=(11,)), (2, 3))
    assert ids.tolist() == [[0, 4, 255], [255, 2, 3]] and ids.dtype == np.uint8


def test_ignored_id_that_is_a_class_stays_the_class(tmp_path, spec_with):
    path = written(tmp_path / 'a.png', [[0, 1]])
    assert read_label(path, spec_with(ignored_source_ids=(0,)), (1, 2)).tolist() == [[0, 1]]


def test_16_bit_labels_have_65535_for_unlabeled(tmp_path, spec_with):
    path = written(tmp_path / 'a.png', [[299, 65535, 255]], np.uint16)
    ids = read_label(path, spec_with(class_count=300, ignored_source_ids=()), (1, 3))
    assert ids.tolist() == [[299, 65535, 255]]


def test_error_names_all_ids_outside_the_class_table(tmp_path, spec_with):
    path = written(tmp_path / 'a.png', [[0, 5, 40, 11]])
    with pytest.raises(
        LabelIdError, match=r'a\.png contains label ids 5, 40, the class table has 0'
    ):
        read_label(path, spec_with(), (1, 4))


def test_label_of_another_size_or_kind_raises(tmp_path, spec_with):
    path = written(tmp_path / 'a.png', [[0, 1]])
    with pytest.raises(SizeMismatchError, match='2x1 pixels, expected 4x3'):
        read_label(path, spec_with(), (3, 4))
    with pytest.raises(InvalidValueError, match='channels of .*a.png is 3, expected 1'):
        read_label(written(path, np.zeros((1, 2, 3))), spec_with(), (1, 2))
    path.write_bytes(b'no image')
    with pytest.raises(UnreadableFileError, match='cannot read label image'):
        read_label(path, spec_with(), (1, 2))


def test_label_of_an_image_has_its_name(tmp_path):
    image, label = tmp_path / 'x' / '07.jpg', written(tmp_path / '07.png', [[0]])
    assert label_file(image, tmp_path) == label
    with pytest.raises(MissingLabelError, match=r'no label for image .*08\.jpg; expected .*\.png'):
        label_file(tmp_path / '08.jpg', tmp_path)
    with pytest.raises(FileMissingError, match='folder of labels not found'):
        label_file(image, tmp_path / 'nowhere')
