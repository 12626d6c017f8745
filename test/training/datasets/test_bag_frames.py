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

"""Frames of bags: raw and compressed images of one topic, of both kinds of storage."""

from pathlib import Path
import sys

from helpers.bags import jpeg, write_bag
import numpy as np
import pytest
from swiftnet_ros.core.frames import to_rgb
from swiftnet_ros.errors import (
    FileMissingError,
    InvalidValueError,
    UnknownNameError,
    UnreadableFileError,
    UnsupportedEncodingError,
)
from training.datasets.bag import is_bag, open_bag
from training.datasets.base import MissingPackageError

START = 1_600_000_000_900_000_000
IMAGES = [np.full((6, 8, 3), value, np.uint8) for value in (10, 60, 110, 160, 210)]
RAW, JPEG, DEPTH = '/cam/image_raw', '/cam/image_raw/compressed', '/depth'


def values(source) -> list[int]:
    """Return the first value of each frame."""
    return [int(to_rgb(item.frame)[0, 0, 0]) for item in source.play()]


@pytest.mark.parametrize('storage', ['sqlite3', 'mcap'])
def test_frames_of_the_only_image_topic_are_named_by_number_and_stamp(tmp_path, storage):
    bag = write_bag(tmp_path / 'bag', [(RAW, image) for image in IMAGES], START, storage)
    assert is_bag(bag)
    source = open_bag(bag, None, pytest.fail, every=2)
    assert [item.name for item in source.play()] == [
        '000000_1600000000_900000000',
        '000002_1600000001_100000000',
        '000004_1600000001_300000000',
    ]
    assert (values(source), source.total) == ([10, 110, 210], 3)
    (file,) = [path for path in bag.iterdir() if path.suffix in ('.mcap', '.db3')]
    assert is_bag(file)
    assert values(open_bag(file, RAW, pytest.fail)) == [10, 60, 110, 160, 210]


@pytest.mark.parametrize('compression', ['file', 'message'])
def test_compressed_bag_has_the_same_frames(tmp_path, compression):
    content = [(RAW, image) for image in IMAGES]
    bag = write_bag(tmp_path / 'bag', content, START, 'sqlite3', compression)
    assert values(open_bag(bag, None, pytest.fail)) == [10, 60, 110, 160, 210]


def test_topic_is_chosen_by_name_among_several(tmp_path):
    content = [(RAW, IMAGES[0]), (JPEG, jpeg(IMAGES[1])), (RAW, IMAGES[2])]
    bag = write_bag(tmp_path / 'bag', content, START)
    assert values(open_bag(bag, RAW, pytest.fail)) == [10, 110]
    assert values(open_bag(bag, JPEG.lstrip('/'), pytest.fail)) == [60]
    with pytest.raises(InvalidValueError, match=f'bag: {RAW}, {JPEG}$'):
        open_bag(bag, None, pytest.fail)
    with pytest.raises(UnknownNameError, match=f"did you mean '{RAW}'"):
        open_bag(bag, '/cam/image', pytest.fail)


def test_damaged_image_is_reported_and_skipped(tmp_path):
    content = [(JPEG, jpeg(IMAGES[1])), (JPEG, b'no image'), (JPEG, jpeg(IMAGES[3]))]
    bag, warnings = write_bag(tmp_path / 'bag', content, START), []
    assert values(open_bag(bag, None, warnings.append)) == [60, 160]
    assert len(warnings) == 1 and warnings[0].startswith(f'image 1 of {JPEG}: invalid frame: ')


def test_topic_without_colors_ends_at_its_first_image(tmp_path):
    bag = write_bag(tmp_path / 'bag', [(DEPTH, np.full((4, 4), 9, np.uint16))] * 2, START)
    with pytest.raises(UnsupportedEncodingError, match='16UC1'):
        values(open_bag(bag, None, pytest.fail))


def test_unreadable_bags_are_one_line_errors(tmp_path):
    bag = write_bag(tmp_path / 'bag', [(RAW, IMAGES[0])], START, 'mcap')
    (file,) = bag.glob('*.mcap')
    (bag / 'metadata.yaml').unlink()
    with pytest.raises(UnreadableFileError, match='metadata.yaml is missing; write it with'):
        open_bag(bag, None, pytest.fail)
    file.write_bytes(file.read_bytes()[:200])
    with pytest.raises(UnreadableFileError, match=f'cannot read bag .*{file.name}'):
        open_bag(file, None, pytest.fail)
    with pytest.raises(FileMissingError, match='bag not found: none.mcap'):
        open_bag(Path('none.mcap'), None, pytest.fail)


def test_bag_without_images_names_its_topics(tmp_path):
    pytest.importorskip('rosbags', reason='rosbags is not installed')
    from rosbags import rosbag2, typesys

    store = typesys.get_typestore(typesys.Stores.ROS2_HUMBLE)
    with rosbag2.Writer(tmp_path / 'bag', version=9) as writer:
        writer.add_connection('/chatter', 'std_msgs/msg/String', typestore=store)
    with pytest.raises(UnreadableFileError, match='or CompressedImage; its topics: /chatter'):
        open_bag(tmp_path / 'bag', None, pytest.fail)


def test_missing_rosbags_is_one_line_with_the_extra(tmp_path, monkeypatch):
    (tmp_path / 'a.mcap').touch()
    monkeypatch.setitem(sys.modules, 'rosbags', None)
    monkeypatch.setitem(sys.modules, 'rosbags.rosbag2', None)
    with pytest.raises(MissingPackageError, match=r"rosbags, .*: pip install -e '\.\[bags\]'$"):
        open_bag(tmp_path / 'a.mcap', None, pytest.fail)
