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

"""Percentiles of stages and rates, as `/diagnostics` shows them."""

from threading import Thread

import pytest
from swiftnet_ros.serving.timing import Percentiles, RateMeter, StageTimes


def test_stage_without_times_has_no_percentiles():
    assert StageTimes().percentiles('engine') is None


def test_percentiles_are_in_milliseconds_and_in_order():
    times = StageTimes(101)
    for number in reversed(range(101)):
        times.add('engine', number / 1000)
    assert times.percentiles('engine') == Percentiles(*map(pytest.approx, (50.0, 95.0, 99.0)))
    assert times.percentiles('labels') is None


def test_only_the_last_times_count():
    times = StageTimes(4)
    for seconds in (9.0, 9.0, 9.0, 0.1, 0.1, 0.1, 0.1):
        times.add('engine', seconds)
    assert times.percentiles('engine').p99 == pytest.approx(100.0)


def test_percentiles_are_thread_safe():
    times = StageTimes(64)
    times.add('engine', 0.5)
    writing = Thread(target=lambda: [times.add('engine', 0.5) for _ in range(20000)])
    writing.start()
    while writing.is_alive():
        assert times.percentiles('engine').p50 == 500.0
    writing.join()


def test_rate_is_zero_before_the_second_event():
    meter = RateMeter(5.0)
    assert meter.rate(0.0) == 0.0
    meter.tick(1.0)
    assert (meter.rate(1.0), meter.rate(2.0)) == (0.0, 0.0)


@pytest.mark.parametrize('seconds', [1, 3, 60])
@pytest.mark.parametrize('rate', [2, 30])
def test_steady_rate_is_right_from_the_first_second(rate, seconds):
    meter = RateMeter(5.0)
    for number in range(rate * seconds + 1):
        meter.tick(100.0 + number / rate)
    assert meter.rate(100.0 + seconds) == pytest.approx(rate, rel=0.01)


def test_rate_falls_to_zero_after_the_last_event():
    meter = RateMeter(2.0)
    for number in range(100):
        meter.tick(number / 10)
    assert meter.rate(9.9) > meter.rate(10.9) > 0.0
    assert meter.rate(12.0) == 0.0
