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

"""Frames of folders, images and videos in order."""

from itertools import islice
import os

import cv2
import numpy as np
import pytest
from swiftnet_ros.core.frame_sources import open_source
from swiftnet_ros.errors import FileMissingError, NoImagesError, UnreadableFileError


def write_gray(path, value):
    """Write a gray image."""
    cv2.imwrite(str(path), np.full((6, 8, 3), value, np.uint8))


def gray_values(frames):
    """Return the gray value of each frame."""
    return [int(item.frame.pixels[0, 0, 0]) for item in frames]


@pytest.fixture
def warnings():
    """Return a list for the warnings of a source."""
    return []


def test_folder_is_played_in_order_of_names(tmp_path, warnings):
    for name, value in [('b.png', 20), ('a.png', 10), ('c.JPG', 30)]:
        write_gray(tmp_path / name, value)
    (tmp_path / 'notes.txt').write_text('no image')
    assert gray_values(open_source(str(tmp_path), warnings.append).play(False)) == [10, 20, 30]
    assert gray_values(islice(open_source(str(tmp_path), warnings.append).play(True), 7)) == [
        10, 20, 30, 10, 20, 30, 10,
    ]  # fmt: skip
    assert warnings == 2 * [f'{tmp_path}: images: 3; skipped: 1 .txt']


def test_single_image_is_a_source(tmp_path, warnings):
    write_gray(tmp_path / 'a.png', 10)
    assert gray_values(
        islice(open_source(str(tmp_path / 'a.png'), warnings.append).play(True), 2)
    ) == [
        10,
        10,
    ]


def test_video_is_played_in_a_loop(tmp_path, warnings):
    path = tmp_path / 'v.avi'
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'MJPG'), 10, (64, 48))
    for value in (40, 120, 200):
        writer.write(np.full((48, 64, 3), value, np.uint8))
    writer.release()
    once = gray_values(open_source(str(path), warnings.append).play(False))
    assert np.abs(np.array(once) - [40, 120, 200]).max() < 4
    assert gray_values(islice(open_source(str(path), warnings.append).play(True), 6)) == once * 2


def test_unreadable_image_is_reported_and_skipped(tmp_path, warnings):
    write_gray(tmp_path / 'a.png', 10)
    (tmp_path / 'b.png').write_bytes(b'no image')
    assert gray_values(open_source(str(tmp_path), warnings.append).play(False)) == [10]
    assert len(warnings) == 1 and 'b.png' in warnings[0] and warnings[0].endswith('skipped')


@pytest.mark.parametrize('loop', [True, False])
def test_folder_of_unreadable_images_raises(tmp_path, warnings, loop):
    (tmp_path / 'b.png').write_bytes(b'no image')
    with pytest.raises(NoImagesError, match='a readable image'):
        list(open_source(str(tmp_path), warnings.append).play(loop))


def test_missing_or_empty_source_raises_before_the_first_frame(tmp_path, warnings):
    with pytest.raises(NoImagesError, match=r'no images in .*; expected files ending in \.jpg'):
        open_source(str(tmp_path), warnings.append)
    with pytest.raises(FileMissingError, match='folder of images not found: /nowhere'):
        open_source('/nowhere', warnings.append)
    (tmp_path / 'v.mp4').write_bytes(b'no video')
    with pytest.raises(UnreadableFileError, match='cannot read video .*v.mp4'):
        open_source(str(tmp_path / 'v.mp4'), warnings.append)


def test_demo_is_the_folder_of_the_package(tmp_path, warnings, monkeypatch):
    (tmp_path / 'images').mkdir()
    write_gray(tmp_path / 'images' / 'a.png', 77)
    monkeypatch.setattr(
        'swiftnet_ros.core.frame_sources.share_folder', {'demo': tmp_path}.__getitem__
    )
    assert gray_values(open_source('demo', warnings.append).play(False)) == [77]


@pytest.mark.parametrize('name', [b'\xff\xfe.avi', b'frame_0001.avi', b'%d.avi', b'a b.AVI'])
def test_video_of_any_name_is_read(tmp_path, warnings, name):
    path = tmp_path / os.fsdecode(name)
    writer = cv2.VideoWriter(str(tmp_path / 'v.avi'), cv2.VideoWriter_fourcc(*'MJPG'), 10, (16, 8))
    for value in (40, 200):
        writer.write(np.full((8, 16, 3), value, np.uint8))
    writer.release()
    (tmp_path / 'v.avi').rename(path)
    found = gray_values(open_source(str(path), warnings.append).play())
    assert np.abs(np.array(found) - [40, 200]).max() < 4


@pytest.mark.parametrize('name', ['notes1.txt', 'v.mp4', 'without_suffix'])
def test_file_that_is_no_video_is_one_line(tmp_path, warnings, name):
    (tmp_path / name).write_bytes(b'no video')
    with pytest.raises(UnreadableFileError, match=f'cannot read video .*{name}'):
        open_source(str(tmp_path / name), warnings.append)


def test_every_second_frame_of_a_folder_and_a_video_keeps_its_name(tmp_path, warnings):
    writer = cv2.VideoWriter(str(tmp_path / 'v.avi'), cv2.VideoWriter_fourcc(*'MJPG'), 10, (16, 8))
    (tmp_path / 'images').mkdir()
    for value in (10, 60, 110, 160, 210):
        writer.write(np.full((8, 16, 3), value, np.uint8))
        write_gray(tmp_path / 'images' / f'v{value:03d}.png', value)
    writer.release()
    video = open_source(str(tmp_path / 'v.avi'), warnings.append, every=2)
    folder = open_source(str(tmp_path / 'images'), warnings.append, every=2)
    assert [item.name for item in video.play()] == ['000000', '000002', '000004']
    assert np.abs(np.array(gray_values(video.play())) - [10, 110, 210]).max() < 4
    assert [item.name for item in folder.play()] == ['v010', 'v110', 'v210']
    assert gray_values(folder.play()) == [10, 110, 210]
    assert (video.total, folder.total) == (None, 3)


def test_images_of_one_name_keep_their_suffix_in_it(tmp_path, warnings):
    for name in ('a.png', 'a.bmp', 'b.png'):
        write_gray(tmp_path / name, 10)
    names = [item.name for item in open_source(str(tmp_path), warnings.append).play()]
    assert names == ['a.bmp', 'a.png', 'b']
