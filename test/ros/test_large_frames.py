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

"""With the shipped Fast DDS profile no frame of a best-effort 1080p stream is lost."""

import os
import subprocess
import sys

import pytest
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image
from swiftnet_ros.ros.compat import PROFILE_VARIABLES

# A camera driver without code of this package; the profile is in its environment.
DRIVER = """
from array import array
from time import sleep
import rclpy
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image

rclpy.init()
node = rclpy.create_node('driver')
best_effort = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
publisher = node.create_publisher(Image, 'large', best_effort)
message = Image(height=1080, width=1920, encoding='rgb8', step=1920 * 3)
message.data = array('B', bytes(1080 * 1920 * 3))
while not publisher.get_subscription_count():
    sleep(0.05)
sleep(1.0)
for number in range(30):
    message.header.stamp.sec = number
    message.data[0] = number
    publisher.publish(message)
    sleep(0.1)
sleep(1.0)
rclpy.shutdown()
"""


def test_thirty_frames_of_1080p_at_10_hz_arrive(probe):
    if not any(map(os.environ.get, PROFILE_VARIABLES)):
        pytest.skip('/dev/shm is too small for large frames')
    received = []

    def keep(message):
        received.append((message.header.stamp.sec, message.data[0]))

    # A deep queue for a busy machine: whether frames arrive is tested, not Python's speed.
    qos = QoSProfile(depth=10, reliability=ReliabilityPolicy.BEST_EFFORT)
    probe.node.create_subscription(Image, 'large', keep, qos)
    with subprocess.Popen([sys.executable, '-c', DRIVER]) as driver:
        assert driver.wait(60) == 0
    assert received == [(number, number) for number in range(30)]
