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

"""Each test process has its own ROS domain."""

import os
import subprocess
import sys

from helpers.ros_domain import claim_domain

# Claims a domain, publishes on `chatter`, and prints the domain and what it received.
SUITE = """
from time import monotonic
from helpers.ros_domain import claim_domain
domain = claim_domain()
import rclpy
from std_msgs.msg import Header
rclpy.init()
node = rclpy.create_node('suite')
received = set()
node.create_subscription(Header, 'chatter', lambda message: received.add(message.frame_id), 10)
publisher = node.create_publisher(Header, 'chatter', 10)
end = monotonic() + 4.0
while monotonic() < end:
    publisher.publish(Header(frame_id=str(domain)))
    rclpy.spin_once(node, timeout_sec=0.1)
print(domain, *received)
rclpy.shutdown()
"""


def test_this_process_keeps_its_domain():
    assert os.environ['ROS_DOMAIN_ID'] == str(claim_domain())
    assert os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] == 'LOCALHOST'


def test_two_test_processes_receive_only_their_own_messages():
    environment = {**os.environ, 'PYTHONPATH': os.pathsep.join(filter(None, sys.path))}
    suites = [
        subprocess.Popen(
            [sys.executable, '-c', SUITE], stdout=subprocess.PIPE, text=True, env=environment
        )
        for _ in range(2)
    ]
    domains = []
    for suite in suites:
        printed, _ = suite.communicate(timeout=60)
        domain, *received = printed.split()
        assert received == [domain]
        domains.append(domain)
    assert len({*domains, os.environ['ROS_DOMAIN_ID']}) == 3
