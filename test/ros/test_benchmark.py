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

"""The benchmark over topics: the mIoU equals offline, frames are counted, a dead node raises."""

import json
import subprocess
import sys

from helpers.rendered_set import write_rendered_set
from helpers.ros_probe import blocks, wait_until
import numpy as np
import pytest
from swiftnet_ros.benchmark.measurement import LabeledFrame, LabeledFrames
from swiftnet_ros.benchmark.node_process import NodeProcess
from swiftnet_ros.benchmark.over_topics import measure_at_rate, measure_in_lockstep, NodeUnderTest
from swiftnet_ros.benchmark.topic_client import ReceivedLabels
from swiftnet_ros.core.frames import Frame
from swiftnet_ros.errors import NodeNotRespondingError
from swiftnet_ros.model_spec import read_spec
from swiftnet_ros.ros.image_msgs import from_array


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """Return a folder of five images with labels."""
    made = tmp_path_factory.mktemp('set')
    write_rendered_set(made)
    return made


def benchmark(folder, model, *more):
    """Run the benchmark in another process and return its report."""
    command = [sys.executable, '-m', 'swiftnet_ros.benchmark', '--model', str(model)]
    command += ['--images', str(folder / 'images'), '--precision', 'fp32', *more]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr
    assert 'Traceback' not in ended.stderr
    (line,) = ended.stdout.splitlines()
    return json.loads(line)


def test_miou_over_topics_equals_that_without_ros(folder, tiny_path):
    labels = ['--labels', str(folder / 'labels')]
    alone = benchmark(folder, tiny_path, '--no-ros', *labels)
    topics = benchmark(folder, tiny_path, *labels)
    assert topics['miou'] == alone['miou'] and topics['iou'] == alone['iou']
    assert 0.2 < topics['miou'] < 1.0
    assert topics['received'] == 5 and topics['sent'] == 5 + topics['dropped']
    assert 0 < topics['p50_ms'] <= topics['p95_ms'] <= topics['p99_ms'] < 10_000
    assert topics['precision'] == alone['precision'] == 'fp32'
    assert set(topics) == set(alone)


def test_frames_are_sent_at_a_rate(folder, tiny_path):
    """Ten frames at 20 Hz to a very fast network; mIoU is null."""
    report = benchmark(
        folder, tiny_path, '--rate', '20', '--repeat', '2', '--labels', str(folder / 'labels')
    )
    assert report['sent'] == 10
    assert report['received'] + report['dropped'] == 10 and report['received'] >= 5
    assert report['miou'] is None
    assert 5 < report['fps'] < 30


def test_overload_is_measured_for_seconds_in_rounds(folder, tiny_path):
    words = ['--overload', '2', '--seconds', '1.2', '--rounds', '2', '--size', '200x100']
    report = benchmark(folder, tiny_path, *words, '--json', str(folder / 'out.json'))
    assert report == json.loads((folder / 'out.json').read_text())
    assert report['camera'] == [100, 200]
    assert len(report['rounds']) == 2
    last = report['rounds'][-1]
    assert report['rate_hz'] == pytest.approx(2000 / last['engine_ms'])
    assert report['sent'] == pytest.approx(
        sum(1.2 * 2000 / item['engine_ms'] for item in report['rounds']), abs=1
    )
    assert 50 < report['memory_mb'] < 1000
    assert abs(report['memory_growth_mb']) < 50
    assert {'receive', 'engine', 'labels', 'publish'} <= set(report['stages_ms'])


def test_cameras_share_the_node_whose_cpu_time_is_measured(folder, tiny_path):
    words = ['--cameras', '2', '--rate', '10', '--seconds', '1', '--rounds', '2']
    report = benchmark(folder, tiny_path, *words)
    assert (report['cameras'], report['sent']) == (2, 2 * 2 * 10)
    assert 20 < report['received'] <= 40
    usage = report['usage']
    assert 0 < usage['engine_cpu_ms'] < usage['cpu_ms'] < 1000
    difference = usage['cpu_ms'] - usage['engine_cpu_ms']
    assert usage['besides_engine_ms'] == pytest.approx(difference, abs=5)
    assert 0 < usage['besides_engine_cores'] < 2 and usage['page_faults'] >= 0


