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

"""The image publisher: frames, stamps, QoS, calibration and errors."""

import re
import signal
import subprocess
import sys
from time import time

import cv2
from helpers.ros_probe import blocks, RELIABLE, wait_until
import numpy as np
import pytest
from rclpy.qos import ReliabilityPolicy
from sensor_msgs.msg import CameraInfo
from std_msgs.msg import Header
from swiftnet_ros.backends.registry import open_backend
from swiftnet_ros.benchmark.node_process import NodeProcess
from swiftnet_ros.core.frames import to_rgb
from swiftnet_ros.ros.image_msgs import to_frame, to_labels
from swiftnet_ros.ros.info_msgs import pinhole
from swiftnet_ros.segmenter import Segmenter

PUBLISHER = [sys.executable, '-m', 'swiftnet_ros.image_publisher', '--ros-args']


@pytest.fixture
def images(tmp_path):
    """Write three images of different sizes and return their RGB arrays in file order."""
    made = [blocks(30 + 10 * i, 40, seed=i) for i in range(3)]
    for index, rgb in enumerate(made):
        cv2.imwrite(str(tmp_path / f'{index}.png'), cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
    return made


def publish(*arguments):
    """Start the publisher in its own process."""
    command = [*PUBLISHER, *(word for rule in arguments for word in ('-p', rule))]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize('encoding', ['bgr8', 'rgb8'])
def test_a_folder_is_published_in_a_loop_with_current_stamps(probe, tmp_path, images, encoding):
    infos = []
    probe.node.create_subscription(CameraInfo, 'camera_info', infos.append, RELIABLE)
    arguments = [f'source:={tmp_path}', 'rate:=20.0', f'encoding:={encoding}', 'reliable:=true']
    with publish(*arguments, 'frame_id:=left', 'camera_info:=true') as publisher:
        messages = probe.subscribe('image')
        wait_until(lambda: len(messages) >= 7 and len(infos) >= 7)
        publisher.send_signal(signal.SIGINT)
        assert publisher.wait(10) == 0
    sizes = [message.height for message in messages]
    assert sizes[:3] in ([30, 40, 50], [40, 50, 30], [50, 30, 40])
    assert sizes[3:6] == sizes[:3]
    for message in messages:
        rgb = to_rgb(to_frame(message))
        assert message.encoding == encoding and message.header.frame_id == 'left'
        assert np.array_equal(rgb, images[(message.height - 30) // 10])
        assert abs(message.header.stamp.sec - time()) < 60
    times = [m.header.stamp.sec + m.header.stamp.nanosec / 1e9 for m in messages]
    assert 0.04 < (times[-1] - times[0]) / (len(times) - 1) < 0.2
    by_stamp = {str(message.header): message for message in messages}
    matched = [(by_stamp[str(i.header)], i) for i in infos if str(i.header) in by_stamp]
    assert matched
    assert all((m.height, m.width) == (i.height, i.width) for m, i in matched)


def test_without_loop_it_ends_after_the_last_frame(tmp_path, images):
    with publish(f'source:={tmp_path}', 'rate:=50.0', 'loop:=false') as publisher:
        _, log = publisher.communicate(timeout=20)
    assert publisher.returncode == 0 and 'Traceback' not in log


def test_the_node_segments_published_files(probe, tmp_path, images, tiny_path):
    parameters = {'model': str(tiny_path), 'precision': 'fp32'}
    with NodeProcess('/', parameters), open_backend(tiny_path, precision='fp32') as engine:
        received = probe.subscribe('/segmentation/label_image')
        with publish(f'source:={tmp_path}', 'rate:=20.0') as publisher:
            wait_until(lambda: len({message.height for message in received}) == 3)
            publisher.send_signal(signal.SIGTERM)
            assert publisher.wait(10) == 0
        segmenter = Segmenter(engine)
        for message in received:
            image = images[(message.height - 30) // 10]
            assert np.array_equal(to_labels(message), segmenter.segment(image).labels)


@pytest.mark.parametrize(('reliable', 'kind'), [('true', 'RELIABLE'), ('false', 'BEST_EFFORT')])
def test_it_is_best_effort_unless_reliable_is_set(probe, tmp_path, images, reliable, kind):
    with publish(f'source:={tmp_path}', f'reliable:={reliable}') as publisher:
        wait_until(lambda: probe.node.get_publishers_info_by_topic('/image'), 30)
        (info,) = probe.node.get_publishers_info_by_topic('/image')
        publisher.send_signal(signal.SIGINT)
        publisher.wait(10)
    assert info.qos_profile.reliability == ReliabilityPolicy[kind]


@pytest.mark.parametrize(
    ('arguments', 'error'),
    [
        (['source:=/nowhere'], 'folder of images not found: /nowhere; check the path'),
        (['source:={empty}'], 'no images in .*; expected files ending in .jpg, .jpeg, .*.png'),
        (['encoding:=rgb9', 'source:=/nowhere'], "unknown encoding 'rgb9'; did you mean 'rgb8'"),
        (['rate:=0.0'], 'parameter rate is 0.0, expected a number .* of 0.1 to 1000.0'),
        (['source:=[]'], 'invalid ROS arguments: .* and leave out what has no value'),
    ],
)
def test_a_wrong_parameter_is_one_line_and_exit_code_1(tmp_path, arguments, error):
    (tmp_path / 'empty').mkdir()
    given = [argument.format(empty=tmp_path / 'empty') for argument in arguments]
    with publish(*given) as publisher:
        _, log = publisher.communicate(timeout=20)
    assert publisher.returncode == 1
    assert re.fullmatch(f'error: .*{error}.*\n', log), log


def test_an_unreadable_image_is_skipped_with_a_warning(probe, tmp_path, images):
    (tmp_path / '1.png').write_bytes(b'no image')
    with publish(f'source:={tmp_path}', 'rate:=20.0', 'reliable:=true') as publisher:
        messages = probe.subscribe('image')
        wait_until(lambda: len(messages) >= 4)
        publisher.send_signal(signal.SIGINT)
        _, log = publisher.communicate(timeout=10)
    assert {message.height for message in messages} == {30, 50}
    assert '1.png' in log and 'skipped' in log


def test_the_calibration_is_that_of_a_pinhole_camera():
    """90 degrees across 200 pixels: the focal length is half the width."""
    info = pinhole(200, 100, 90.0, Header(frame_id='left'))
    assert (info.width, info.height, info.header.frame_id) == (200, 100, 'left')
    expected = [100, 0, 99.5, 0, 100, 49.5, 0, 0, 1]
    assert np.allclose(info.k, expected)
    assert np.allclose(np.reshape(info.p, (3, 4))[:, :3].ravel(), expected)
    assert list(info.d) == [0.0] * 5
