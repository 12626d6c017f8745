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

"""Frames that will not be segmented stay in the middleware, and are counted nevertheless."""

from contextlib import contextmanager
import sys
from time import sleep

from helpers.fake_engines import SlowEngine
from helpers.ros_probe import blocks, HAS_NUMBERS, rgb_message, wait_until
from helpers.running_node import active_node
import pytest
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.serialization import serialize_message
from swiftnet_ros.backends import registry
from swiftnet_ros.ros import intake

# Of the engine, in seconds a frame.
DURATION = 0.05


@pytest.fixture(autouse=True)
def slow(monkeypatch):
    """Register an engine of 20 frames per second."""
    monkeypatch.setitem(registry.BACKENDS, 'slow', 'helpers.fake_engines:SlowEngine')
    SlowEngine.reset()


@pytest.fixture
def takes(monkeypatch):
    """Return the list of the seconds of the stamps of all frames that are taken."""
    stamps, take = [], intake.message_or_none

    def recorded(subscription):
        taken = take(subscription)
        if taken is not None:
            stamps.append(taken[0].header.stamp.sec)
        return taken

    monkeypatch.setattr(intake, 'message_or_none', recorded)
    return stamps


@contextmanager
def slow_node(namespace, tiny_path, **parameters):
    """Run a node with the slow engine, which always infers."""
    given = {'model': str(tiny_path), 'engine': 'slow', 'always_infer': True, **parameters}
    with active_node(namespace, **given) as running:
        yield running


def stream(camera, count, interval, first=1):
    """Publish numbered frames at a rate, and return how many."""
    messages = [rgb_message(blocks(30, 40), number) for number in range(first, first + count)]
    for message in [serialize_message(item) for item in messages]:
        camera.publish(message)
        sleep(interval)
    return count


def is_counted(stats, sent):
    """Return whether the count of frames is right: exactly, or about where it is an estimate."""
    if HAS_NUMBERS:
        return bool(stats.received == sent)
    # The times of this camera, which sleeps between its frames, are not regular.
    return 0.4 * sent <= stats.received <= 1.7 * sent


def is_settled(stats):
    return stats.received == stats.published + sum(stats.drops.values())


def test_a_camera_five_times_too_fast_is_taken_as_often_as_it_is_segmented(
    probe, tiny_path, takes
):
    with slow_node('/fast', tiny_path) as running:
        camera, stats = probe.camera('/fast/image'), running.camera().stats
        sent = stream(camera, 150, DURATION / 5)
        wait_until(lambda: takes[-1] == sent and is_settled(stats))
        assert is_counted(stats, sent), stats
        assert stats.drops['newer'] == stats.received - stats.published
        # All frames are taken until the first one is done.
        assert len(takes) <= stats.published + 12
        assert stats.published >= 0.6 * 150 / 5
        assert stats.rate_in._ticks, 'the rate of the camera'


def test_without_numbers_the_count_is_close(probe, tiny_path, takes, monkeypatch):
    """As on Humble, and with other middleware than Fast DDS."""
    monkeypatch.setattr(sys.modules[__name__], 'HAS_NUMBERS', False)
    take = intake.message_or_none

    def unnumbered(subscription):
        taken = take(subscription)
        if taken is None:
            return None
        return taken[0], {k: v for k, v in taken[1].items() if 'number' not in k}

    monkeypatch.setattr(intake, 'message_or_none', unnumbered)
    with slow_node('/plain', tiny_path) as running:
        camera, stats = probe.camera('/plain/image'), running.camera().stats
        sent = stream(camera, 200, DURATION / 5)
        wait_until(lambda: takes[-1] == sent and is_settled(stats))
        assert len(takes) < sent / 2
        assert is_counted(stats, sent), stats


def test_the_newest_frame_is_segmented_with_any_depth(probe, tiny_path, takes):
    """A deeper queue must not deliver the past."""
    depth = {'qos_overrides./deep/image.subscription.depth': 5}
    with slow_node('/deep', tiny_path, **depth) as running:
        received = probe.subscribe('/deep/segmentation/label_image')
        camera, stats = probe.camera('/deep/image'), running.camera().stats
        sent = stream(camera, 100, DURATION / 5)
        wait_until(lambda: takes[-1] == sent and is_settled(stats))
        assert is_counted(stats, sent), stats
        segmented = [message.header.stamp.sec for message in received]
        assert segmented == sorted(set(segmented))
        assert min(b - a for a, b in zip(segmented[5:-2], segmented[6:-1])) >= 2


