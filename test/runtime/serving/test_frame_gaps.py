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

"""Frames that newer ones replaced: counted by their numbers, else estimated by their times."""

import pytest
from swiftnet_ros.serving.frame_gaps import FrameGaps

INTERVAL = 0.04


def info(index, first=1, is_numbered=True):
    """Return what rclpy knows about a frame of a camera of 25 Hz."""
    known = {'source_timestamp': int((1000 + index * INTERVAL) * 1e9)}
    return {**known, 'publication_sequence_number': first + index} if is_numbered else known


def counted(gaps, indices, **kind):
    """Return the counts of frames that are taken by their index, held back in between."""
    counts = []
    for index in indices:
        counts.append(gaps.count(info(index, **kind), index * INTERVAL + 0.01))
        gaps.hold(index * INTERVAL + 0.01)
    return counts


def test_numbered_frames_are_counted():
    assert counted(FrameGaps(lambda: 1), [0, 1, 4, 10]) == [0, 0, 2, 5]


def test_a_gap_in_which_no_frame_was_held_back_is_a_loss_on_the_way():
    gaps = FrameGaps(lambda: 1)
    assert gaps.count(info(0), 0.01) == 0
    assert gaps.count(info(5), 0.21) == 0
    gaps.hold(0.22)
    gaps.found_none()
    assert gaps.count(info(9), 0.37) == 0


def test_a_publisher_that_starts_again_has_lost_nothing():
    gaps = FrameGaps(lambda: 1)
    assert counted(gaps, [0, 3], first=500) == [0, 2]
    assert counted(gaps, [4], first=1) == [0]


def test_numbers_of_several_publishers_are_not_compared():
    gaps = FrameGaps(lambda: 2)
    assert counted(gaps, [0], first=1) == [0]
    assert counted(gaps, [1], first=7000) == [0]


@pytest.mark.parametrize('numbers', [{}, {'publication_sequence_number': None}])
def test_without_numbers_the_times_tell(numbers):
    gaps = FrameGaps(lambda: 1)

    def taken(index):
        return gaps.count({**info(index, is_numbered=False), **numbers}, index * INTERVAL + 0.01)

    assert gaps.needs_next
    assert taken(0) == 0 and gaps.needs_next
    assert taken(1) == 0 and not gaps.needs_next
    replaced = 0
    for index in range(4, 58, 3):
        gaps.hold((index - 3) * INTERVAL + 0.01)
        replaced += taken(index)
    assert replaced == 18 * 2
    assert not gaps.needs_next
    for index in range(58, 94, 3):
        gaps.hold((index - 3) * INTERVAL + 0.01)
        taken(index)
    assert gaps.needs_next, 'the camera may have another rate now'


def test_a_pause_of_the_camera_replaces_nothing():
    gaps = FrameGaps(lambda: 1)
    for index in (0, 1):
        gaps.count(info(index, is_numbered=False), index * INTERVAL + 0.01)
    gaps.hold(1.01 * INTERVAL + 0.01)
    # The frame of the time after the pause came in the last 10 ms.
    assert gaps.count(info(250, is_numbered=False), 1.01 * INTERVAL + 0.02) == 0


def test_a_clock_that_is_set_replaces_no_more_than_the_time_allows():
    gaps = FrameGaps(lambda: 1)
    for index in (0, 1):
        gaps.count(info(index, is_numbered=False), index * INTERVAL)
    gaps.hold(0.0)
    assert gaps.count(info(10**7, is_numbered=False), 0.2) == 5
    gaps.hold(0.2)
    assert gaps.count(info(3, is_numbered=False), 0.4) == 0
