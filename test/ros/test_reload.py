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

"""The service ~/reload: a new model without a lost subscription, or the old one stays in use."""

from helpers.ros_probe import blocks, rgb_message, wait_until
from helpers.running_node import active_node, RunningNode
from helpers.tiny_model import COLORS, write_tiny_model
import numpy as np
import pytest
from rclpy.parameter import Parameter
from std_srvs.srv import Trigger
from swiftnet_ros.backends.registry import open_backend
from swiftnet_ros.errors import SwiftnetError
from swiftnet_ros.ros import pipeline
from swiftnet_ros.ros.image_msgs import to_labels
from swiftnet_ros.segmenter import Segmenter


@pytest.fixture
def model_path(tmp_path):
    """Return the path of a model that a test replaces."""
    path = tmp_path / 'model.onnx'
    write_tiny_model(path)
    return path


@pytest.fixture
def running(probe, model_path):
    """Return an active node."""
    with active_node('/swap', model=str(model_path)) as opened:
        yield opened


RELOAD = (Trigger, '/swap/segmentation/reload')


def test_a_new_file_is_used_and_the_subscription_stays(probe, running, model_path):
    received, camera = probe.stream('/swap')
    image = blocks(48, 64)
    before = to_labels(probe.send(camera, rgb_message(image, 1), received))
    subscription = running.camera()._subscription
    old = running.pipeline.loading.result()
    write_tiny_model(model_path, COLORS[::-1])
    response = probe.call(*RELOAD)
    assert response.success and response.message == f'{model_path} is in use now'
    after = to_labels(probe.send(camera, rgb_message(image, 2), received))
    with open_backend(model_path) as engine:
        assert np.array_equal(after, Segmenter(engine).segment(image).labels)
    assert np.mean(after == len(COLORS) - 1 - before) > 0.9
    assert running.camera()._subscription is subscription
    assert old.segmenter._backend._is_closed
    assert running.pipeline.loading.result().sha256 != old.sha256


def test_another_model_is_used_after_set_and_reload(probe, running, wide_path):
    received, camera = probe.stream('/swap')
    parameter = Parameter('model', value=str(wide_path))
    (result,) = running.call(lambda: running.node.set_parameters([parameter]))
    assert result.successful
    assert probe.send(camera, rgb_message(blocks(30, 40), 1), received).encoding == 'mono8'
    assert probe.call(*RELOAD).success
    assert probe.send(camera, rgb_message(blocks(30, 40), 2), received).encoding == 'mono16'


@pytest.mark.parametrize('damage', [lambda p: p.unlink(), lambda p: p.write_bytes(b'no model')])
def test_a_bad_file_keeps_the_old_model_in_use(probe, running, model_path, damage):
    received, camera = probe.stream('/swap')
    damage(model_path)
    response = probe.call(*RELOAD)
    assert not response.success and response.message.endswith(f'{model_path} stays in use')
    assert 'model' in response.message.partition(';')[0]
    assert running.node._reload_failure == response.message
    assert probe.send(camera, rgb_message(blocks(30, 40), 1), received)
    write_tiny_model(model_path)
    assert probe.call(*RELOAD).success and running.node._reload_failure == ''


class WordlessError(Exception):
    """An error without a text."""


@pytest.mark.parametrize('error', [MemoryError(), WordlessError(), SwiftnetError('')])
def test_an_error_without_a_text_keeps_the_old_model_in_use(
    probe, running, model_path, monkeypatch, error
):
    received, camera = probe.stream('/swap')

    def fail(*given):
        raise error

    monkeypatch.setattr(pipeline, 'load_model', fail)
    response = probe.call(*RELOAD)
    reason = {MemoryError: 'not enough memory'}.get(type(error), type(error).__name__)
    assert not response.success and response.message == f'{reason}; {model_path} stays in use'
    assert probe.send(camera, rgb_message(blocks(30, 40), 1), received)


def test_a_lack_of_memory_is_a_failure_to_configure(probe, model_path, monkeypatch):
    def fail(*given):
        raise MemoryError()

    monkeypatch.setattr(pipeline, 'load_model', fail)
    with RunningNode('/full', model=str(model_path)) as full:
        assert not full.do('configure')
        assert full.node.state == 'unconfigured' and full.pipeline is None
        assert str(full.node.failure).startswith('not enough memory; end other programs')
        monkeypatch.undo()
        assert full.do('configure', 'activate')


def test_frames_are_segmented_while_the_new_model_is_opened(probe, model_path, gated):
    """And the old engine is closed afterwards; only one runs at a time."""
    with active_node('/swap', model=str(model_path), engine='gated'):
        received, camera = probe.stream('/swap')
        gated.may_open.clear()
        future = probe.begin_call(*RELOAD)
        for number in range(3):
            probe.send(camera, rgb_message(blocks(30, 40), number), received)
        assert not future.done() and gated.open_engines == 1
        gated.may_open.set()
        wait_until(future.done)
        assert future.result().success
        probe.send(camera, rgb_message(blocks(30, 40), 9), received)
        assert gated.open_engines == 1


def test_deactivation_and_cleanup_do_not_wait_for_a_reload(probe, model_path, gated):
    with active_node('/swap', model=str(model_path), engine='gated') as running:
        gated.may_open.clear()
        future = probe.begin_call(*RELOAD)
        wait_until(lambda: len(running.pipeline._workers) == 2)
        assert running.do('deactivate', 'cleanup')
        assert not future.done()
        gated.may_open.set()
        wait_until(future.done)
        assert 'cleaned up during the reload' in future.result().message
        wait_until(lambda: gated.open_engines == 0)


def test_an_unconfigured_node_has_nothing_to_reload(probe, model_path):
    with RunningNode('/swap', model=str(model_path)):
        response = probe.call(*RELOAD)
    assert not response.success and 'configure the node first' in response.message


def test_ten_reloads_under_load_lose_no_camera(probe, running, model_path):
    """Frames at 100 Hz are still segmented, and every frame is counted."""
    received, camera = probe.stream('/swap')
    message = rgb_message(blocks(120, 160), 1)
    timer = probe.node.create_timer(0.01, lambda: camera.publish(message))
    for _ in range(10):
        before = len(received)
        assert probe.call(*RELOAD).success
        wait_until(lambda before=before: len(received) > before)
    probe.node.destroy_timer(timer)
    stats = running.camera().stats
    wait_until(lambda: stats.received == stats.published + sum(stats.drops.values()))
