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

"""
Run the node at twice its throughput for long, and measure its memory and its throughput.

    python test/soak.py --minutes 20

scripts/soak.sh runs this. Prints one JSON object as its last line; the exit code is 1 if memory
grew, throughput fell or frames were lost without being counted.
"""

from argparse import ArgumentParser
from dataclasses import dataclass, field
from itertools import cycle
import json
import os
import sys
from time import monotonic, sleep

from diagnostic_msgs.msg import DiagnosticArray
from helpers.ros_probe import Probe, wait_until
import numpy as np
from std_msgs.msg import Header
from swiftnet_ros.benchmark.measurement import LabeledFrames
from swiftnet_ros.benchmark.node_process import NodeProcess
from swiftnet_ros.benchmark.topic_client import open_topic_client
from swiftnet_ros.errors import NodeNotRespondingError, SwiftnetError
from swiftnet_ros.model_spec import read_spec
from swiftnet_ros.model_spec.find_model import find_model
from swiftnet_ros.ros.fastdds import set_profile
from swiftnet_ros.ros.image_msgs import from_array
from swiftnet_ros.system.paths import share_folder

OVERLOAD = 2.0
_TIMEOUT, _START_TIMEOUT = 10.0, 120.0
# Diagnostics are published once a second: after this time they have the last counts.
_SETTLE_SECONDS = 2.5


@dataclass
class Record:
    """The samples of a run: times since its start in seconds, latencies in ms, memory in MB."""

    seconds: float = 0.0
    sent: int = 0
    results: list = field(default_factory=list)
    memory: list = field(default_factory=list)


class Overdrive:
    """Sends frames to a node faster than it segments them."""

    def __init__(self, link, process, messages):
        """Use a node's process and a link to it."""
        self._link = link
        self._process = process
        self._messages = cycle(messages)
        # All frames that were sent, those before `run` too.
        self.sent = 0

    def sustainable_rate(self, seconds):
        """Return the results per second while exactly one frame waits."""
        self._send_until_result()
        self._send()
        start, count = monotonic(), 0
        while monotonic() - start < seconds:
            self._send_until_result()
            count += 1
        return count / (monotonic() - start)

    def run(self, rate, seconds, period):
        """Send at `rate` Hz, measure memory every `period` seconds, and return the record."""
        record, start = Record(), monotonic()
        due = next_measurement = start
        while monotonic() - start < seconds:
            if monotonic() >= next_measurement:
                self._measure_memory(record, monotonic() - start)
                next_measurement += period
            self._collect(record, start, due)
            self._send()
            record.sent += 1
            due = max(due + 1.0 / rate, monotonic())
        record.seconds = monotonic() - start
        return record

    def _send(self):
        self.sent += 1
        return self._link.send(next(self._messages))

    def _send_until_result(self):
        """Send a frame and wait for any result; send again if both were lost."""
        self._send()
        while self._link.receive(_TIMEOUT) is None:
            self._process.check()
            self._send()

    def _measure_memory(self, record, now):
        self._process.check()
        record.memory.append((now, self._process.memory_mb))
        text = f'{now:.0f} s: {len(record.results)} results, {record.memory[-1][1]:.1f} MB'
        print(text, file=sys.stderr)

    def _collect(self, record, start, until):
        result = self._link.receive(until - monotonic())
        while result is not None:
            record.results.append((monotonic() - start, result.latency_ms))
            result = self._link.receive(until - monotonic())


class Counts:
    """The frames that a node's diagnostics count."""

    def __init__(self, probe, namespace):
        """Subscribe to the diagnostics."""
        self._node = f'{namespace}/segmentation'
        self._values = {}
        probe.node.create_subscription(DiagnosticArray, '/diagnostics', self._keep, 10)

    def settled(self):
        """Return the counts once no frame is in process, or after a timeout."""
        end = monotonic() + _TIMEOUT
        sleep(_SETTLE_SECONDS)
        while uncounted(self.read()) and monotonic() < end:
            sleep(_SETTLE_SECONDS)
        return self.read()

    def read(self):
        """Return the numbers of received and published frames, and the drops by reason."""
        drops = [key for key in self._values if key.startswith('dropped: ')]
        dropped = {key.partition(': ')[2]: int(self._values[key]) for key in drops}
        named = {name: int(self._values.get(name, 0)) for name in ('received', 'published')}
        return {**named, 'dropped': {why: count for why, count in dropped.items() if count}}

    def _keep(self, array):
        for status in array.status:
            if status.hardware_id == self._node and ': camera' in status.name:
                self._values = {item.key: item.value for item in status.values}


