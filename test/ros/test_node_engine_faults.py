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

"""The node with the real TensorRT builder, and with full or read-only disks."""

from importlib.util import find_spec
import re
import signal
import sys

from helpers.ros_probe import blocks, rgb_message, started
from helpers.small_disk import FULL, on_disk, READ_ONLY
import pytest
from swiftnet_ros.backends.tensorrt.engine_file import load

NO_RTX = 'tensorrt_rtx is not installed here: scripts/test.sh brings it'
pytestmark = pytest.mark.skipif(find_spec('tensorrt_rtx') is None, reason=NO_RTX)

# TensorRT for RTX builds without a GPU; the fake engine only reads the file.
NODE = """
import sys
from helpers.fake_engines import StoredEngine
from swiftnet_ros.backends import engine_build, registry
from swiftnet_ros.segmentation_node import main

registry.BACKENDS['tensorrt'] = 'helpers.fake_engines:StoredEngine'
StoredEngine.reset()
engine_build._MEMORY = sys.argv.pop(1)
sys.exit(main(sys.argv[1:]))
"""


def words_for(model, cache, namespace, *more, memory='/dev/shm'):
    """Return the command of a node that builds a model into a cache."""
    given = {'model': model, 'engine': 'tensorrt', 'engine_cache': cache}
    words = [sys.executable, '-c', NODE, str(memory), '--ros-args', '-r', f'__ns:={namespace}']
    for name, value in given.items():
        words += ['-p', f'{name}:={value}']
    return [*words, *more]


def end(node):
    """End a node and return the rest of its log."""
    node.send_signal(signal.SIGTERM)
    _, log = node.communicate(timeout=20)
    assert node.returncode == 0 and 'Traceback' not in log
    return log


def log_until(node, text):
    """Return a node's log up to the line that contains a text."""
    lines = []
    for line in iter(node.stderr.readline, ''):
        lines.append(line)
        if text in line:
            return ''.join(lines)
    raise AssertionError(f'{text!r} was not logged: {"".join(lines)}')


def test_the_first_start_builds_and_the_second_does_not(probe, tiny_path, tmp_path):
    words = words_for(tiny_path, tmp_path / 'cache', '/twice')
    with started(words) as node:
        log = log_until(node, 'segmenting /twice/image with tiny')
        end(node)
    ((engine),) = (tmp_path / 'cache').glob('*.engine')
    assert re.search(rf'the engine was built in \d+ s: {engine}$', log, re.MULTILINE)
    assert load(engine)[1].spec.name == 'tiny'
    with started(words) as node:
        log = log_until(node, 'segmenting /twice/image with tiny')
        end(node)
    assert 'built' not in log


@pytest.mark.parametrize('options', [FULL, READ_ONLY])
def test_a_disk_that_stores_nothing_is_one_warning_and_frames_are_segmented(
    probe, tiny_path, tmp_path, options
):
    """With a real file system; nothing is left in shared memory either."""
    disk, space = tmp_path / 'disk', '/full' if options == FULL else '/read_only'
    disk.mkdir()
    memory = tmp_path / 'memory'
    memory.mkdir()
    words = words_for(tiny_path, disk / 'cache', space, '-p', 'always_infer:=true', memory=memory)
    with started(on_disk(options, disk, words)) as node:
        log = log_until(node, f'segmenting {space}/image with tiny')
        received, camera = probe.stream(space)
        result = probe.send(camera, rgb_message(blocks(30, 40), 1), received)
        assert (result.height, result.width) == (30, 40)
        assert not list(memory.iterdir())
        log += end(node)
    assert re.search(r'the engine was built in \d+ s: in memory only$', log, re.MULTILINE)
    warnings = [line for line in log.splitlines() if f'cannot cache engines in {disk}' in line]
    assert len(warnings) == 1 and warnings[0].startswith('[WARN]')
    assert not list(disk.iterdir())
