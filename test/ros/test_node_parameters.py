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

"""Parameters while the node runs: applied from the next frame on, or rejected with a reason."""

import re
from time import monotonic, sleep

from builtin_interfaces.msg import Time
from helpers.ros_probe import blocks, rgb_message, stamped, wait_until
from helpers.running_node import active_node
import numpy as np
import pytest
from rcl_interfaces.msg import Parameter as ParameterMessage
from rcl_interfaces.msg import ParameterType, ParameterValue
from rcl_interfaces.srv import SetParameters, SetParametersAtomically
from rclpy.parameter import Parameter
from rosgraph_msgs.msg import Clock
from swiftnet_ros.ros.image_msgs import from_array


@pytest.fixture
def running(probe, tiny_path):
    """Return an active node in this process that segments without subscribers."""
    with active_node('/live', model=str(tiny_path), always_infer=True) as opened:
        yield opened


def set_parameter(running, name, value):
    """Set a parameter and return the reason if it was rejected, else an empty text."""
    (result,) = running.call(lambda: running.node.set_parameters([Parameter(name, value=value)]))
    assert result.successful != bool(result.reason)
    return result.reason


def test_opacity_applies_from_the_next_frame_on(probe, running):
    overlays, camera = probe.subscribe('/live/segmentation/overlay'), probe.camera('/live/image')
    image = blocks(48, 64)
    # First the overlay is the image, then the colors.
    for number, opacity in enumerate([0.0, 1.0]):
        assert set_parameter(running, 'overlay_opacity', opacity) == ''
        result = probe.send(camera, rgb_message(image, number), overlays)
        shown = np.frombuffer(result.data, np.uint8).reshape(48, 64, 3)[..., ::-1]
        assert np.array_equal(shown, image) == (opacity == 0.0)


def test_max_rate_limits_the_mean_rate(probe, running):
    """Frames at 50 Hz, results at 20 Hz; then without a limit again."""
    camera, stats = probe.camera('/live/image'), running.camera().stats
    assert set_parameter(running, 'max_rate', 20.0) == ''
    message = rgb_message(blocks(30, 40), 1)
    probe.node.create_timer(0.02, lambda: camera.publish(message))
    wait_until(lambda: stats.published > 3)
    start, before = monotonic(), stats.published
    sleep(2.0)
    rate = (stats.published - before) / (monotonic() - start)
    assert 12 < rate < 21 and stats.drops['rate limit'] > 10
    assert set_parameter(running, 'max_rate', 0.0) == ''
    limited = stats.drops['rate limit']
    published = stats.published
    wait_until(lambda: stats.published > published + 5)
    assert stats.drops['rate limit'] <= limited + 1


@pytest.mark.parametrize('rate', [1e-9, 5e-324])
def test_a_higher_max_rate_counts_at_once(probe, running, rate):
    """Also after one whose next frame was due in a century, or never."""
    camera, stats = probe.camera('/live/image'), running.camera().stats
    message = rgb_message(blocks(30, 40), 1)
    probe.node.create_timer(0.02, lambda: camera.publish(message))
    assert set_parameter(running, 'max_rate', rate) == ''
    wait_until(lambda: stats.drops['rate limit'] > 5)
    published = stats.published
    assert set_parameter(running, 'max_rate', 100.0) == ''
    wait_until(lambda: stats.published > published + 5)


@pytest.mark.parametrize('kind', [SetParameters, SetParametersAtomically])
def test_a_value_of_an_unknown_type_is_rejected(probe, running, kind):
    """It used to end the process, as rclpy raises an exception for it."""
    name = {SetParameters: 'set_parameters', SetParametersAtomically: 'set_parameters_atomically'}
    client = probe.node.create_client(kind, f'/live/segmentation/{name[kind]}')
    assert client.wait_for_service(10)
    values = [ParameterValue(type=ParameterType.PARAMETER_DOUBLE, double_value=5.0)]
    values.append(ParameterValue(type=99))
    sent = [ParameterMessage(name=n, value=v) for n, v in zip(('max_rate', 'model\n'), values)]
    answer = client.call_async(kind.Request(parameters=sent))
    wait_until(answer.done)
    response = answer.result()
    results = response.results if kind is SetParameters else [response.result]
    assert len(results) == (2 if kind is SetParameters else 1)
    for result in results:
        assert not result.successful
        assert result.reason == 'model\\n has a value of unknown type 99; nothing is set'
    assert running.node.settings.current.max_rate == 0.0


