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

"""The counters of one camera for the log and the diagnostics."""

import pytest
from swiftnet_ros.serving import camera_stats
from swiftnet_ros.serving.camera_stats import CameraStats


def test_recent_drops_are_those_since_the_last_snapshot():
    stats = CameraStats()
    stats.drops['bad'] += 3
    assert stats.snapshot('/t', '', 0).recent_drops['bad'] == 3
    stats.drops['bad'] += 1
    again = stats.snapshot('/t', '', 0)
    assert (again.drops['bad'], again.recent_drops['bad'], again.recent_drops['old']) == (4, 1, 0)


def test_stats_are_one_line_of_text():
    stats = CameraStats(received=9, published=5)
    stats.drops.update(newer=3, bad=1)
    assert str(stats) == 'received 9, published 5, dropped 4 (3 newer, 1 bad)'


def test_a_frame_is_in_process_since_it_came_or_the_one_before_it_was_done(monkeypatch):
    stats, clock = CameraStats(), [100.0]
    monkeypatch.setattr(camera_stats, 'monotonic', lambda: clock[0])

    def after(seconds, *events):
        clock[0] += seconds
        for event in events:
            event()
        return stats.stalled()

    assert after(0, stats.count_received) == 0
    # A newer frame takes the place of one that waits: the first is still in process.
    newer = (stats.count_received, lambda: stats.count_dropped('newer'))
    assert after(2, stats.count_received, *newer) == 2
    assert after(3, lambda: stats.count_published(0.1)) == 0
    assert after(4) == pytest.approx(4)
    assert after(1, lambda: stats.count_dropped('bad')) is None
    assert after(60, stats.count_received) == 0
