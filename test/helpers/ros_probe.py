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

"""A node for ROS tests that sends frames and stores what it receives."""

from contextlib import contextmanager
from itertools import count
import os
from pathlib import Path
import subprocess
from threading import Event, Thread
from time import monotonic, sleep

from helpers.tiny_model import COLORS
import numpy as np
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from swiftnet_ros.ros.compat import rclpy_major
from swiftnet_ros.ros.image_msgs import from_array

BEST_EFFORT = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
RELIABLE = QoSProfile(depth=50, reliability=ReliabilityPolicy.RELIABLE)
_numbers = count()
# Humble's rclpy does not know the numbers of messages.
HAS_NUMBERS = (rclpy_major() or 0) >= 4


def wait_until(is_true, seconds=10.0, what='the condition'):
    """Wait until a condition is true; fail the test if it is not within some seconds."""
    end = monotonic() + seconds
    while not is_true():
        assert monotonic() < end, f'{what} did not come true in {seconds} s'
        sleep(0.01)


def stamped(sec, nanosec=0, frame_id='camera'):
    """Return a header with a stamp."""
    header = Header(frame_id=frame_id)
    header.stamp.sec, header.stamp.nanosec = sec, nanosec
    return header


def blocks(height, width, seed=0):
    """Return an RGB image, uint8 [height, width, 3], of blocks in the tiny model's colors."""
    random = np.random.default_rng(seed)
    ids = random.integers(0, len(COLORS), (-(-height // 9), -(-width // 9)))
    ids = np.repeat(np.repeat(ids, 9, axis=0), 9, axis=1)[:height, :width]
    return np.asarray(COLORS, np.uint8)[ids]


class Probe:
    """A node in this process; a thread spins it until the `with` block ends."""

    def __enter__(self):
        self.node = rclpy.create_node(f'probe_{next(_numbers)}')
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self.node)
        self._subscriptions = {}
        self._stop = Event()
        self._thread = Thread(target=self._spin)
        self._thread.start()
        return self

    def __exit__(self, *error):
        self._stop.set()
        self._thread.join()
        self.node.destroy_node()

    def subscribe(self, topic, kind=Image, qos=RELIABLE, wait=True):
        """Subscribe, wait for a publisher, and return the list that messages are appended to."""
        received = []
        self._subscriptions[topic] = self.node.create_subscription(
            kind, topic, received.append, qos
        )
        if wait:
            wait_until(lambda: self.node.count_publishers(topic), 30, f'a publisher of {topic}')
        return received

    def unsubscribe(self, topic):
        """Unsubscribe from a topic."""
        self.node.destroy_subscription(self._subscriptions.pop(topic))

    def camera(self, topic, qos=BEST_EFFORT, kind=Image):
        """Return a publisher of images once it has a subscriber."""
        publisher = self.node.create_publisher(kind, topic, qos)
        wait_until(publisher.get_subscription_count, 30, f'a subscriber of {topic}')
        return publisher

    def stream(self, namespace):
        """Return the label images that a node with one camera publishes, and its camera."""
        labels = f'{namespace}/segmentation/label_image'
        return self.subscribe(labels), self.camera(f'{namespace}/image')

    def begin_call(self, kind, service, **fields):
        """Call a service once it exists and return the future of its response."""
        client = self.node.create_client(kind, service)
        wait_until(client.service_is_ready, 30, service)
        return client.call_async(kind.Request(**fields))

    def call(self, kind, service, **fields):
        """
        Call a service and return its response.

        A service drops a response if it has not discovered the client's reader yet, so what only
        reads is requested again.
        """
        is_reading = kind.__name__.startswith(('Describe', 'Get', 'List'))
        for seconds in [5.0] * 5 * is_reading + [30.0]:
            future = self.begin_call(kind, service, **fields)
            end = monotonic() + seconds
            while monotonic() < end and not future.done():
                sleep(0.005)
            if future.done():
                return future.result()
        raise AssertionError(f'no response of {service}')

    def send(self, publisher, message, received):
        """Publish a frame until a result with its header is in `received`, and return it."""

        def results():
            return [item for item in list(received) if item.header == message.header]

        for _ in range(10):
            publisher.publish(message)
            end = monotonic() + 1.0
            while monotonic() < end and not results():
                sleep(0.005)
            if results():
                return results()[-1]
        raise AssertionError(f'no result of the frame stamped {message.header.stamp}')

    def _spin(self):
        while not self._stop.is_set():
            self._executor.spin_once(timeout_sec=0.05)


@contextmanager
def started(words):
    """Start a program whose log is read, and kill it at the end if it still runs."""
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as program:
        try:
            yield program
        finally:
            if program.poll() is None:
                program.kill()


def rgb_message(pixels, sec):
    """Return an rgb8 message of pixels, stamped with a second."""
    return from_array(pixels, 'rgb8', stamped(sec))


def resident(process='self'):
    """Return the resident memory of a process in bytes."""
    pages = int(Path(f'/proc/{process}/statm').read_text().split()[1])
    return pages * os.sysconf('SC_PAGE_SIZE')
