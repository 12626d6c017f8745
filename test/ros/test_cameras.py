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

"""Several cameras on one engine: names, fairness, memory, transports and QoS warnings."""

import re
import signal
import subprocess
import sys
from threading import get_ident

import cv2
from helpers.fake_engines import SlowEngine
from helpers.ros_probe import BEST_EFFORT, blocks, rgb_message, stamped, wait_until
from helpers.running_node import active_node, RunningNode
import numpy as np
import pytest
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage
from swiftnet_ros.backends import registry as engines
from swiftnet_ros.benchmark.node_process import NodeProcess
from swiftnet_ros.core import compressed_messages
from swiftnet_ros.ros.image_msgs import to_labels


@pytest.fixture
def slow(monkeypatch):
    """Register an engine of 20 frames per second."""
    monkeypatch.setitem(engines.BACKENDS, 'slow', 'helpers.fake_engines:SlowEngine')
    SlowEngine.reset()


def jpeg_or_png(pixels, sec, suffix):
    """Compress an RGB image as image_transport does."""
    _, data = cv2.imencode(suffix, pixels[..., ::-1])
    name = {'.png': 'png', '.jpg': 'jpeg'}[suffix]
    return CompressedImage(
        header=stamped(sec), format=f'rgb8; {name} compressed bgr8', data=data.tobytes()
    )


def test_each_camera_gets_its_own_labels(probe, tiny_path, segmenter):
    given = {'model': str(tiny_path), 'cameras': ['', 'front', '', 'rear']}
    with active_node('/two', **given) as running:
        assert list(running.pipeline.cameras) == ['front', 'rear']
        received, cameras = {}, {}
        for name in ('front', 'rear'):
            received[name] = probe.subscribe(f'/two/segmentation/{name}/label_image')
            cameras[name] = probe.camera(f'/two/{name}/image')
        for number in range(4):
            name = ('front', 'rear')[number % 2]
            image = blocks(40 + number, 50, number)
            result = probe.send(cameras[name], rgb_message(image, number), received[name])
            assert np.array_equal(to_labels(result), segmenter.segment(image).labels)
        for name, first in (('front', 0), ('rear', 1)):
            assert {item.header.stamp.sec % 2 for item in received[name]} == {first}


def test_no_camera_starves_under_overload(probe, tiny_path, slow):
    """Three cameras send at 10, 20 and 30 Hz; the engine runs at 20 Hz in total."""
    names = ['a', 'b', 'c']
    given = {'model': str(tiny_path), 'cameras': names, 'engine': 'slow', 'always_infer': True}
    with active_node('/fair', **given) as running:
        message = rgb_message(blocks(30, 40), 1)
        for index, name in enumerate(names):
            camera = probe.camera(f'/fair/{name}/image')
            probe.node.create_timer(0.1 / (index + 1), lambda c=camera: c.publish(message))
        stats = [running.camera(name).stats for name in names]
        wait_until(lambda: sum(item.published for item in stats) >= 60, 30)
        published = [item.published for item in stats]
        running.do('deactivate')
    assert min(published) >= 15, published
    for item in stats:
        assert 0 <= item.received - item.published - sum(item.drops.values()) <= 2
    assert stats[2].drops['newer'] > stats[0].drops['newer']


def test_another_1080p_camera_takes_less_than_20_megabytes(probe, tiny_path):
    """Measured in another process while frames of all cameras get overlays."""
    message = rgb_message(np.zeros((1080, 1920, 3), np.uint8), 1)

    def held(namespace, names):
        given = {'model': str(tiny_path), 'cameras': names, 'threads': 1}
        with NodeProcess(namespace, given) as process:
            outputs = [f'{namespace}/segmentation/{name}/overlay' for name in names]
            received = [probe.subscribe(output) for output in outputs]
            cameras = [probe.camera(f'{namespace}/{name}/image') for name in names]
            # After ten rounds over all cameras every buffer is allocated.
            for _ in range(10):
                for camera, results in zip(cameras, received):
                    probe.send(camera, message, results)
                    results.clear()
            grown_mb = process.memory_mb
        for output, camera in zip(outputs, cameras):
            probe.unsubscribe(output)
            probe.node.destroy_publisher(camera)
        return grown_mb

    def one_more():
        return (held('/three', ['a', 'b', 'c']) - held('/one', ['a'])) / 2

    # On a busy machine more frames may wait in ROS for a moment: try twice.
    assert one_more() < 20 or one_more() < 20


@pytest.mark.parametrize('suffix', ['.png', '.jpg'])
def test_compressed_frames_are_read_next_to_the_remapped_image(
    probe, tiny_path, segmenter, suffix
):
    """Remapping `image` carries over to its compressed topic."""
    given = {'model': str(tiny_path), 'image_transport': 'compressed'}
    remap = ['--ros-args', '-r', 'image:=/driver/image_raw']
    with active_node('/packed', cli_args=remap, **given):
        received = probe.subscribe('/packed/segmentation/label_image')
        camera = probe.camera('/driver/image_raw/compressed', kind=CompressedImage)
        image = blocks(48, 64)
        message = jpeg_or_png(image, 3, suffix)
        result = probe.send(camera, message, received)
        decoded = cv2.imdecode(np.frombuffer(message.data, np.uint8), cv2.IMREAD_COLOR)
        labels = segmenter.segment(decoded, 'bgr').labels
        assert np.array_equal(to_labels(result), labels)


