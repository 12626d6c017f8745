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

"""The diagnostics of a running node, with and without diagnostic_updater."""

import hashlib
import sys
from time import monotonic
from types import ModuleType

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from helpers.ros_probe import blocks, rgb_message, wait_until
from helpers.running_node import active_node, RunningNode
import pytest
from rclpy.parameter import Parameter
from swiftnet_ros.errors import InvalidValueError
from swiftnet_ros.serving.health import ERROR, OK, WARN


def test_the_engine_status_has_the_values_in_use(status, probe, tiny_path):
    with RunningNode('/facts', model=str(tiny_path), precision='fp32') as running:
        message, values = status('/facts', 'engine', WARN)
        assert message.startswith('the node is unconfigured and segments nothing')
        assert running.do('configure', 'activate')
        message, values = status('/facts', 'engine', OK)
        assert values['model'] == str(tiny_path)
        assert values['sha256'] == hashlib.sha256(tiny_path.read_bytes()).hexdigest()
        assert float(values['model size (MB)']) == round(tiny_path.stat().st_size / 1e6, 2)
        assert (values['engine'], values['precision']) == ('openvino', 'fp32')
        assert values['state'] == 'active' and values['input size'] == '64x48'
        assert values['device'] == running.pipeline.loading.result().segmenter.device


def test_a_failed_transition_is_an_error_with_its_reason(status, probe, tiny_path):
    with RunningNode('/sick', model='/nowhere.onnx') as running:
        assert not running.do('configure')
        message, values = status('/sick', 'engine', ERROR)
        assert "model not found: '/nowhere.onnx'" in message and values['state'] == 'unconfigured'
        running.node.set_parameters([Parameter('model', value=str(tiny_path))])
        assert running.do('configure', 'activate')
        status('/sick', 'engine', OK)


def test_the_camera_status_has_rates_drops_and_stages(status, probe, tiny_path):
    given = {'model': str(tiny_path), 'cameras': ['front'], 'max_rate': 10.0}
    with active_node('/busy', **given) as running:
        received = probe.subscribe('/busy/segmentation/front/label_image')
        camera = probe.camera('/busy/front/image')
        bad = rgb_message(blocks(20, 30), 1)
        bad.step = 1
        camera.publish(bad)
        wait_until(lambda: running.camera('front').stats.drops['bad'] == 1)

        def publish():
            message = rgb_message(blocks(30, 40), 0)
            message.header.stamp = probe.node.get_clock().now().to_msg()
            camera.publish(message)

        probe.node.create_timer(1 / 30, publish)
        wait_until(lambda: len(received) > 20)
        message, values = status('/busy', 'camera front', OK)
        assert 8 < float(values['rate out (Hz)']) < 12 < float(values['rate in (Hz)']) < 33
        assert 'frames per second are segmented' in message
        assert int(values['dropped: rate limit']) > 20 and values['dropped: bad'] == '1'
        assert values['topic'] == '/busy/front/image'
        assert 0 < float(values['age (ms)']) < 1000
        for stage in ('receive', 'prepare', 'engine', 'labels', 'publish'):
            p50, p95, p99 = (float(values[f'{stage} {p} (ms)']) for p in ('p50', 'p95', 'p99'))
            assert 0 <= p50 <= p95 <= p99 < 1000 and p99 > 0
        assert values['listeners'] == '1'


def test_cleanup_removes_the_camera_status(status, probe, tiny_path):
    with RunningNode('/gone', model=str(tiny_path)) as running:
        assert running.do('configure')
        status('/gone', 'camera', OK)
        assert running.do('cleanup')
        arrays = probe.subscribe('/diagnostics', DiagnosticArray)
        wait_until(lambda: len(arrays) >= 2, 5, 'diagnostics of the unconfigured node')
        assert [item.name for item in arrays[-1].status] == ['segmentation: engine']


class FakeUpdater:
    """A fake of diagnostic_updater's Updater, after its source."""

    def __init__(self, node, period=1.0):
        self.node, self.tasks, self.hardware_id = node, {}, ''
        self.period = node.declare_parameter('diagnostic_updater.period', period).value
        self._publisher = node.create_publisher(DiagnosticArray, '/diagnostics', 1)
        self.timer = node.create_timer(self.period, self.update)

    def setHardwareID(self, name):  # noqa: N802
        self.hardware_id = name

    def add(self, name, task):
        self.tasks[name] = task

    def removeByName(self, name):  # noqa: N802
        return self.tasks.pop(name, None) is not None

    def update(self):
        statuses = []
        for name, task in self.tasks.items():
            status = task(FakeStatus(name=f'{self.node.get_name()}: {name}'))
            status.hardware_id = self.hardware_id
            statuses.append(status)
        self._publisher.publish(DiagnosticArray(status=statuses))


class FakeStatus(DiagnosticStatus):
    """A fake of the status that diagnostic_updater passes to a task."""

    def summary(self, level, message):
        self.level, self.message = level, message

    def add(self, key, value):
        self.values = [*self.values, KeyValue(key=key, value=value)]


@pytest.fixture
def updater(monkeypatch):
    """Install a fake of diagnostic_updater, which has no wheel."""
    module = ModuleType('diagnostic_updater')
    module.Updater = FakeUpdater
    monkeypatch.setitem(sys.modules, 'diagnostic_updater', module)


def test_diagnostic_updater_is_used_if_it_is_installed(status, probe, tiny_path, updater):
    with active_node('/updated', model=str(tiny_path)) as running:
        _, values = status('/updated', 'engine', OK)
        assert values['state'] == 'active'
        status('/updated', 'camera', OK)
        assert set(running.node._diagnostics._updater.tasks) == {'engine', 'camera'}
        assert running.do('deactivate', 'cleanup')
        assert set(running.node._diagnostics._updater.tasks) == {'engine'}


def test_diagnostic_updater_has_its_period_and_a_steady_clock(probe, tiny_path, updater):
    """Also while simulated time stands still, which its own timer would use."""
    given = {'use_sim_time': True, 'diagnostic_updater.period': 0.25}
    with RunningNode('/steady', model=str(tiny_path), **given):
        arrays = probe.subscribe('/diagnostics', DiagnosticArray)
        wait_until(lambda: arrays)
        start, before = monotonic(), len(arrays)
        wait_until(lambda: len(arrays) >= before + 8)
        assert 1.5 < monotonic() - start < 5.0


def test_a_period_of_another_type_raises(tiny_path, updater, probe):
    with pytest.raises(InvalidValueError, match='diagnostic_updater.period is 1, expected a numb'):
        RunningNode('/wrong', **{'diagnostic_updater.period': 1}).__enter__()