def metrics(record, warm_up):
    """Return the metrics of a run without its first `warm_up` seconds."""
    times, memory = _after(warm_up, record.memory)
    slope = np.polyfit(times, memory, 1)[0]
    received, ages = _after(warm_up, record.results)
    third = (record.seconds - warm_up) / 3
    first, last = (
        np.count_nonzero((received >= begin) & (received < begin + third)) / third
        for begin in (warm_up, record.seconds - third)
    )
    return {
        'sent_hz': record.sent / record.seconds,
        'answered_hz': len(received) / (3 * third),
        'answered_hz_first_third': first,
        'answered_hz_last_third': last,
        'age_p50_ms': np.percentile(ages, 50),
        'age_p99_ms': np.percentile(ages, 99),
        'memory_mb': memory[-1],
        'memory_max_mb': memory.max(),
        'slope_mb_per_hour': 3600 * slope,
        'growth_mb': slope * (times[-1] - times[0]),
    }


def _after(warm_up, pairs):
    """Return the times and the values of pairs after the warm-up."""
    kept = [pair for pair in pairs if pair[0] >= warm_up]
    if not kept:
        raise NodeNotRespondingError(
            'the segmentation node', f'nothing came after {warm_up:.0f} s'
        )
    return np.array(kept).T


def failures(found, most_growth, kept_rate):
    """Yield what is wrong with the metrics of a run."""
    if found['growth_mb'] > most_growth:
        yield f'memory grew by {found["growth_mb"]:.1f} MB, expected at most {most_growth:g}'
    first, last = found['answered_hz_first_third'], found['answered_hz_last_third']
    if last < kept_rate * first:
        yield f'throughput fell from {first:.1f} to {last:.1f} frames per second'
    if uncounted(found):
        yield f'{uncounted(found)} frames are counted neither as published nor as dropped'


def uncounted(counts):
    """Return the number of received frames that were neither published nor counted as dropped."""
    return counts['received'] - counts['published'] - sum(counts['dropped'].values())


def soak(model, seconds):
    """Run a node with a model for some seconds and return all metrics."""
    spec = read_spec(find_model(model))
    samples = LabeledFrames.from_folders(share_folder('demo') / 'images', None, spec, 1)
    messages = [from_array(item.frame.pixels, 'bgr8', Header()) for item in samples]
    name = f'/soak_{os.getpid()}'
    print(set_profile() or 'large frames go by shared memory', file=sys.stderr)
    given = {'model': model}
    with open_topic_client(name) as link, NodeProcess(name, given) as node, Probe() as probe:
        counts = Counts(probe, name)
        wait_until(lambda: node.check() or link.is_connected(), _START_TIMEOUT, 'a connection')
        overdrive = Overdrive(link, node, messages)
        sustainable = overdrive.sustainable_rate(min(20.0, seconds / 5))
        record = overdrive.run(OVERLOAD * sustainable, seconds, min(5.0, seconds / 20))
        counted = counts.settled()
    return {
        'model': spec.name,
        'minutes': record.seconds / 60,
        'sustainable_hz': sustainable,
        **metrics(record, warm_up=min(60.0, seconds / 4)),
        **counted,
        'lost_on_the_way': overdrive.sent - counted['received'],
    }


def main(argv=None):
    """Run the soak test and return the exit code."""
    parser = ArgumentParser(prog='soak', description=__doc__.strip().partition('\n')[0])
    parser.add_argument('--minutes', type=float, default=20.0)
    parser.add_argument('--model', default='indoor', help='.onnx file, or shipped model')
    parser.add_argument('--most-growth', type=float, default=5.0, help='MB, of a fitted line')
    parser.add_argument(
        '--kept-rate', type=float, default=0.8, help='minimum of last to first third'
    )
    options = parser.parse_args(argv)
    try:
        found = soak(options.model, 60 * options.minutes)
    except SwiftnetError as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    wrong = list(failures(found, options.most_growth, options.kept_rate))
    for text in wrong:
        print(f'error: {text}', file=sys.stderr)
    rounded = {k: round(float(v), 3) if isinstance(v, float) else v for k, v in found.items()}
    print(json.dumps({**rounded, 'failures': wrong}), flush=True)
    return int(bool(wrong))


if __name__ == '__main__':
    sys.exit(main())
