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

"""One camera: the newest frame wins, drops have reasons, outputs are lazy, QoS is right."""

from collections import Counter
from time import perf_counter

from helpers.fake_engines import BrokenEngine
from helpers.ros_probe import blocks, rgb_message, wait_until
from helpers.running_node import active_node
import pytest
from rclpy.parameter import Parameter
from swiftnet_ros.backends import registry
from swiftnet_ros.core import labels
from swiftnet_ros.ros.camera import Received


@pytest.fixture
def running(probe, tiny_path):
    """Return an active node in this process."""
    with active_node('/one', model=str(tiny_path)) as opened:
        yield opened


def test_the_newest_frame_wins_and_the_others_are_counted_as_dropped(probe, tiny_path, gated):
    """While frame 1 is segmented, 2 to 5 arrive: 5 is next, and 2 to 4 are dropped."""
    gated.reset(may_infer=False)
    with active_node('/one', model=str(tiny_path), engine='gated') as running:
        received, camera = probe.stream('/one')
        stats = running.camera().stats
        for number in range(1, 6):
            camera.publish(rgb_message(blocks(30, 40, number), number))
            wait_until(lambda n=number: stats.received == n)
            assert gated.entered.wait(10.0)
        gated.may_infer.set()
        wait_until(lambda: len(received) == 2)
        assert [message.header.stamp.sec for message in received] == [1, 5]
        assert (stats.received, stats.published, stats.drops['newer']) == (5, 2, 3)
        assert sum(stats.drops.values()) == 3


def test_errors_of_the_engine_are_counted_and_the_stream_continues(probe, tiny_path, monkeypatch):
    monkeypatch.setitem(registry.BACKENDS, 'broken', 'helpers.fake_engines:BrokenEngine')
    BrokenEngine.reset()
    with active_node('/one', model=str(tiny_path), engine='broken') as running:
        received, camera = probe.stream('/one')
        stats = running.camera().stats
        for number in range(6):
            camera.publish(rgb_message(blocks(30, 40), number))
            wait_until(lambda n=number: stats.published + stats.drops['bad'] == n + 1)
        wait_until(lambda: len(received) == 3)
        assert [message.header.stamp.sec for message in received] == [1, 3, 5]
        assert stats.drops['bad'] == 3


def test_without_a_subscriber_nothing_is_segmented(probe, running, tiny_path):
    """Neither before the first one comes nor after the last one has left."""
    camera, stats = probe.camera('/one/image'), running.camera().stats

    def skipped():
        before = stats.drops['no listener']
        camera.publish(rgb_message(blocks(30, 40), 1))
        wait_until(lambda: stats.drops['no listener'] == before + 1)

    skipped()
    received = probe.subscribe('/one/segmentation/confidence')
    probe.send(camera, rgb_message(blocks(30, 40), 2), received)
    probe.unsubscribe('/one/segmentation/confidence')
    wait_until(lambda: not running.camera().subscribed_outputs())
    skipped()
    assert stats.stages.percentiles('engine') is not None
    assert stats.published == len(received)


def test_for_each_frame_no_parameter_is_read_and_subscribers_are_counted_once(
    probe, running, monkeypatch
):
    received, camera = probe.stream('/one')
    probe.send(camera, rgb_message(blocks(30, 40), 1), received)
    counts = Counter()
    node, counted = running.node, running.camera()
    for owner, name in ((node, 'get_parameter'), (counted, 'subscribed_outputs')):
        call = getattr(owner, name)
        monkeypatch.setattr(
            owner, name, lambda *given, n=name, c=call: (counts.update([n]), c(*given))[1]
        )
    before = counted.stats.received
    for number in range(2, 7):
        probe.send(camera, rgb_message(blocks(30, 40), number), received)
    assert counts == {'subscribed_outputs': counted.stats.received - before}
    change = Parameter('max_age', value=7.5)
    assert running.call(lambda: node.set_parameters([change]))[0].successful
    assert node.settings.current.max_age == 7.5


def test_colors_are_computed_only_with_subscribers(probe, running, monkeypatch):
    looked_up = []
    real = labels.colorize
    monkeypatch.setattr(labels, 'colorize', lambda *given: (looked_up.append(1), real(*given))[1])
    received, camera = probe.stream('/one')
    probe.send(camera, rgb_message(blocks(30, 40), 1), received)
    assert looked_up == []
    overlays = probe.subscribe('/one/segmentation/overlay')
    colors = probe.subscribe('/one/segmentation/color')
    wait_until(lambda: len(running.camera().subscribed_outputs()) == 3)
    probe.send(camera, rgb_message(blocks(30, 40), 2), overlays)
    wait_until(lambda: len(colors) == len(overlays))
    assert len(looked_up) == len(overlays)


def test_the_receive_stage_has_the_wait_for_the_engine(probe, running):
    camera = running.camera()
    received = Received(rgb_message(blocks(30, 40), 1), perf_counter() - 5.0, {'label_image'})
    camera.process(received, running.pipeline.loading.result().segmenter)
    assert camera.stats.published == 1
    assert 5000 <= camera.stats.stages.percentiles('receive').p50 < 6000


def test_a_frame_that_waited_during_a_stop_is_dropped_as_inactive(running):
    camera = running.camera()
    running.call(camera.stop)
    received = Received(rgb_message(blocks(30, 40), 1), perf_counter(), {'label_image'})
    camera.process(received, running.pipeline.loading.result().segmenter)
    assert (camera.stats.published, camera.stats.drops['inactive']) == (0, 1)
    assert camera.stats.stages.percentiles('engine') is None
