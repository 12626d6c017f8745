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

"""One camera in this process: newest frame wins, bad ones are counted, the overlay is lazy."""

from threading import Event, Thread

import numpy as np
import pytest
from rclpy.qos import DurabilityPolicy, ReliabilityPolicy
from ros_probe import blocks, rgb_message, wait_until
from swiftnet_ros import labels
from swiftnet_ros.camera import Camera, Counters
from swiftnet_ros.engines.open_engine import open_engine
from swiftnet_ros.errors import InvalidModelError
from swiftnet_ros.segmenter import Segmenter


class Gate:
    """A segmenter that waits before each frame until it may go on, and notes what it got."""

    def __init__(self, segmenter):
        self._segmenter = segmenter
        self.spec = segmenter.spec
        self.entered, self.go_on = Event(), Event()

    def segment(self, frame):
        self.entered.set()
        assert self.go_on.wait(10.0)
        return self._segmenter.segment(frame)


class Broken:
    """A segmenter whose engine fails on every second frame."""

    def __init__(self, segmenter):
        self._segmenter = segmenter
        self._calls = 0

    def segment(self, frame):
        self._calls += 1
        if self._calls % 2:
            raise InvalidModelError('tiny.onnx', 'it gave nonsense')
        return self._segmenter.segment(frame)


@pytest.fixture
def segmenter(tiny_path):
    """Give a segmenter with the tiny model."""
    with open_engine(tiny_path, precision='fp32') as engine:
        yield Segmenter(engine)


@pytest.fixture
def camera(probe, segmenter):
    """Give a camera that lives in the node of the probe."""
    return Camera(probe.node, segmenter.spec, 0.5)


def serve(camera, segmenter):
    """Answer frames in a thread until the mailbox is closed."""

    def work():
        message = camera.mailbox.take()
        while message is not None:
            camera.answer(message, segmenter)
            message = camera.mailbox.take()

    thread = Thread(target=work)
    thread.start()
    return thread


def test_the_newest_frame_wins_and_the_others_are_counted(probe, camera, segmenter):
    """While frame 1 is segmented, 2 to 5 arrive: 5 is next, and nobody sees 2 to 4."""
    received = probe.listen(f'{probe.node.get_name()}/label_image')
    publisher = probe.camera('image')
    gate = Gate(segmenter)
    worker = serve(camera, gate)
    try:
        for number in range(1, 6):
            publisher.publish(rgb_message(blocks(30, 40, number), number))
            wait_until(lambda n=number: camera.counters.received == n)
            assert gate.entered.wait(10.0)
        gate.go_on.set()
        wait_until(lambda: len(received) == 2)
    finally:
        gate.go_on.set()
        camera.mailbox.close()
        worker.join()
    assert [message.header.stamp.sec for message in received] == [1, 5]
    expected = Counters(received=5, published=2, dropped_newer=3, dropped_bad=0)
    assert camera.counters == expected


def test_errors_of_the_engine_are_counted_and_the_stream_goes_on(probe, camera, segmenter):
    """Half of the frames fail; each is one drop and no more."""
    received = probe.listen(f'{probe.node.get_name()}/label_image')
    broken = Broken(segmenter)
    for number in range(6):
        camera.answer(rgb_message(blocks(30, 40), number), broken)
    wait_until(lambda: len(received) == 3)
    assert [message.header.stamp.sec for message in received] == [1, 3, 5]
    assert (camera.counters.dropped_bad, camera.counters.published) == (3, 3)


def test_the_overlay_is_computed_only_while_someone_listens(probe, camera, segmenter, monkeypatch):
    """The colours are looked up for listeners only, and again not after they left."""
    looked_up = []
    real = labels.colorize
    monkeypatch.setattr(labels, 'colorize', lambda *given: (looked_up.append(1), real(*given))[1])
    topic, frame = f'{probe.node.get_name()}/overlay', rgb_message(blocks(30, 40), 1)
    camera.answer(frame, segmenter)
    assert looked_up == []

    received = probe.listen(topic)
    wait_until(lambda: probe.node.count_subscribers(topic) == 1)
    camera.answer(frame, segmenter)
    wait_until(lambda: len(received) == 1)
    assert len(looked_up) == 1

    probe.leave(topic)
    wait_until(lambda: probe.node.count_subscribers(topic) == 0)
    camera.answer(frame, segmenter)
    assert len(looked_up) == 1


@pytest.mark.parametrize('topic', ['label_image', 'overlay'])
def test_outputs_are_reliable_and_volatile(probe, camera, topic):
    """What Nav2 and rviz expect of a stream."""
    name = f'{probe.node.get_name()}/{topic}'
    (info,) = probe.node.get_publishers_info_by_topic(f'/{name}')
    assert info.qos_profile.reliability == ReliabilityPolicy.RELIABLE
    assert info.qos_profile.durability == DurabilityPolicy.VOLATILE
    assert info.topic_type == 'sensor_msgs/msg/Image'


def test_the_input_is_best_effort(probe, camera):
    """A reliable driver and a best-effort one both match."""
    (info,) = probe.node.get_subscriptions_info_by_topic('/image')
    assert info.qos_profile.reliability == ReliabilityPolicy.BEST_EFFORT
    assert camera.topic == '/image'


def test_opacity_mixes_picture_and_colours(probe, segmenter):
    """At 0.5 each pixel is the rounded mean of the picture and its class's colour, in BGR."""
    camera = Camera(probe.node, segmenter.spec, 0.5)
    received = probe.listen(f'{probe.node.get_name()}/overlay')
    picture = blocks(30, 40) // 2
    camera.answer(rgb_message(picture, 1), segmenter)
    wait_until(lambda: received)
    ids = segmenter.segment(picture).labels
    colors = np.array(segmenter.spec.colors)[ids]
    mixed = np.frombuffer(received[0].data, np.uint8).reshape(30, 40, 3)[..., ::-1]
    assert received[0].encoding == 'bgr8'
    assert np.abs(mixed - (picture.astype(float) + colors) / 2).max() <= 0.5
