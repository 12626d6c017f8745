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

"""Frames come from folders, images and videos, in order; what is empty is an error at once."""

from itertools import islice

import cv2
import numpy as np
import pytest
from swiftnet_ros.core.image_files import image_files, open_source, read_image
from swiftnet_ros.errors import FileMissingError, InvalidValueError, NoImagesError


def write_grey(path, value):
    """Write a picture of one grey value."""
    cv2.imwrite(str(path), np.full((6, 8, 3), value, np.uint8))


def greys(frames):
    """Give the grey value of each frame."""
    return [int(frame.pixels[0, 0, 0]) for frame in frames]


@pytest.fixture
def warnings():
    """Give a list that `append`s what a source warns of."""
    return []


def test_a_folder_is_played_in_the_order_of_its_names(tmp_path, warnings):
    for name, value in [('b.png', 20), ('a.png', 10), ('c.JPG', 30)]:
        write_grey(tmp_path / name, value)
    (tmp_path / 'notes.txt').write_text('no image')
    assert greys(open_source(str(tmp_path), False, warnings.append)) == [10, 20, 30]
    assert greys(islice(open_source(str(tmp_path), True, warnings.append), 7)) == [
        10, 20, 30, 10, 20, 30, 10,
    ]  # fmt: skip
    assert warnings == []


def test_an_image_is_read_in_bgr(tmp_path):
    cv2.imwrite(str(tmp_path / 'red.png'), np.full((2, 3, 3), (0, 0, 255), np.uint8))
    frame = read_image(tmp_path / 'red.png')
    assert frame.channel_order == 'bgr'
    assert frame.pixels.tolist() == [[[0, 0, 255]] * 3] * 2


def test_one_image_is_a_source(tmp_path, warnings):
    write_grey(tmp_path / 'a.png', 10)
    assert greys(islice(open_source(str(tmp_path / 'a.png'), True, warnings.append), 2)) == [
        10,
        10,
    ]


def test_a_video_is_played_and_played_again(tmp_path, warnings):
    path = tmp_path / 'v.avi'
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'MJPG'), 10, (64, 48))
    for value in (40, 120, 200):
        writer.write(np.full((48, 64, 3), value, np.uint8))
    writer.release()
    once = greys(open_source(str(path), False, warnings.append))
    assert np.abs(np.array(once) - [40, 120, 200]).max() < 4
    assert greys(islice(open_source(str(path), True, warnings.append), 6)) == once * 2


def test_an_unreadable_image_is_reported_and_left_out(tmp_path, warnings):
    write_grey(tmp_path / 'a.png', 10)
    (tmp_path / 'b.png').write_bytes(b'no picture')
    assert greys(open_source(str(tmp_path), False, warnings.append)) == [10]
    assert len(warnings) == 1 and 'b.png' in warnings[0] and warnings[0].endswith('skipped')


@pytest.mark.parametrize('loop', [True, False])
def test_a_folder_of_unreadable_images_ends_with_an_error(tmp_path, warnings, loop):
    (tmp_path / 'b.png').write_bytes(b'no picture')
    with pytest.raises(NoImagesError, match='a readable image'):
        list(open_source(str(tmp_path), loop, warnings.append))


def test_what_is_missing_or_empty_is_an_error_before_the_first_frame(tmp_path, warnings):
    with pytest.raises(NoImagesError, match=r'no images in .*; expected files ending in \.jpg'):
        open_source(str(tmp_path), True, warnings.append)
    with pytest.raises(FileMissingError, match='folder of images not found: /nowhere'):
        open_source('/nowhere', True, warnings.append)
    (tmp_path / 'v.mp4').write_bytes(b'no video')
    with pytest.raises(InvalidValueError, match="'unreadable', expected a video"):
        open_source(str(tmp_path / 'v.mp4'), True, warnings.append)
    with pytest.raises(NoImagesError):
        image_files(tmp_path)


def test_demo_is_the_folder_that_comes_with_the_package(tmp_path, warnings, monkeypatch):
    (tmp_path / 'images').mkdir()
    write_grey(tmp_path / 'images' / 'a.png', 77)
    monkeypatch.setattr(
        'swiftnet_ros.core.image_files.share_folder', {'demo': tmp_path}.__getitem__
    )
    assert greys(open_source('demo', False, warnings.append)) == [77]
