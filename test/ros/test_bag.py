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

"""A bag replayed with its own clock gets the same labels over topics as offline."""

from helpers.bags import NO_ROSBAGS, PERIOD, write_bag
from helpers.ros_probe import blocks, RELIABLE
import numpy as np
import pytest
from rclpy.serialization import deserialize_message
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Image
from swiftnet_ros.backends.registry import open_backend
from swiftnet_ros.benchmark.node_process import NodeProcess
from swiftnet_ros.ros.image_msgs import to_labels
from swiftnet_ros.segmenter import Segmenter

START = 1_600_000_000_000_000_000
IMAGES = [blocks(60, 81, seed=number) for number in range(5)]


@pytest.fixture
def bag(tmp_path):
    """Write a bag of images at 10 Hz, recorded years ago."""
    return write_bag(tmp_path / 'bag', [('/cam/image', image) for image in IMAGES], START)


def clock_at(nanoseconds):
    """Return a message of /clock."""
    message = Clock()
    message.clock.sec, message.clock.nanosec = divmod(nanoseconds, 10**9)
    return message


def test_bag_images_get_the_offline_labels_with_their_recorded_stamps(bag, probe, tiny_path):
    """Also with a max_age, which by today's clock would drop every frame."""
    parameters = {'model': str(tiny_path), 'precision': 'fp32', 'use_sim_time': True}
    rosbag2 = pytest.importorskip('rosbags.rosbag2', reason=NO_ROSBAGS)
    results = []
    with NodeProcess('/replay', {**parameters, 'max_age': 0.5}):
        received, camera = probe.stream('/replay')
        clock = probe.node.create_publisher(Clock, '/clock', RELIABLE)
        with rosbag2.Reader(bag) as reader:
            for _, at, data in reader.messages():
                clock.publish(clock_at(at))
                message = deserialize_message(data, Image)
                results.append(probe.send(camera, message, received))
    stamps = [item.header.stamp.sec * 10**9 + item.header.stamp.nanosec for item in results]
    assert stamps == [START + number * PERIOD for number in range(len(IMAGES))]
    assert {item.header.frame_id for item in results} == {'recorded'}
    with open_backend(tiny_path, precision='fp32') as engine:
        for result, image in zip(results, IMAGES):
            expected = Segmenter(engine).segment(image).labels
            np.testing.assert_array_equal(to_labels(result), expected)
