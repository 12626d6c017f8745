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

"""The lifecycle: topics of each state, failures with reasons, no leaks and no deadlocks."""

import json
import re
import subprocess
import sys
from time import monotonic

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from helpers.ros_probe import blocks, rgb_message, wait_until
from helpers.running_node import active_node, RunningNode
from helpers.tiny_model import write_golden_model
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
import pytest
from rclpy.parameter import Parameter
from swiftnet_ros.errors import SelfCheckError
from swiftnet_ros.ros import pipeline

OUTPUTS = {
    *('label_image', 'label_image/compressed', 'color', 'overlay', 'confidence', 'camera_info')
}


def topics_of(probe, namespace, of='publishers'):
    """Return the topics that a node publishes or subscribes to, without its own name."""
    get = getattr(probe.node, f'get_{of[:-1]}_names_and_types_by_node')
    names = {name for name, _ in get('segmentation', namespace)}
    return {name.replace(f'{namespace}/segmentation/', '') for name in names}


def change_state(probe, namespace, transition_id=0, label=''):
    """Request a transition as a lifecycle manager does and return whether it succeeded."""
    transition = Transition(id=transition_id, label=label)
    service = f'{namespace}/segmentation/change_state'
    return probe.call(ChangeState, service, transition=transition).success


def state(probe, namespace):
    """Return the state as `ros2 lifecycle get` does."""
    return probe.call(GetState, f'{namespace}/segmentation/get_state').current_state.label


def test_each_state_has_its_topics_and_its_engine(probe, tiny_path):
    with RunningNode('/states', model=str(tiny_path)) as running:
        assert state(probe, '/states') == 'unconfigured'
        assert not OUTPUTS & topics_of(probe, '/states')
        assert change_state(probe, '/states', Transition.TRANSITION_CONFIGURE)
        wait_until(lambda: topics_of(probe, '/states') >= OUTPUTS)
        assert '/states/image' not in topics_of(probe, '/states', 'subscribers')
        assert (
            change_state(probe, '/states', label='activate')
            and state(probe, '/states') == 'active'
        )
        wait_until(lambda: '/states/image' in topics_of(probe, '/states', 'subscribers'))
        backend = running.pipeline.loading.result().segmenter._backend
        assert change_state(probe, '/states', Transition.TRANSITION_DEACTIVATE)
        wait_until(lambda: '/states/image' not in topics_of(probe, '/states', 'subscribers'))
        assert running.pipeline.loading.result().segmenter._backend is backend
        assert not backend._is_closed
        assert change_state(probe, '/states', label='cleanup') and backend._is_closed
        wait_until(lambda: not OUTPUTS & topics_of(probe, '/states'))
        assert change_state(probe, '/states', Transition.TRANSITION_UNCONFIGURED_SHUTDOWN)
        assert state(probe, '/states') == 'finalized'


def test_frames_are_segmented_only_while_active(probe, tiny_path):
    with RunningNode('/again', model=str(tiny_path)) as running:
        for number in range(2):
            assert running.do('configure', 'activate')
            received, camera = probe.stream('/again')
            message = rgb_message(blocks(30, 40), number)
            assert probe.send(camera, message, received)
            assert running.do('deactivate')
            wait_until(lambda camera=camera: camera.get_subscription_count() == 0)
            segmented = len(received)
            camera.publish(message)
            assert running.do('activate')
            wait_until(camera.get_subscription_count)
            assert probe.send(camera, rgb_message(blocks(30, 40), 7 + number), received)
            assert [item.header for item in received].count(message.header) == segmented
            assert running.do('deactivate', 'cleanup')
            probe.unsubscribe('/again/segmentation/label_image')
            probe.node.destroy_publisher(camera)


@pytest.mark.parametrize('request_', [{'label': 'activate'}, {'label': 'dance'}, {'id': 99}])
def test_an_impossible_transition_is_rejected_and_the_node_keeps_running(
    probe, tiny_path, request_
):
    """In rclpy alone such a request would end the process."""
    with RunningNode('/rejecting', model=str(tiny_path)) as running:
        label, number = request_.get('label', ''), request_.get('id', 0)
        assert not change_state(probe, '/rejecting', number, label)
        assert state(probe, '/rejecting') == 'unconfigured'
        assert running.do('configure')