def test_cold_start_is_measured_without_and_with_cache(folder, tiny_path):
    report = benchmark(folder, tiny_path, '--cold-start')
    (first,), (second,) = report['starts_s'].values()
    assert (report['first_start_s'], report['second_start_s']) == (first, second)
    assert 0.2 < first < 60 and 0.2 < second < 60
    assert report['model'] == 'tiny' and report['versions']['openvino']


class FakeClient:
    """A client whose node loses every second frame and labels the others with zeros."""

    def __init__(self):
        self.sent, self._received = 0, []

    def send(self, message):
        self.sent += 1
        if self.sent % 2 == 0:
            labels = np.zeros((message.height, message.width), np.uint8)
            result = from_array(labels, 'mono8', message.header)
            self._received.append(ReceivedLabels(self.sent, self.sent + 5_000_000, result))
        return self.sent

    def stages_ms(self):
        return {'engine': 4.5}

    def receive(self, timeout):
        return self._received.pop(0) if self._received else None

    def receive_labels_of(self, stamp_ns, timeout):
        received = self.receive(timeout)
        return received if received and received.stamp_ns == stamp_ns else None


class FakeProcess:
    """A running process."""

    memory_mb = 123.0
    cpu_seconds, page_faults = 7.0, 1000

    def check(self):
        """Do not raise."""


class FakeFrames(LabeledFrames):
    """Three images in memory whose true class is 0."""

    def __iter__(self):
        for index in range(len(self)):
            truth = np.zeros((30, 40), np.uint8)
            yield LabeledFrame(f'{index}.png', Frame(blocks(30, 40), 'bgr'), truth)


@pytest.fixture
def frames(tiny_path):
    """Return three images."""
    return FakeFrames(((None, None),) * 3, read_spec(tiny_path))


def test_lost_frame_in_lockstep_is_sent_again_and_counted(frames):
    measured = measure_in_lockstep(NodeUnderTest(FakeClient(), FakeProcess(), 0.01), frames)
    assert (measured.sent, measured.latencies_ms) == (6, [5.0, 5.0, 5.0])
    assert measured.matrix[0, 0] == 3 * 30 * 40 == measured.matrix.sum()


def test_lost_frame_at_a_rate_is_not_sent_again(frames):
    measured = measure_at_rate(NodeUnderTest(FakeClient(), FakeProcess(), 0.01), frames, 1000.0)
    assert (measured.sent, len(measured.latencies_ms), measured.matrix) == (3, 1, None)
    assert measured.stages_ms == {'engine': 4.5}
    assert measured.memory_mb == [123.0] * 4
    usage = measured.usage
    assert (usage.label_images, usage.cpu_seconds, usage.page_faults) == (1, 0.0, 0)


def test_images_are_repeated_at_a_rate(frames):
    measured = measure_at_rate(NodeUnderTest(FakeClient(), FakeProcess(), 0.01), frames, 1000.0, 8)
    assert measured.sent == 8


class LateClient(FakeClient):
    """A client that receives labels of the warm-up after its first frame at a rate."""

    def send(self, message):
        stamp = super().send(message)
        if stamp == 7:
            self._received.append(ReceivedLabels(6, 9_000_000, message))
        return stamp


def test_labels_of_the_warm_up_are_not_counted(frames):
    measured = measure_at_rate(NodeUnderTest(LateClient(), FakeProcess(), 0.01), frames, 1000.0)
    assert measured.latencies_ms == [5.0]


class SilentClient(FakeClient):
    """A client of a node that never responds."""

    def receive(self, timeout):
        return None


def test_node_that_never_responds_raises(frames):
    with pytest.raises(
        NodeNotRespondingError, match=r'no labels for 0.png: sent 5 times, waited 0.0 s'
    ):
        measure_in_lockstep(NodeUnderTest(SilentClient(), FakeProcess(), 0.01), frames)


def test_node_that_has_ended_raises_with_its_exit_code():
    silent = pytest.raises(NodeNotRespondingError, match='it ended with exit code 1; read the log')
    with NodeProcess('/ended', {'model': '/nowhere'}) as process, silent:
        wait_until(process.check, 30)
