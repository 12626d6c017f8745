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

"""Faults around the node: publishers, the clock, the model's file, QoS; it keeps running."""

from contextlib import contextmanager
from random import Random
import signal
import subprocess
import sys

from helpers.malformed_messages import good_image
from helpers.ros_probe import BEST_EFFORT, blocks, rgb_message, stamped, wait_until
from helpers.running_node import active_node
from helpers.tiny_model import write_tiny_model
import numpy as np
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Image
from std_srvs.srv import Trigger
from swiftnet_ros.ros.image_msgs import to_labels
from swiftnet_ros.serving.health import ERROR, OK, WARN

RELIABLE = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE)
# A camera driver that runs until it is killed: frames of one size and encoding at 50 Hz.
DRIVER = """
import sys
from time import sleep
import rclpy
from helpers.ros_probe import BEST_EFFORT, blocks, stamped
from sensor_msgs.msg import Image
from swiftnet_ros.ros.image_msgs import from_array

topic, encoding, height, width, number = sys.argv[1:]
rclpy.init()
publisher = rclpy.create_node('driver').create_publisher(Image, topic, BEST_EFFORT)
image = blocks(int(height), int(width), int(number))
pixels = image if encoding == 'rgb8' else image[..., ::-1]
while True:
    publisher.publish(from_array(pixels, encoding, stamped(int(number))))
    sleep(0.02)
"""


@contextmanager
def driver(topic, encoding, height, width, number):
    """Run a camera driver in its own process and kill it while it publishes."""
    words = [sys.executable, '-c', DRIVER, topic, encoding, *map(str, (height, width, number))]
    with subprocess.Popen(words) as process:
        yield
        process.kill()
    assert process.returncode == -signal.SIGKILL


def test_frames_of_a_killed_and_restarted_driver_are_segmented(probe, tiny_path, segmenter):
    with active_node('/killed', model=str(tiny_path)) as running:
        received = probe.subscribe('/killed/segmentation/label_image')
        for number, encoding in enumerate(['rgb8', 'bgr8', 'rgb8']):
            height, width = 480 - 99 * number, 640 + 99 * number
            labels = segmenter.segment(blocks(height, width, number)).labels
            with driver('/killed/image', encoding, height, width, number):
                wait_until(
                    lambda n=number: [m.header.stamp.sec for m in received[-5:]] == [n] * 5, 60
                )
            assert np.array_equal(to_labels(received[-1]), labels)
        stats = running.camera().stats
        wait_until(lambda: stats.received == stats.published + sum(stats.drops.values()))
        assert stats.drops['bad'] == 0


def test_a_publisher_that_reconnects_is_received_each_time(probe, tiny_path, segmenter):
    random = Random(3)
    with active_node('/fickle', model=str(tiny_path)) as running:
        received = probe.subscribe('/fickle/segmentation/label_image')
        for number in range(30):
            camera = probe.camera('/fickle/image')
            message, image = good_image(random)
            message.header = stamped(number)
            labels = segmenter.segment(image).labels
            assert np.array_equal(to_labels(probe.send(camera, message, received)), labels)
            probe.node.destroy_publisher(camera)
        assert running.camera().stats.drops['bad'] == 0


class SimulatedTime:
    """The clock of a simulator, set by a test."""

    def __init__(self, probe, running):
        """Open a publisher of /clock for a node."""
        self._publisher = probe.node.create_publisher(Clock, '/clock', 1)
        wait_until(self._publisher.get_subscription_count)
        self._clock = running.node.get_clock()

    def jump(self, seconds):
        """Publish a time and wait until the node has it."""
        now = Clock()
        now.clock.sec = seconds
        self._publisher.publish(now)
        wait_until(lambda: self._clock.now().nanoseconds == seconds * 10**9)