@pytest.mark.parametrize('is_at_start', [True, False])
def test_a_time_before_1970_is_ignored(probe, tiny_path, is_at_start, capfd):
    """It used to end the process, as rclpy raises an exception for it."""
    given = {'use_sim_time': True} if is_at_start else {}
    publisher = probe.node.create_publisher(Clock, '/clock', 10)
    with active_node('/timed', model=str(tiny_path), **given) as running:
        assert set_parameter(running, 'use_sim_time', True) == ''
        wait_until(publisher.get_subscription_count)
        for sec in (7, -1, -(2**31), 8):
            publisher.publish(Clock(clock=Time(sec=sec)))
            sleep(0.05)
        wait_until(lambda: running.node.get_clock().now().nanoseconds == 8 * 10**9)
    log = capfd.readouterr().err
    assert log.count('/clock is ignored: its time is -1 s; let its publisher start at 0') == 1
    probe.node.destroy_publisher(publisher)


def test_frames_that_are_too_old_are_dropped(probe, running):
    """By the node's clock; a stamp in the future is not old, one before 1970 is."""
    camera, stats = probe.camera('/live/image'), running.camera().stats
    assert set_parameter(running, 'max_age', 10.0) == ''
    now = running.node.get_clock().now().nanoseconds // 10**9
    for stamp, reason in ((now, ''), (now - 60, 'old'), (now + 3600, ''), (0, 'old'), (-5, 'old')):
        old, published = stats.drops['old'], stats.published
        camera.publish(from_array(blocks(30, 40), 'rgb8', stamped(stamp)))
        wait_until(lambda n=old + published: stats.drops['old'] + stats.published == n + 1)
        assert stats.drops['old'] - old == bool(reason), stamp
    assert set_parameter(running, 'max_age', 0.0) == ''
    published = stats.published
    camera.publish(rgb_message(blocks(30, 40), 5))
    wait_until(lambda: stats.published == published + 1)


@pytest.mark.parametrize(
    ('name', 'value', 'reason'),
    [
        ('threads', 2, 'threads is read when the node is configured: deactivate it and clean'),
        ('cameras', ['a'], 'cameras is read when the node is configured'),
        ('output_size', 'network', 'output_size is read when the node is configured'),
        ('model', '/nowhere.onnx', "model not found: '/nowhere.onnx'; give the path"),
        ('autostart', False, 'read-only parameter: autostart'),
        ('overlay_opacity', 1.5, 'overlay_opacity'),
        ('overlay_opacity', float('nan'), 'overlay_opacity'),
        ('max_age', 'long', 'Wrong parameter type'),
        ('qos_overrides./live/image.subscription.depth', 9, 'read-only|is read when'),
    ],
)
def test_other_parameters_are_rejected_with_the_reason(running, name, value, reason):
    before = running.node.get_parameter(name).value
    assert re.search(reason, set_parameter(running, name, value))
    assert running.node.get_parameter(name).value == before


def test_an_engine_that_others_can_write_is_rejected_unread(running, tmp_path):
    engine = tmp_path / 'x.engine'
    engine.write_bytes(b'')
    engine.chmod(0o666)
    reason = set_parameter(running, 'model', str(engine))
    assert reason.startswith(f'cannot use engine {engine}: others may write to it')


def test_an_unknown_parameter_is_rejected_by_the_service(probe, running):
    """As `ros2 param set` calls it; the node keeps running."""
    value = ParameterValue(type=ParameterType.PARAMETER_DOUBLE, double_value=0.5)
    parameters = [
        ParameterMessage(name='opacity', value=value),
        ParameterMessage(name='overlay_opacity', value=value),
        ParameterMessage(name='overlay_opacity'),
    ]
    service = '/live/segmentation/set_parameters'
    results = probe.call(SetParameters, service, parameters=parameters).results
    assert [item.successful for item in results] == [False, True, False]


def test_rejected_parameters_can_be_set_while_the_node_is_unconfigured(probe, running):
    assert running.do('deactivate', 'cleanup')
    for name, value in (('threads', 1), ('cameras', ['a', 'b']), ('output_size', 'network')):
        assert set_parameter(running, name, value) == ''
    assert running.do('configure') and list(running.pipeline.cameras) == ['a', 'b']
    assert running.pipeline.loading.result().segmenter.threads == 1
