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

"""The published outputs of one frame: values, sizes, headers, and camera_info over topics."""

import cv2
from helpers.ros_probe import blocks, RELIABLE, rgb_message, stamped, wait_until
from helpers.running_node import RunningNode
import numpy as np
import pytest
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import String
from swiftnet_ros.backends.registry import open_engine
from swiftnet_ros.core import labels
from swiftnet_ros.ros import info_msgs
from swiftnet_ros.ros.image_msgs import from_array, to_labels
from swiftnet_ros.ros.info_msgs import pinhole, scaled
from swiftnet_ros.segmenter import Segmenter

KINDS = {
    'label_image': Image,
    'label_image/compressed': CompressedImage,
    'color': Image,
    'overlay': Image,
    'confidence': Image,
}


@pytest.fixture(scope='module')
def segmenter(tiny_path):
    """Return a segmenter that computes the expected labels."""
    with open_engine(tiny_path) as engine:
        yield Segmenter(engine)


def published(probe, namespace, message, kinds=KINDS):
    """Subscribe to outputs of a node, send a frame and return the message of each output."""
    base = f'{namespace}/segmentation'
    received = {name: probe.subscribe(f'{base}/{name}', kind) for name, kind in kinds.items()}
    camera = probe.camera(f'{namespace}/image')
    for got in received.values():
        probe.send(camera, message, got)
    return {name: got[-1] for name, got in received.items()}


def pixels_of(message):
    """Return the pixels of an image message of one or three channels."""
    found = np.frombuffer(message.data, np.uint8).reshape(message.height, message.step)
    return found.reshape(message.height, message.width, -1).squeeze()


