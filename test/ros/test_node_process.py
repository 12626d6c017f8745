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

"""A node in another process: it ends with the program that started it."""

import signal
import subprocess
import sys

from helpers.fake_builder import living
from helpers.ros_probe import wait_until
import pytest
from swiftnet_ros.benchmark.node_process import NodeProcess

# Handle Ctrl-C as at a terminal: a shell's background processes inherit that it is ignored.
OWNER = """
import signal
import sys
from time import sleep
from swiftnet_ros.benchmark.node_process import NodeProcess

signal.signal(signal.SIGINT, signal.default_int_handler)
with NodeProcess(sys.argv[1], {'model': sys.argv[2], 'threads': 1}):
    print('started', flush=True)
    sleep(60)
"""


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_the_program_ends_its_node_too(tiny_path, probe, number):
    space = f'/owned_{int(number)}'
    words = [sys.executable, '-c', OWNER, space, str(tiny_path)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout.readline() == 'started\n'
        topic = f'{space}/segmentation/label_image'
        wait_until(lambda: probe.node.count_publishers(topic), 30, topic)
        assert living(f'__ns:={space}')
        owner.send_signal(number)
        owner.wait(20)
    assert owner.returncode != 0
    # A library of the node forks a copy of the process for a moment.
    wait_until(lambda: not living(f'__ns:={space}'), 2, 'the end of the node')


def test_the_cpu_time_and_the_peak_memory_of_any_program_can_be_read(ros, tmp_path):
    """The name of a process may look like more fields of its line in /proc."""
    script = tmp_path / 'busy.py'
    script.write_text(
        'import threading, time\n'
        "open('/proc/self/comm', 'w').write(') R 9 9 (')\n"
        'data = bytearray(50_000_000)\n'
        'while time.process_time() < 0.5: pass\n'
        'time.sleep(60)\n'
    )
    with NodeProcess('/busy', {}, [str(script)]) as process:
        # The kernel counts in steps of 10 ms.
        wait_until(lambda: process.cpu_seconds >= 0.45, 20)
        assert process.cpu_seconds < 1.5
        assert 50 < process.peak_memory_mb < 100
        process.check()
