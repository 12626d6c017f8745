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

"""The service ~/reload: a new model without a lost subscription, or the old one goes on."""

from helpers.ros_probe import blocks, rgb_message, wait_until
from helpers.running_node import RunningNode
from helpers.tiny_model import COLORS, write_tiny_model
import numpy as np
import pytest
from rclpy.parameter import Parameter
from std_srvs.srv import Trigger
from swiftnet_ros.backends.registry import open_engine
from swiftnet_ros.ros.image_msgs import to_labels
from swiftnet_ros.segmenter import Segmenter


@pytest.fixture
def model_path(tmp_path):
    """Give a model file of one's own, to be replaced."""
    path = tmp_path / 'model.onnx'
    write_tiny_model(path)
    return path


@pytest.fixture
def running(probe, model_path):
    """Give an active node."""
    with RunningNode('/swap', model=str(model_path)) as opened:
        assert opened.do('configure', 'activate')
        yield opened


def begin_reload(probe):
    """Ask for a reload; give the future of the answer."""
    client = probe.node.create_client(Trigger, '/swap/segmentation/reload')
    assert client.wait_for_service(10.0)
    return client.call_async(Trigger.Request())


def reload(probe):
    """Reload; give the answer."""
    future = begin_reload(probe)
    wait_until(future.done, 20, 'an answer to reload')
    return future.result()


def test_a_new_file_is_used_and_the_subscription_stays(probe, running, model_path):
    """The order of the classes is turned round, and so are the labels."""
    received, camera = probe.listen('/swap/segmentation/label_image'), probe.camera('/swap/image')
    picture = blocks(48, 64)
    before = to_labels(probe.ask(camera, rgb_message(picture, 1), received))
    subscription = running.camera()._subscription
    old = running.pipeline.loading.result()
    write_tiny_model(model_path, COLORS[::-1])
    answer = reload(probe)
    assert answer.success and answer.message == f'{model_path} is in use now'
    after = to_labels(probe.ask(camera, rgb_message(picture, 2), received))
    with open_engine(model_path) as engine:
        assert np.array_equal(after, Segmenter(engine).segment(picture).labels)
    assert np.mean(after == len(COLORS) - 1 - before) > 0.9
    assert running.camera()._subscription is subscription and old.engine._closed
    assert running.pipeline.loading.result().sha256 != old.sha256


def test_another_model_is_used_after_it_was_set(probe, running, wide_path):
    """Labels of more than 255 classes come in 16 bits from then on."""
    received, camera = probe.listen('/swap/segmentation/label_image'), probe.camera('/swap/image')
    parameter = Parameter('model', value=str(wide_path))
    (result,) = running.call(lambda: running.node.set_parameters([parameter]))
    assert result.successful
    assert probe.ask(camera, rgb_message(blocks(30, 40), 1), received).encoding == 'mono8'
    assert reload(probe).success
    assert probe.ask(camera, rgb_message(blocks(30, 40), 2), received).encoding == 'mono16'


@pytest.mark.parametrize('damage', [lambda p: p.unlink(), lambda p: p.write_bytes(b'no model')])
def test_a_bad_file_leaves_the_old_model_going(probe, running, model_path, damage):
    """Even one that was deleted; the answer and diagnostics give the reason."""
    received, camera = probe.listen('/swap/segmentation/label_image'), probe.camera('/swap/image')
    damage(model_path)
    answer = reload(probe)
    assert not answer.success and answer.message.endswith(f'{model_path} stays in use')
    assert 'model' in answer.message.partition(';')[0]
    assert running.node._reload_failure == answer.message
    assert probe.ask(camera, rgb_message(blocks(30, 40), 1), received)
    write_tiny_model(model_path)
    assert reload(probe).success and running.node._reload_failure == ''


def test_frames_are_answered_while_the_new_model_is_opened(probe, model_path, gated):
    """And nothing of the old engine is left afterwards; only one works at a time."""
    with RunningNode('/swap', model=str(model_path), engine='gated') as running:
        assert running.do('configure', 'activate')
        received = probe.listen('/swap/segmentation/label_image')
        camera = probe.camera('/swap/image')
        gated.may_open.clear()
        future = begin_reload(probe)
        for number in range(3):
            probe.ask(camera, rgb_message(blocks(30, 40), number), received)
        assert not future.done() and gated.open_engines == 1
        gated.may_open.set()
        wait_until(future.done)
        assert future.result().success
        probe.ask(camera, rgb_message(blocks(30, 40), 9), received)
        assert gated.open_engines == 1


def test_deactivation_and_cleanup_do_not_wait_for_a_reload(probe, model_path, gated):
    """The model that comes too late is closed again."""
    with RunningNode('/swap', model=str(model_path), engine='gated') as running:
        assert running.do('configure', 'activate')
        gated.may_open.clear()
        future = begin_reload(probe)
        wait_until(lambda: len(running.pipeline._workers) == 2)
        assert running.do('deactivate', 'cleanup')
        assert not future.done()
        gated.may_open.set()
        wait_until(future.done)
        assert 'cleaned up during the reload' in future.result().message
        wait_until(lambda: gated.open_engines == 0)


def test_an_unconfigured_node_has_nothing_to_reload(probe, model_path):
    with RunningNode('/swap', model=str(model_path)):
        answer = reload(probe)
    assert not answer.success and 'configure the node first' in answer.message


def test_ten_reloads_under_load_lose_no_camera(probe, running, model_path):
    """Frames at 100 Hz go on being answered, and every frame is accounted for."""
    received, camera = probe.listen('/swap/segmentation/label_image'), probe.camera('/swap/image')
    message = rgb_message(blocks(120, 160), 1)
    timer = probe.node.create_timer(0.01, lambda: camera.publish(message))
    for _ in range(10):
        before = len(received)
        assert reload(probe).success
        wait_until(lambda before=before: len(received) > before)
    probe.node.destroy_timer(timer)
    records = running.camera().stats
    wait_until(lambda: records.received == records.published + sum(records.drops.values()))
