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

"""The next frame is due just before the worker is free."""

import pytest
from swiftnet_ros.serving.pace import Pace


class Clock:
    """A clock that a test sets, in seconds."""

    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def pace(clock):
    """Return the pace of a worker of 0.1 s a frame; taking a frame takes 8 ms."""
    known = Pace(clock)
    for _ in range(3):
        run(known, clock, 0.1)
    return known


def run(pace, clock, seconds, is_typical=True):
    """Store a frame and process it at once; return whether to wake up at its end."""
    pace.stored(0.008)
    pace.began()
    clock.now += seconds
    return pace.ended(is_typical)


def test_every_frame_is_due_until_the_first_is_done(clock):
    pace = Pace(clock)
    assert pace.due_in() == 0
    pace.stored(0.008)
    assert pace.due_in() == 0
    pace.began()
    assert pace.due_in() == 0
    assert not pace.ended(True), 'nobody waits for the worker'


def test_a_frame_is_due_at_once_if_the_worker_is_free(pace):
    assert pace.due_in() == 0


def test_a_frame_is_due_so_that_it_is_there_when_the_worker_is_free(pace, clock):
    pace.stored(0.008)
    assert pace.due_in() == pytest.approx(0.09), 'the worker is about to begin'
    pace.began()
    assert pace.due_in() == pytest.approx(0.09)
    clock.now += 0.06
    assert pace.due_in() == pytest.approx(0.03)
    clock.now += 0.035
    assert pace.due_in() == 0


def test_one_frame_is_due_for_each_that_is_processed(pace, clock):
    pace.stored(0.008)
    pace.began()
    clock.now += 0.09
    pace.stored(0.008)
    assert pace.due_in() == pytest.approx(0.1), 'the next one after that'
    clock.now += 0.01
    assert not pace.ended(True), 'a frame waits'
    pace.began()
    assert pace.due_in() == pytest.approx(0.09)


def test_a_waiting_frame_is_replaced_if_the_worker_is_late(pace, clock):
    pace.stored(0.008)
    pace.began()
    clock.now += 0.09
    pace.stored(0.008)
    clock.now += 0.11
    assert pace.due_in() == 0


def test_a_worker_that_is_free_early_wakes_up_who_waits(pace, clock):
    pace.stored(0.008)
    pace.began()
    assert pace.due_in() > 0
    clock.now += 0.05
    assert pace.ended(True)
    assert pace.due_in() == 0


def test_dropped_frames_and_single_slow_ones_do_not_count(pace, clock):
    for _ in range(8):
        run(pace, clock, 0.001, is_typical=False)
    run(pace, clock, 5.0)
    pace.stored(0.008)
    assert pace.due_in() == pytest.approx(0.09)


def test_a_slow_worker_gets_a_frame_every_second(clock):
    """So that it is known that the camera sends."""
    pace = Pace(clock)
    run(pace, clock, 20.0)
    pace.stored(0.008)
    pace.began()
    assert pace.due_in() == pytest.approx(1.0)
    clock.now += 1.0
    assert pace.due_in() == 0
    pace.stored(0.008)
    assert pace.due_in() == pytest.approx(1.0)


def test_a_worker_faster_than_the_reception_gets_every_frame(clock):
    pace = Pace(clock)
    run(pace, clock, 0.005)
    pace.stored(0.008)
    pace.began()
    assert pace.due_in() == 0
