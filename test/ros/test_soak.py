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

"""The soak script runs and detects growing memory, lower throughput and lost frames."""

import json
import re
import subprocess
import sys

from helpers.checkout import ROOT
import pytest
from soak import failures, metrics, Record
from swiftnet_ros.errors import NodeNotRespondingError

SOAK = ROOT / 'test' / 'soak.py'
GOOD = {'received': 30, 'published': 20, 'dropped': {'newer': 9, 'bad': 1}}


def run_of(megabytes_per_second=0.0, rates=(20, 20)):
    """Return the record of a minute: a line of memory with noise, results at two rates."""
    results = [30 * half + n / rate for half, rate in enumerate(rates) for n in range(30 * rate)]
    memory = [(s, 200 + megabytes_per_second * s + s % 3) for s in range(60)]
    return Record(60.0, 2400, [(time, 50 + time) for time in results], memory)


def failures_of(record, **changes):
    """Return the failures of a record as the script finds them."""
    return list(failures({**metrics(record, 15.0), **GOOD, **changes}, 5.0, 0.8))


def test_constant_memory_is_no_failure_and_the_metrics_are_right():
    found = metrics(run_of(), 15.0)
    assert failures_of(run_of()) == []
    assert found['sent_hz'] == 40 and found['answered_hz'] == pytest.approx(20, abs=0.1)
    assert found['age_p50_ms'] == pytest.approx(50 + 37.5, abs=0.1)
    assert abs(found['growth_mb']) < 0.5 and found['memory_max_mb'] == 202


def test_memory_that_grows_is_a_failure():
    (text,) = failures_of(run_of(megabytes_per_second=0.2))
    assert re.fullmatch(r'memory grew by [89]\.\d MB, expected at most 5', text)
    assert metrics(run_of(0.2), 15.0)['slope_mb_per_hour'] == pytest.approx(720, rel=0.05)


def test_a_lower_throughput_at_the_end_is_a_failure():
    (text,) = failures_of(run_of(rates=(20, 10)))
    assert text == 'throughput fell from 20.0 to 10.0 frames per second'


def test_a_node_that_publishes_nothing_is_an_error():
    with pytest.raises(NodeNotRespondingError, match='nothing came after 15 s'):
        metrics(run_of(rates=()), 15.0)


def test_uncounted_frames_are_a_failure():
    (text,) = failures_of(run_of(), received=33)
    assert text == '3 frames are counted neither as published nor as dropped'


def test_a_short_soak_of_a_node_runs_and_adds_up(tiny_path):
    """Too short to measure memory and throughput, so that the limits are wide."""
    words = [sys.executable, str(SOAK), '--minutes', '0.2', '--model', str(tiny_path)]
    words += ['--most-growth', '100', '--kept-rate', '0.1']
    done = subprocess.run(words, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found['model'] == 'tiny' and found['minutes'] == pytest.approx(0.2, rel=0.2)
    assert found['failures'] == [] and found['published'] > 20
    assert found['received'] == found['published'] + sum(found['dropped'].values())
    assert 0 < found['age_p50_ms'] <= found['age_p99_ms']
    assert 50 < found['memory_mb'] <= found['memory_max_mb']
