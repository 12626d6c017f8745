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

"""The outputs of one frame over topics, with camera_info and class names."""

from helpers.ros_probe import blocks, RELIABLE, rgb_message, stamped, wait_until
from helpers.running_node import active_node, RunningNode
import numpy as np
import pytest
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo
from std_msgs.msg import String
from swiftnet_ros.backends.registry import open_backend
from swiftnet_ros.ros import info_msgs
from swiftnet_ros.ros.camera_outputs import OUTPUTS, segment_message
from swiftnet_ros.ros.image_msgs import from_array
from swiftnet_ros.ros.info_msgs import pinhole, scaled
from swiftnet_ros.ros.node_parameters import NodeParameters
from swiftnet_ros.segmenter import Segmenter


def test_published_messages_are_those_of_segment_message(probe, tiny_path):
    given = {'output_size': '50x30', 'overlay_opacity': 0.25}
    message = from_array(blocks(61, 83, 3) // 2, 'rgb8', stamped(12, 34, 'caméra'))
    with active_node('/outputs', model=str(tiny_path), **given):
        received = {
            name: probe.subscribe(f'/outputs/segmentation/{name}', kind)
            for name, kind in OUTPUTS.items()
            if name != 'camera_info'
        }
        camera = probe.camera('/outputs/image')
        found = {name: probe.send(camera, message, got) for name, got in received.items()}
    with open_backend(tiny_path) as engine:
        settings = NodeParameters(**given)
        result = segment_message(message, set(found), settings, Segmenter(engine))
        assert found == dict(result.messages)


@pytest.mark.parametrize(('size', 'shape'), [('camera', (60, 80)), ('40x15', (15, 40))])
def test_camera_info_is_read_next_to_the_image_and_fits_the_labels(probe, tiny_path, size, shape):
    """Remapping `image` applies to it; the node subscribes only while it has a subscriber."""
    remap = ['--ros-args', '-r', 'image:=/driver/left/image_raw']
    given = {'model': str(tiny_path), 'output_size': size, 'cli_args': remap}
    with active_node('/calibrated', **given) as running:
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
    with active_node('/zeros', model=str(tiny_path), output_size='network') as running:
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