def test_frames_are_decoded_on_the_workers_thread(probe, tiny_path, monkeypatch):
    """Decoding a large one on the executor's thread would delay frames and services."""
    threads, decode = [], compressed_messages.to_frame
    monkeypatch.setattr(
        compressed_messages,
        'to_frame',
        lambda *given: threads.append(get_ident()) or decode(*given),
    )
    given = {'model': str(tiny_path), 'image_transport': 'compressed'}
    with active_node('/decoding', **given) as running:
        received = probe.subscribe('/decoding/segmentation/label_image')
        camera = probe.camera('/decoding/image/compressed', kind=CompressedImage)
        assert probe.send(camera, jpeg_or_png(blocks(30, 40), 1, '.jpg'), received)
        assert len(set(threads)) == 1 and running.call(get_ident) not in threads


def test_a_qos_mismatch_of_a_subscriber_is_reported(probe, tiny_path):
    with active_node('/offering', model=str(tiny_path)) as running:
        topic = '/offering/segmentation/label_image'
        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        probe.subscribe(topic, qos=latched)
        camera = running.camera()
        wait_until(lambda: running.call(camera.snapshot).qos_mismatch)
        text = running.call(camera.snapshot).qos_mismatch
        assert f'a subscriber of {topic} requests another DURABILITY' in text


def test_qos_overrides_apply_to_inputs_and_outputs(probe, tiny_path):
    given = {
        'model': str(tiny_path),
        'qos_overrides./cams/front.subscription.depth': 5,
        'qos_overrides./set/segmentation/label_image.publisher.reliability': 'best_effort',
    }
    remap = ['--ros-args', '-r', 'image:=/cams/front']
    with active_node('/set', cli_args=remap, **given) as running:
        (output,) = probe.node.get_publishers_info_by_topic('/set/segmentation/label_image')
        assert output.qos_profile.reliability == ReliabilityPolicy.BEST_EFFORT
        assert (
            running.node.get_parameter('qos_overrides./cams/front.subscription.reliability').value
            == 'best_effort'
        )
        assert running.camera()._subscription.qos_profile.depth == 5


@pytest.mark.parametrize(
    ('cameras', 'transport', 'rule', 'error'),
    [
        ([''], 'raw', 'image:=~/label_image', "image is '/loop/segmentation/label_image'"),
        ([''], 'raw', 'image:=~/overlay', "image is '/loop/segmentation/overlay'"),
        (
            *([''], 'compressed', 'image:=~/label_image'),
            "image is '/loop/segmentation/label_image/compressed'",
        ),
        (
            *(['front', 'rear'], 'raw', 'rear/image:=~/front/color'),
            "rear/image is '/loop/segmentation/front/color'",
        ),
    ],
)
def test_an_output_of_the_node_as_its_camera_is_an_error(
    tiny_path, cameras, transport, rule, error
):
    given = {'model': str(tiny_path), 'cameras': cameras, 'image_transport': transport}
    with RunningNode('/loop', ['--ros-args', '-r', rule], **given) as running:
        assert not running.do('configure')
        assert str(running.node.failure).startswith(f'{error}, expected a camera')


@pytest.mark.parametrize(
    ('rule', 'error'),
    [
        (
            'image:=/diagnostics',
            "topic of sensor_msgs/msg/Image is '/diagnostics', expected another than that of "
            'diagnostic_msgs/msg/DiagnosticArray',
        ),
        ('~/overlay:=/rosout', "sensor_msgs/msg/Image is '/rosout'.* of rcl_interfaces/msg/Log"),
        ('~/camera_info:=~/color', "CameraInfo is '/typed/segmentation/color'.*msg/Image"),
    ],
)
def test_a_topic_that_the_node_uses_for_another_type_is_one_line(tiny_path, rule, error, capfd):
    with RunningNode('/typed', ['--ros-args', '-r', rule], model=str(tiny_path)) as running:
        assert not running.do('configure', 'activate')
        assert re.search(error, str(running.node.failure))
    assert 'rcutils' not in capfd.readouterr().err


@pytest.mark.parametrize('depth', [-1, 2**31])
def test_a_depth_that_no_queue_has_is_one_line(tiny_path, capfd, depth):
    """The middleware itself would write many lines."""
    given = {'qos_overrides./deep/segmentation/label_image.publisher.depth': depth}
    with RunningNode('/deep', model=str(tiny_path), **given) as running:
        assert not running.do('configure')
        failure = str(running.node.failure)
    assert f'depth is {depth}, not 1 to 2147483647' in failure
    assert 'rcutils' not in capfd.readouterr().err


def test_a_silent_topic_is_logged(probe, tiny_path, capfd, monkeypatch):
    monkeypatch.setattr('swiftnet_ros.ros.camera.FRAME_TIMEOUT', 1.0)
    with active_node('/waiting', model=str(tiny_path)) as running:
        logs = []
        wait_until(lambda: logs.append(capfd.readouterr().err) or 'no frame on' in logs[-1], 5)
        text = r'no frame on /waiting/image for [12] s; it has 0 publishers'
        assert re.search(text, logs[-1])
        assert 'remap the topic' in logs[-1]
        running.do('deactivate')
        capfd.readouterr()
        assert running.call(running.camera().warn_if_silent) is None
        assert 'no frame on' not in capfd.readouterr().err


def test_publishers_of_another_type_are_logged(probe, tiny_path):
    """Remapping `image` to a compressed topic would otherwise wait without a reason."""
    words = [sys.executable, '-m', 'swiftnet_ros.segmentation_node', '--ros-args', '-p']
    words += [f'model:={tiny_path}', '-r', 'image:=/mistaken/compressed']
    probe.node.create_publisher(CompressedImage, '/mistaken/compressed', BEST_EFFORT)
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as node:
        waiting = next(line for line in node.stderr if 'no frame on' in line)
        node.send_signal(signal.SIGINT)
        node.communicate(timeout=20)
    text = 'publishers of sensor_msgs/msg/CompressedImage, not of sensor_msgs/msg/Image: set image'
    assert f'it has 1 {text}_transport' in waiting
