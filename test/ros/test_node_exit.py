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

"""How the node ends: one line and exit code 1 for a user's error, 0 for Ctrl-C and SIGTERM."""

from contextlib import suppress
from pathlib import Path
import re
import signal
import subprocess
import sys
from time import monotonic, sleep

from helpers.ros_probe import blocks, rgb_message, started, wait_until
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
import pytest

NODE = [sys.executable, '-m', 'swiftnet_ros.segmentation_node', '--ros-args', '-p']


@pytest.mark.parametrize(
    ('write', 'error'),
    [
        (lambda path: None, 'model not found: .*give the path of an .onnx file or .engine'),
        (lambda path: path.write_bytes(b'cut'), 'truncated or not an ONNX file'),
    ],
)
def test_a_model_that_cannot_be_used_is_one_line_and_exit_code_1(tmp_path, write, error):
    path = tmp_path / 'model.onnx'
    write(path)
    ended = subprocess.run([*NODE, f'model:={path}'], capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1
    assert re.fullmatch(f'error: .*{error}.*\n', ended.stderr), ended.stderr


@pytest.mark.parametrize(
    ('arguments', 'error'),
    [
        (['threads:=999'], 'parameter threads is 999, expected a whole number of 0 to 256'),
        (['engine:=tensorrt'], "engine 'tensorrt' cannot be used here"),
        (['engine:=auto', '--params-file', '/nowhere.yaml'], 'invalid ROS arguments: .*YAML'),
        (
            ['threads:=1', '--', '--model', 'x'],
            "invalid ROS arguments: '--model' is not a ROS argument; set par",
        ),
        (
            ['model:=bytes\udcff.onnx'],
            r"invalid ROS arguments: 'model:=bytes\\udcff.onnx' is not UTF-8; rename the file",
        ),
        (
            ['threads:=1', '-r', '~/reload:=~/get_state'],
            'invalid ROS arguments: failed to create service: .* incompatible type',
        ),
        (['cameras:=[]'], r"invalid ROS arguments: .* write an empty list as \[''\]"),
    ],
)
def test_a_wrong_parameter_is_one_line_and_exit_code_1(arguments, error):
    ended = subprocess.run([*NODE, *arguments], capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1
    errors = [line for line in ended.stderr.splitlines() if line.startswith('error: ')]
    assert len(errors) == 1 and re.search(error, errors[0]), ended.stderr
    assert 'Traceback' not in ended.stderr


def test_without_autostart_the_node_waits_for_its_manager(probe, tmp_path):
    """A model that cannot be used then fails a transition and does not end the node."""
    words = [*NODE, 'autostart:=false', '-p', f'model:={tmp_path}/none', '-r', '__ns:=/managed']
    with started(words) as node:
        configure = Transition(id=Transition.TRANSITION_CONFIGURE)
        service = '/managed/segmentation/change_state'
        assert not probe.call(ChangeState, service, transition=configure).success
        assert node.poll() is None
        node.send_signal(signal.SIGINT)
        _, log = node.communicate(timeout=20)
    assert node.returncode == 0 and 'Traceback' not in log
    assert 'cannot configure: model not found' in log


def publish_for_good(probe, topic):
    """Publish a small frame at 10 Hz once there is a subscriber."""
    camera, message = probe.camera(topic), rgb_message(blocks(30, 40), 1)
    probe.node.create_timer(0.1, lambda: camera.publish(message))


SLOW_NODE = """
import sys
from helpers.fake_engines import GatedEngine
from swiftnet_ros.backends import registry
from swiftnet_ros.segmentation_node import main

registry.BACKENDS['gated'] = 'helpers.fake_engines:GatedEngine'
GatedEngine.reset(may_open=sys.argv[1] == 'open', may_infer=False)
sys.exit(main(sys.argv[2:]))
"""


def slow_node(gate, namespace, model, code=SLOW_NODE):
    """Return the command of a node whose engine waits, shut while it opens or while it infers."""
    words = [sys.executable, '-c', code, gate, '--ros-args', '-r', f'__ns:={namespace}']
    return [*words, '-p', f'model:={model}', '-p', 'engine:=gated']


@pytest.mark.parametrize('gate', ['shut', 'open'])
@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_busy_thread_does_not_delay_the_end(tiny_path, probe, number, gate):
    space = f'/busy_{gate}_{int(number)}'
    words = [*slow_node(gate, space, tiny_path), '-p', 'always_infer:=true']
    with started(words) as node:
        topic = f'{space}/segmentation/label_image'
        wait_until(lambda: probe.node.count_publishers(topic), 30, topic)
        if gate == 'open':
            publish_for_good(probe, f'{space}/image')
            sleep(0.5)
        start = monotonic()
        node.send_signal(number)
        _, log = node.communicate(timeout=60)
        assert monotonic() - start < 2.0, log
    assert node.returncode == 0 and 'Traceback' not in log
    # It left the ROS graph in order: its topics are gone.
    wait_until(lambda: not probe.node.count_publishers(topic), 2, f'the end of {topic}')


def orphaned_segments():
    """Return the shared-memory segments of Fast DDS that no process has mapped."""
    mapped = set()
    for maps in Path('/proc').glob('[0-9]*/maps'):
        # A process may end meanwhile, or belong to somebody else.
        with suppress(OSError):
            mapped.update(re.findall(r'/dev/shm/(fastrtps_[0-9a-f]{16})$', maps.read_text(), re.M))
    return {path.name for path in Path('/dev/shm').glob('fastrtps_' + 16 * '[0-9a-f]')} - mapped


def test_ended_starts_leave_no_node_and_no_shared_memory(tiny_path, probe):
    """Ten times: ended by either signal while the engine is being opened, or a failed start."""
    slow, failing = (slow_node('shut', '/leaving', model) for model in (tiny_path, 'nothing'))
    topic = '/leaving/segmentation/label_image'
    before = orphaned_segments()
    for attempt in range(10):
        command = failing if attempt % 5 == 4 else slow
        with started(command) as node:
            if command is slow:
                wait_until(lambda: probe.node.count_publishers(topic), 30, topic)
                node.send_signal((signal.SIGINT, signal.SIGTERM)[attempt % 2])
            node.communicate(timeout=30)
        assert node.returncode == int(command is failing)
        wait_until(lambda: not names_in_graph(probe, '/leaving'), 2, 'the end of the node')
        # Other processes may be just between the creation of theirs and its use.
        wait_until(lambda: orphaned_segments() <= before, 5, 'the end of its shared memory')


def names_in_graph(probe, namespace):
    """Return the nodes and services of a namespace that are visible."""
    nodes = probe.node.get_node_names_and_namespaces()
    services = [name for name, _ in probe.node.get_service_names_and_types()]
    return [name for name, space in nodes if space == namespace] + [
        name for name in services if name.startswith(f'{namespace}/')
    ]


def test_a_bug_in_the_worker_ends_the_process(tiny_path, probe):
    """With its traceback, so that a supervisor can restart it."""
    code = SLOW_NODE.replace('may_infer=False', 'may_infer=True').replace(
        'sys.exit', 'GatedEngine._infer = lambda *given: 1 / 0\nsys.exit'
    )
    words = [*slow_node('open', '/dying', tiny_path, code), '-p', 'always_infer:=true']
    with started(words) as node:
        publish_for_good(probe, '/dying/image')
        _, log = node.communicate(timeout=60)
    assert node.returncode == 1 and 'ZeroDivisionError' in log


@pytest.mark.parametrize('streaming', [False, True])
@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_node_in_two_seconds_with_exit_code_0(
    tiny_path, probe, number, streaming
):
    """While idle and during a stream; the stats are logged, without a traceback."""
    with started([*NODE, f'model:={tiny_path}', '-r', '__ns:=/ending']) as node:
        text = 'segmenting /ending/image with tiny'
        assert any(text in line for line in iter(node.stderr.readline, ''))
        if streaming:
            received, camera = probe.stream('/ending')
            message = rgb_message(blocks(480, 640), 1)
            probe.node.create_timer(0.01, lambda: camera.publish(message))
            wait_until(lambda: len(received) > 5)
        start = monotonic()
        node.send_signal(number)
        _, errors = node.communicate(timeout=20)
        assert monotonic() - start < 2.0
        assert node.returncode == 0
        assert 'Traceback' not in errors and '/ending/image: received ' in errors


def test_the_console_script_runs_the_node_itself():
    script = 'from swiftnet_ros.entry_points import segmentation_node; segmentation_node()'
    command = [sys.executable, '-c', script, '--ros-args', '-p', 'model:=nothing']
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stderr[:23]) == (1, 'error: model not found:')
