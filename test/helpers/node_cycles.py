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

"""Repeat a node's lifecycle: `python -m helpers.node_cycles MODEL` prints memory and threads."""

import gc
import json
import sys
from threading import active_count
from time import sleep

from helpers.ros_domain import claim_domain
from helpers.ros_probe import BEST_EFFORT, blocks, Probe, resident, rgb_message, wait_until
from helpers.running_node import RunningNode
import rclpy
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import Image

CYCLES = 60
# Caches are filled until the first of these; a leak shows in both halves after it.
_MEASURED = (10, 35, CYCLES)


def main(model):
    """Print memory and threads as JSON lines: after a warm-up, half-way and at the end."""
    given = {'model': model, 'cameras': ['front', 'rear'], 'always_infer': True}
    with Probe() as probe, RunningNode('/cycles', **given) as running:
        camera = probe.node.create_publisher(Image, '/cycles/front/image', BEST_EFFORT)
        for cycle in range(1, CYCLES + 1):
            _run_cycle(running, camera)
            if cycle in _MEASURED:
                # Threads of the last cycle may not have ended yet.
                sleep(1.0)
                gc.collect()
                state = {'cycles': cycle, 'threads': active_count(), 'resident': resident()}
                print(json.dumps(state), flush=True)


def _run_cycle(running, camera):
    """Configure, activate, segment a frame, deactivate and clean up."""
    assert running.do('configure', 'activate')
    wait_until(camera.get_subscription_count)
    stats = running.camera('front').stats
    camera.publish(rgb_message(blocks(480, 640), 1))
    wait_until(lambda: stats.published, 5)
    assert running.do('deactivate', 'cleanup')


if __name__ == '__main__':
    claim_domain()
    rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
    main(sys.argv[1])
    rclpy.shutdown()