def test_labels_of_transitions_are_logged_escaped_short_and_seldom(probe, tiny_path, capfd):
    with RunningNode('/forging', model=str(tiny_path)):
        for _ in range(20):
            assert not change_state(probe, '/forging', 0, '\x1b[2J\n[FATAL] forged' + 9000 * 'x')
    lines = [line for line in capfd.readouterr().err.splitlines() if 'forged' in line]
    assert 1 <= len(lines) <= 5
    assert all('cannot \\x1b[2J\\n[FATAL] forgedxx' in line for line in lines)
    assert all('\x1b[2J' not in line and len(line) < 400 for line in lines)


@pytest.mark.parametrize(
    ('name', 'bad', 'good', 'reason'),
    [
        ('model', '/nowhere.onnx', None, "model not found: '/nowhere.onnx'"),
        ('engine', 'abacus', 'auto', "unknown engine 'abacus'"),
        ('cameras', ['front', 'a/b'], ['front', 'rear'], "'a/b', expected letters"),
        ('output_size', '0x5', '64x48', "output_size is '0x5', expected camera, network"),
        ('image_transport', 'pigeon', 'raw', "unknown image_transport 'pigeon'"),
        (
            'qos_overrides./failing/segmentation/color.publisher.reliability',
            'sometimes',
            'best_effort',
            'qos_overrides./failing/segmentation/color is .*, expected a history',
        ),
    ],
)
def test_a_wrong_value_fails_configure_with_a_reason(probe, tiny_path, name, bad, good, reason):
    """The node stays unconfigured with nothing open, and works once the value is corrected."""
    with RunningNode('/failing', **{'model': str(tiny_path), name: bad}) as running:
        assert not change_state(probe, '/failing', label='configure')
        assert state(probe, '/failing') == 'unconfigured'
        assert re.search(reason, str(running.node.failure))
        wait_until(lambda: not OUTPUTS & topics_of(probe, '/failing'))
        change = Parameter(name, value=str(tiny_path) if good is None else good)
        (result,) = running.node.set_parameters([change])
        assert result.successful, result.reason
        assert running.do('configure', 'activate') and running.node.failure is None


def test_a_camera_that_cannot_be_opened_keeps_the_node_inactive(probe, tiny_path):
    wrong = {'qos_overrides./half/rear/image.subscription.reliability': 'sometimes'}
    given = {'model': str(tiny_path), 'cameras': ['front', 'rear'], **wrong}
    with RunningNode('/half', **given) as running:
        assert running.do('configure') and not running.do('activate')
        assert running.node.state == 'inactive'
        assert 'qos_overrides./half/rear/image' in str(running.node.failure)
        assert '/half/front/image' not in topics_of(probe, '/half', 'subscribers')


def test_an_engine_that_fails_the_self_check_is_closed(probe, tmp_path, gated):
    model = write_golden_model(tmp_path / 'golden.onnx', wrong=10)
    with RunningNode('/checked', model=str(model)) as running:
        assert not running.do('configure')
        assert isinstance(running.node.failure, SelfCheckError)
        running.node.set_parameters([Parameter('self_check_min_agreement', value=0.9)])
        assert running.do('configure')
        assert running.pipeline.loading.result().agreement == 0.9
        assert running.do('cleanup')
        # It predicts class 0 everywhere, which no golden label is.
        running.node.set_parameters([Parameter('engine', value='gated')])
        assert not running.do('configure') and gated.open_engines == 0


def test_while_an_engine_is_opened_services_work_and_transitions_wait(probe, tiny_path, gated):
    gated.reset(may_open=False)
    diagnostics = probe.subscribe('/diagnostics', DiagnosticArray, wait=False)
    with RunningNode('/slow', model=str(tiny_path), engine='gated') as running:
        configuring = running.begin('configure')
        wait_until(lambda: state(probe, '/slow') == 'configuring')
        service = '/slow/segmentation/change_state'
        activating = probe.begin_call(ChangeState, service, transition=Transition(id=3))
        before = len(diagnostics)
        wait_until(lambda: len(diagnostics) >= before + 3, 6, 'diagnostics at 1 Hz')
        assert topics_of(probe, '/slow') >= OUTPUTS
        assert not configuring.done() and not activating.done()
        (engine,) = [item for item in diagnostics[-1].status if item.name.endswith(': engine')]
        assert engine.level == DiagnosticStatus.WARN
        assert engine.message.startswith('the node is configuring and segments nothing')
        gated.may_open.set()
        wait_until(activating.done)
        assert configuring.result() and activating.result().success
        assert state(probe, '/slow') == 'active'


