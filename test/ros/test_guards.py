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

"""What cannot be received, segmented or published is lost, counted, and ends nothing."""

from threading import Event
from time import monotonic

import cv2
from helpers.ros_probe import blocks, rgb_message, wait_until
from helpers.running_node import active_node, RunningNode
import numpy as np
import pytest
import rclpy
from rclpy.executors import SingleThreadedExecutor
from sensor_msgs.msg import Image
from swiftnet_ros import image_publisher
from swiftnet_ros.core import labels
from swiftnet_ros.errors import ImageEncodingError
from swiftnet_ros.image_publisher import ImagePublisher, PublisherParameters
from swiftnet_ros.ros.compressed_image_msgs import from_labels
from swiftnet_ros.ros.guards import GuardedExecutor, RCLError
from swiftnet_ros.ros.image_msgs import to_labels
from swiftnet_ros.serving.health import WARN


def no_opencv_memory():
    """Return the error of OpenCV when it cannot allocate."""
    error = cv2.error('Insufficient memory')
    error.code = cv2.Error.StsNoMem
    return error


class Failing:
    """A function that raises errors, one at each call, and then calls another function."""

    def __init__(self, function, *errors):
        self._function, self._errors, self.calls = function, list(errors), 0

    def __call__(self, *given, **options):
        self.calls += 1
        if self._errors:
            raise self._errors.pop(0)
        return self._function(*given, **options)


ERRORS = [MemoryError(), RCLError('failed to publish'), no_opencv_memory()]


def test_a_frame_whose_outputs_cannot_be_made_is_failed(probe, tiny_path, status, monkeypatch):
    failing = Failing(labels.colorize, *ERRORS)
    with active_node('/tight', model=str(tiny_path)) as running:
        monkeypatch.setattr(labels, 'colorize', failing)
        colors = probe.subscribe('/tight/segmentation/color')
        camera, stats = probe.camera('/tight/image'), running.camera().stats
        for number in range(1, 4):
            camera.publish(rgb_message(blocks(30, 40), number))
            wait_until(lambda n=number: stats.drops['failed'] == n)
        message, values = status('/tight', 'camera', WARN)
        assert 'not every output could be published: ' in message
        assert (values['dropped: failed'], values['published']) == ('3', '0')
        assert probe.send(camera, rgb_message(blocks(30, 40), 9), colors)
        assert stats.drops['bad'] == 0 and running.node.state == 'active'


def test_an_output_that_the_middleware_refuses_is_failed(probe, tiny_path, segmenter, capfd):
    with active_node('/refused', model=str(tiny_path)) as running:
        received, camera = probe.stream('/refused')
        counted = running.camera()
        publisher = counted._publishers['label_image']
        failing = Failing(publisher.publish, *ERRORS[:2])

        class Refusing:
            publish = failing
            get_subscription_count = publisher.get_subscription_count

        counted._publishers['label_image'] = Refusing()
        image = blocks(30, 40)
        result = probe.send(camera, rgb_message(image, 4), received)
        assert np.array_equal(to_labels(result), segmenter.segment(image).labels)
        assert counted.stats.drops['failed'] == 2 and failing.calls >= 3
        counted._publishers['label_image'] = publisher
    text = 'be published: not enough memory (1 failed frames dropped so far)'
    assert text in capfd.readouterr().err


def test_memory_that_lacks_for_a_frame_is_not_the_fault_of_the_frame(
    probe, tiny_path, monkeypatch
):
    with active_node('/large', model=str(tiny_path)) as running:
        received, camera = probe.stream('/large')
        stats, backend = (
            running.camera().stats,
            running.pipeline.loading.result().segmenter._backend,
        )
        failing = Failing(backend._infer, *ERRORS)
        monkeypatch.setattr(backend, '_infer', failing)
        probe.send(camera, rgb_message(blocks(30, 40), 1), received)
        assert (stats.drops['failed'], stats.drops['bad']) == (2, 1)


@pytest.mark.parametrize('shape', [(1, 1_000_001), (1_000_001, 1)])
def test_labels_that_a_png_cannot_hold_raise(shape):
    with pytest.raises(ImageEncodingError, match=r'as \.png; choose a smaller size \(output_size'):
        from_labels(np.zeros(shape, np.uint8), None)


def test_diagnostics_that_cannot_be_published_are_left_out(probe, tiny_path, status, capfd):
    with RunningNode('/quiet', model=str(tiny_path)) as running:
        diagnostics = running.node._diagnostics
        failing = Failing(diagnostics._publisher.publish, *ERRORS[:2])

        class Refusing:
            publish = failing

        diagnostics._publisher = Refusing()
        status('/quiet', 'engine', WARN)
        assert failing.calls >= 3
    assert '/diagnostics is not published: not enough memory' in capfd.readouterr().err


def test_an_image_that_cannot_be_published_is_skipped(ros, tmp_path, monkeypatch):
    for index in range(2):
        cv2.imwrite(str(tmp_path / f'{index}.png'), blocks(30, 40, index))
    made, node = [], rclpy.create_node('publisher')
    real = image_publisher.from_array
    keep = Failing(lambda *given: made.append(given) or real(*given), MemoryError())
    monkeypatch.setattr(image_publisher, 'from_array', keep)
    publisher = ImagePublisher(node, PublisherParameters(source=str(tmp_path)), Event())
    for _ in range(3):
        publisher._publish_next()
    node.destroy_node()
    assert np.array_equal(made[0][0], blocks(30, 40, 1)) and len(made) == 2


def test_a_subscription_goes_on_after_what_it_cannot_receive(ros, monkeypatch, capfd):
    failing = Failing(SingleThreadedExecutor._take_subscription, *ERRORS[:2])
    monkeypatch.setattr(
        SingleThreadedExecutor, '_take_subscription', lambda *given: failing(*given)
    )
    received, node, executor = [], rclpy.create_node('receiver'), GuardedExecutor()
    node.create_subscription(Image, '/lost', received.append, 10)
    executor.add_node(node)
    node.create_publisher(Image, '/lost', 10).publish(rgb_message(blocks(3, 4), 7))
    end = monotonic() + 10
    while not received and monotonic() < end:
        executor.spin_once(timeout_sec=0.1)
    executor.remove_node(node)
    node.destroy_node()
    assert (received[0].header.stamp.sec, failing.calls) == (7, 3)
    assert 'a message of /lost is lost: not enough memory' in capfd.readouterr().err