def test_reliable_cameras_are_taken_from_too(probe, tiny_path, takes):
    reliable = QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE)
    given = {'qos_overrides./sure/image.subscription.reliability': 'reliable'}
    with slow_node('/sure', tiny_path, **given) as running:
        camera, stats = probe.camera('/sure/image', reliable), running.camera().stats
        sent = stream(camera, 100, DURATION / 5)
        wait_until(lambda: takes[-1] == sent and is_settled(stats))
        assert is_counted(stats, sent), stats
        assert len(takes) < 0.7 * sent


def test_cameras_take_turns_frame_by_frame(probe, tiny_path, takes):
    """One of 100 Hz and three of 50 Hz: each gets a quarter of the engine."""
    names = ['a', 'b', 'c', 'd']
    with slow_node('/turns', tiny_path, cameras=names) as running:
        message = serialize_message(rgb_message(blocks(30, 40), 1))
        for name in names:
            camera = probe.camera(f'/turns/{name}/image')
            period = 0.01 if name == 'a' else 0.02
            probe.node.create_timer(period, lambda c=camera: c.publish(message))
        stats = [running.camera(name).stats for name in names]
        wait_until(lambda: sum(item.published for item in stats) >= 40, 30)
        published = [item.published for item in stats]
        running.do('deactivate')
    assert min(published) >= 8, published
    assert len(takes) <= sum(published) + 20


def test_a_camera_of_which_frames_wait_can_be_stopped_and_started(probe, tiny_path, takes):
    with slow_node('/again', tiny_path) as running:
        for first in (1, 1001):
            camera, stats = probe.camera('/again/image'), running.camera().stats
            stream(camera, 50, DURATION / 5, first)
            assert running.do('deactivate', 'activate')
        camera = probe.camera('/again/image')
        stream(camera, 30, DURATION / 5, 2001)
        wait_until(lambda: takes[-1] == 2030 and is_settled(stats))


def test_a_qos_mismatch_is_reported_while_frames_are_held_back(probe, tiny_path):
    given = {'qos_overrides./strict/image.subscription.reliability': 'reliable'}
    reliable = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE)
    with slow_node('/strict', tiny_path, **given) as running:
        camera, counted = probe.camera('/strict/image', reliable), running.camera()
        stream(camera, 20, DURATION / 5)
        probe.node.create_publisher(
            type(rgb_message(blocks(2, 2), 1)),
            '/strict/image',
            QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT),
        )
        stream(camera, 60, DURATION / 5)
        wait_until(lambda: 'RELIABILITY' in running.call(counted.snapshot).qos_mismatch)


def test_the_executor_sleeps_while_frames_wait(probe, tiny_path, monkeypatch):
    """Data that is not taken must not wake it up again and again."""
    passes, decide = [], intake.Intake.get_num_entities
    monkeypatch.setattr(
        intake.Intake, 'get_num_entities', lambda self: (passes.append(1), decide(self))[1]
    )
    with slow_node('/calm', tiny_path) as running:
        camera, stats = probe.camera('/calm/image'), running.camera().stats
        stream(camera, 50, DURATION / 5)
        before, published = len(passes), stats.published
        stream(camera, 100, DURATION / 5)
        assert stats.published > published
        assert len(passes) - before <= 15 * (stats.published - published)


def test_a_camera_whose_engine_hangs_is_still_seen(probe, tiny_path):
    """It sends, so that it is not called silent."""
    with slow_node('/hanging', tiny_path) as running:
        camera, stats = probe.camera('/hanging/image'), running.camera().stats
        stream(camera, 20, DURATION / 5)
        wait_until(lambda: is_settled(stats))
        SlowEngine.may_infer.clear()
        try:
            stream(camera, 150, DURATION / 5)
            assert stats.waiting() < 1.2 and stats.stalled() > 1.0
        finally:
            SlowEngine.may_infer.set()
        wait_until(lambda: is_settled(stats))