def test_deactivation_does_not_wait_for_a_frame_in_process(probe, tiny_path, gated):
    """That frame is not published any more; the engine stays open and works again."""
    gated.reset(may_infer=False)
    with active_node('/middle', model=str(tiny_path), engine='gated') as running:
        received, camera = probe.stream('/middle')
        camera.publish(rgb_message(blocks(30, 40), 1))
        assert gated.entered.wait(10.0)
        start = monotonic()
        assert running.do('deactivate') and monotonic() - start < 1.0
        gated.may_infer.set()
        wait_until(lambda: running.camera().stats.drops['inactive'] == 1)
        assert running.do('activate')
        wait_until(camera.get_subscription_count)
        probe.send(camera, rgb_message(blocks(30, 40), 2), received)
        assert [message.header.stamp.sec for message in received] == [2]


def test_cleanup_counts_the_frames_in_process_and_waiting(probe, tiny_path, gated):
    gated.reset(may_infer=False)
    with active_node(
        '/waiting', model=str(tiny_path), engine='gated', always_infer=True
    ) as running:
        camera, stats = probe.camera('/waiting/image'), running.camera().stats
        pipeline = running.pipeline
        camera.publish(rgb_message(blocks(30, 40), 1))
        assert gated.entered.wait(10.0)
        camera.publish(rgb_message(blocks(30, 40), 2))
        wait_until(lambda: stats.received == 2)
        assert running.do('deactivate')
        cleanup = running.begin('cleanup')
        wait_until(lambda: pipeline.is_ended and stats.drops['inactive'] == 1)
        gated.may_infer.set()
        wait_until(cleanup.done)
        assert (stats.published, stats.drops['inactive']) == (0, 2)


def test_shutdown_does_not_wait_for_a_frame_in_process(probe, tiny_path, gated):
    """It takes two seconds at most, and `close` returns that a thread is still busy."""
    gated.reset(may_infer=False)
    running = RunningNode('/left', model=str(tiny_path), engine='gated', always_infer=True)
    with running:
        assert running.do('configure', 'activate')
        camera = probe.camera('/left/image')
        camera.publish(rgb_message(blocks(30, 40), 1))
        assert gated.entered.wait(10.0)
        start = monotonic()
    assert monotonic() - start < 2.0 and not running.ended_in_order
    gated.may_infer.set()
    wait_until(lambda: gated.open_engines == 0)


def test_the_node_recovers_from_a_bug_in_a_transition(probe, tiny_path, capfd):
    """The traceback is logged, which rclpy alone does not do."""
    with RunningNode('/buggy', model=str(tiny_path)) as running:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(pipeline, 'load_model', lambda *given: 1 / 0)
            assert not running.do('configure')
        assert running.node.state == 'unconfigured' and running.pipeline is None
        assert 'configure: unexpected error' in str(running.node.failure)
        assert 'ZeroDivisionError' in capfd.readouterr().err
        assert running.do('configure', 'activate')


def test_fifty_cycles_leak_neither_memory_nor_threads(tiny_path):
    """In another process, as other tests allocate memory in this one."""
    command = [sys.executable, '-m', 'helpers.node_cycles', str(tiny_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    states = [json.loads(line) for line in done.stdout.splitlines()]
    first, middle, last = states
    assert [item['cycles'] for item in states] == [10, 35, 60]
    assert last['threads'] <= first['threads']
    # A leak grows in both halves; a busy machine, whose buffers are filled late, in the first.
    growth = [middle['resident'] - first['resident'], last['resident'] - middle['resident']]
    assert min(growth) < 2.5e6
