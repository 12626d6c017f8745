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
Measure what the node's executor costs without a network: CPU time for each frame of cameras.

    python test/executor_cost.py --cameras 4 --rate 30

`scripts/bench.sh executor` runs this. Frames are small and have no subscriber, so that each is
received, counted and dropped; the CPU time of a node without cameras' frames is subtracted.
Prints one JSON object as its last line.
"""

from argparse import ArgumentParser
import os
from pathlib import Path
import sys
from time import monotonic, sleep

from helpers.ros_probe import BEST_EFFORT, blocks, Probe, rgb_message
import rclpy
from rclpy.serialization import serialize_message
from swiftnet_ros.benchmark.node_process import NodeProcess
from swiftnet_ros.benchmark.over_topics import set_up_ros
from swiftnet_ros.system.files import write_atomic
from swiftnet_ros.system.json_text import to_json


def main(argv=None):
    """Run the measurement and print it."""
    parser = ArgumentParser(description=__doc__.strip().partition('\n')[0])
    parser.add_argument('--model', default='indoor')
    parser.add_argument('--cameras', type=int, default=4)
    parser.add_argument('--rate', type=float, default=30.0, help='of each camera, in Hz')
    parser.add_argument('--seconds', type=float, default=10.0)
    parser.add_argument('--json', type=Path, help='also write the result to a file')
    options = parser.parse_args(argv)
    set_up_ros()
    rclpy.init()
    names = [f'camera_{number}' for number in range(options.cameras)]
    given = {'model': options.model, 'cameras': names, 'threads': 1}
    namespace = f'/executor_{os.getpid()}'
    with Probe() as probe, NodeProcess(namespace, given) as process:
        topics = [f'{namespace}/{name}/image' for name in names]
        cameras = [probe.camera(topic, BEST_EFFORT) for topic in topics]
        # The compilation of the network has threads that end later.
        sleep(3.0)
        idle = used(process, options.seconds, lambda: None, 1.0)
        message = serialize_message(rgb_message(blocks(24, 32), 1))

        def publish():
            for camera in cameras:
                camera.publish(message)

        busy = used(process, options.seconds, publish, options.rate)
    rclpy.shutdown()
    frames = options.cameras * options.rate
    result = {
        'cameras': options.cameras,
        'rate_hz': options.rate,
        'idle_cpu_fraction': idle,
        'cpu_fraction': busy,
        'cpu_ms_per_frame': 1000 * (busy - idle) / frames,
        'load': os.getloadavg()[0],
    }
    text = to_json(result)
    print(text)
    if options.json:
        write_atomic(options.json, text + '\n')
    return 0


def used(process, seconds, work, rate):
    """Do some work at a rate, and return the fraction of one CPU that the node uses meanwhile."""
    cpu = process.cpu_seconds
    start = due = monotonic()
    while monotonic() - start < seconds:
        work()
        due += 1.0 / rate
        sleep(max(0.0, due - monotonic()))
    return (process.cpu_seconds - cpu) / (monotonic() - start)


if __name__ == '__main__':
    sys.exit(main())