@pytest.mark.parametrize('size', ['camera', 'network', '50x30'])
def test_all_outputs_of_a_frame_come_from_one_array(probe, tiny_path, segmenter, size):
    """With the same header, and labels, colors, overlay and confidence of the same pixels."""
    shape = {'camera': (61, 83), 'network': (48, 64), '50x30': (30, 50)}[size]
    image = blocks(61, 83, 3) // 2
    given = {'model': str(tiny_path), 'output_size': size, 'overlay_opacity': 0.25}
    message = from_array(image, 'rgb8', stamped(12, 34, 'caméra'))
    with RunningNode('/outputs', **given) as running:
        assert running.do('configure', 'activate')
        got = published(probe, '/outputs', message)
    expected = segmenter.segment(image, with_confidence=True, output_size=shape)
    assert {str(result.header) for result in got.values()} == {str(message.header)}
    assert np.array_equal(to_labels(got['label_image']), expected.labels)
    assert got['label_image'].step == got['label_image'].width == shape[1]
    assert (got['label_image'].encoding, got['confidence'].encoding) == ('mono8', 'mono8')
    packed = got['label_image/compressed']
    unpacked = cv2.imdecode(np.frombuffer(packed.data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert packed.format == 'mono8; png compressed'
    assert np.array_equal(unpacked, expected.labels)
    table = labels.palette(segmenter.spec.colors, segmenter.spec.unlabeled_id)
    colors = labels.colorize(expected.labels, table)
    assert np.array_equal(pixels_of(got['color'])[..., ::-1], colors)
    assert np.array_equal(pixels_of(got['confidence']), expected.confidence)
    shown = cv2.resize(image, shape[::-1])
    mixed = pixels_of(got['overlay'])[..., ::-1]
    assert np.abs(mixed - (0.75 * shown + 0.25 * colors)).max() <= 0.5 + 1e-6


def test_sixteen_bit_labels_are_compressed_without_loss(probe, wide_path):
    image = np.linspace(0, 255, 40 * 50 * 3).reshape(40, 50, 3).astype(np.uint8)
    kinds = {'label_image': Image, 'label_image/compressed': CompressedImage}
    with RunningNode('/wide16', model=str(wide_path)) as running:
        assert running.do('configure', 'activate')
        got = published(probe, '/wide16', rgb_message(image, 1), kinds)
    packed = got['label_image/compressed']
    unpacked = cv2.imdecode(np.frombuffer(packed.data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert packed.format == 'mono16; png compressed' and unpacked.dtype == np.uint16
    assert np.array_equal(unpacked, to_labels(got['label_image'])) and unpacked.max() > 255


@pytest.mark.parametrize(('size', 'shape'), [('camera', (60, 80)), ('40x15', (15, 40))])
def test_camera_info_is_read_next_to_the_image_and_fits_the_labels(probe, tiny_path, size, shape):
    """Remapping `image` applies to it; the node subscribes only while it has a subscriber."""
    remap = ['--ros-args', '-r', 'image:=/driver/left/image_raw']
    given = {'model': str(tiny_path), 'output_size': size, 'cli_args': remap}
    with RunningNode('/calibrated', **given) as running:
        assert running.do('configure', 'activate')
        driver = probe.node.create_publisher(CameraInfo, '/driver/left/camera_info', RELIABLE)
        camera = probe.camera('/driver/left/image_raw')
        labeled = probe.subscribe('/calibrated/segmentation/label_image')
        probe.send(camera, rgb_message(blocks(60, 80), 1), labeled)
        assert driver.get_subscription_count() == 0
        received = probe.subscribe('/calibrated/segmentation/camera_info', CameraInfo)
        wait_until(lambda: 'camera_info' in running.camera().subscribed_outputs())
        probe.send(camera, rgb_message(blocks(60, 80), 2), labeled)
        wait_until(driver.get_subscription_count)
        assert received == []
        info = pinhole(80, 60, 70.0, stamped(5, 0, 'other'))
        driver.publish(info)
        wait_until(lambda: running.camera()._camera_info)
        message = rgb_message(blocks(60, 80), 3)
        result = probe.send(camera, message, received)
        expected = scaled(info, *shape[::-1])
        assert (result.height, result.width) == shape
        assert np.allclose(result.k, expected.k) and np.allclose(result.p, expected.p)
        probe.unsubscribe('/calibrated/segmentation/camera_info')
        wait_until(lambda: 'camera_info' not in running.camera().subscribed_outputs())
        probe.send(camera, rgb_message(blocks(60, 80), 4), labeled)
        wait_until(lambda: driver.get_subscription_count() == 0)


def test_an_uncalibrated_camera_only_lacks_camera_info(probe, tiny_path, capfd):
    """As with drivers that send zeros before a calibration."""
    with RunningNode('/zeros', model=str(tiny_path), output_size='network') as running:
        assert running.do('configure', 'activate')
        received = probe.subscribe('/zeros/segmentation/camera_info', CameraInfo)
        labeled = probe.subscribe('/zeros/segmentation/label_image')
        driver = probe.node.create_publisher(CameraInfo, '/zeros/camera_info', RELIABLE)
        camera = probe.camera('/zeros/image')
        probe.send(camera, rgb_message(blocks(60, 80), 1), labeled)
        wait_until(driver.get_subscription_count)
        driver.publish(CameraInfo())
        wait_until(lambda: running.camera()._camera_info)
        probe.send(camera, rgb_message(blocks(60, 80), 2), labeled)
    assert received == [] and 'no camera_info is published' in capfd.readouterr().err


def test_class_names_are_latched_before_the_first_label_image(probe, tiny_path, monkeypatch):
    """With a fake of vision_msgs, which is not on PyPI."""
    monkeypatch.setattr(info_msgs, 'AVAILABLE', True)
    monkeypatch.setattr(
        info_msgs, 'label_info', lambda spec, header: String(data=' '.join(spec.class_names))
    )
    latched = QoSProfile(
        depth=1,
        reliability=ReliabilityPolicy.RELIABLE,
        durability=DurabilityPolicy.TRANSIENT_LOCAL,
    )
    given = {'model': str(tiny_path), 'cameras': ['front', 'rear']}
    with RunningNode('/classes', **given) as running:
        assert running.do('configure')
        for name in ('front', 'rear'):
            table = probe.subscribe(f'/classes/segmentation/{name}/label_info', String, latched)
            wait_until(lambda table=table: table)
            assert [item.data for item in table] == ['class0 class1 class2 class3 class4']


def test_without_vision_msgs_there_are_no_class_names(probe, tiny_path, monkeypatch):
    monkeypatch.setattr(info_msgs, 'AVAILABLE', False)
    with RunningNode('/tableless', model=str(tiny_path)) as running:
        assert running.do('configure')
        wait_until(lambda: probe.node.count_publishers('/tableless/segmentation/label_image'))
        assert probe.node.count_publishers('/tableless/segmentation/label_info') == 0