def test_a_clock_that_jumps_drops_only_frames_that_are_old_by_it(probe, tiny_path, status):
    """As with a bag that is replayed or a simulator that is reset; diagnostics continue."""
    given = {'model': str(tiny_path), 'max_age': 1.0, 'use_sim_time': True}
    with active_node('/jumping', **given) as running:
        received, camera = probe.stream('/jumping')
        time = SimulatedTime(probe, running)
        stats = running.camera().stats
        time.jump(7)
        probe.send(camera, rgb_message(blocks(20, 30), 7), received)
        wait_until(lambda: stats.received == stats.published + sum(stats.drops.values()))
        published, old = stats.published, stats.drops['old']
        for now in (100, 5, 10**9, 2**31 - 1, 50, 1):
            time.jump(now)
            for stamp in (now - 2, min(now + 3600, 2**31 - 1), now):
                settled = stats.published + stats.drops['old']
                camera.publish(rgb_message(blocks(20, 30), stamp))
                wait_until(lambda n=settled: stats.published + stats.drops['old'] == n + 1)
            published, old = published + 2, old + 1
            counts = {'published': published, 'dropped: old': old}
            _, values = status('/jumping', 'camera', WARN, **counts)
            assert values['age (ms)'] == '0.0' and float(values['waiting (s)']) < 10
        assert [item.header.stamp.sec for item in received][-2:] == [3601, 1]


def test_a_deleted_model_stays_in_use_until_cleanup(probe, tmp_path, segmenter, status):
    path = tmp_path / 'model.onnx'
    write_tiny_model(path)
    image = blocks(40, 50)
    labels = segmenter.segment(image).labels
    with active_node('/lost', model=str(path)) as running:
        received, camera = probe.stream('/lost')

        def has_right_labels(sec):
            result = probe.send(camera, rgb_message(image, sec), received)
            return np.array_equal(to_labels(result), labels)

        path.unlink()
        result = probe.call(Trigger, '/lost/segmentation/reload')
        assert not result.success and f"model not found: '{path}'" in result.message
        assert result.message.endswith(f'{path} stays in use') and has_right_labels(1)
        message, values = status('/lost', 'engine', WARN, state='active')
        assert message == result.message and values['model'] == str(path)
        assert running.do('deactivate', 'activate') and has_right_labels(2)
        assert not running.do('deactivate', 'cleanup', 'configure')
        message, _ = status('/lost', 'engine', ERROR, state='unconfigured')
        assert f"model not found: '{path}'" in message
        write_tiny_model(path)
        assert running.do('configure', 'activate') and has_right_labels(3)
        status('/lost', 'engine', OK, state='active')


def test_a_temporary_qos_mismatch_does_not_interrupt_the_stream(probe, tiny_path, status, capfd):
    """Incompatible publishers next to a compatible camera are a warning while they exist."""
    override = {'qos_overrides./mixed/image.subscription.reliability': 'reliable'}
    with active_node('/mixed', model=str(tiny_path), **override):
        received = probe.subscribe('/mixed/segmentation/label_image')
        camera = probe.camera('/mixed/image', RELIABLE)
        probe.node.create_timer(0.1, lambda: camera.publish(rgb_message(blocks(20, 30), 1)))
        status('/mixed', 'camera', OK, **{'QoS mismatch': 'none'})
        for count in (1, 2):
            create, topic = probe.node.create_publisher, '/mixed/image'
            others = [create(Image, topic, BEST_EFFORT) for _ in range(count)]
            for other in others:
                message, values = status('/mixed', 'camera', WARN)
                assert 'a publisher of /mixed/image offers another RELIABILITY' in message
                assert values['QoS mismatch'] == message
                before = len(received)
                wait_until(lambda n=before: len(received) > n + 2)
                probe.node.destroy_publisher(other)
            status('/mixed', 'camera', OK, **{'QoS mismatch': 'none'})
            assert 'offers another RELIABILITY' in capfd.readouterr().err


def test_a_qos_mismatch_of_the_only_camera_is_an_error_until_it_is_gone(
    probe, tiny_path, status, monkeypatch
):
    monkeypatch.setattr('swiftnet_ros.serving.health.FRAME_TIMEOUT', 1.0)
    override = {'qos_overrides./only/image.subscription.reliability': 'reliable'}
    with active_node('/only', model=str(tiny_path), **override):
        other = probe.node.create_publisher(Image, '/only/image', BEST_EFFORT)
        message, _ = status('/only', 'camera', ERROR)
        assert 'set qos_overrides./only/image.subscription.reliability' in message
        probe.node.destroy_publisher(other)
        received = probe.subscribe('/only/segmentation/label_image')
        camera = probe.camera('/only/image', RELIABLE)
        probe.node.create_timer(0.1, lambda: camera.publish(rgb_message(blocks(20, 30), 1)))
        status('/only', 'camera', OK, **{'QoS mismatch': 'none'})
        assert received
