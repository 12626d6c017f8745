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

"""Whatever makes the node drop everything is in the log and in the diagnostics, with a way out."""

import re
from types import SimpleNamespace

import cv2
from helpers.ros_probe import BEST_EFFORT, blocks, rgb_message, stamped, wait_until
from helpers.running_node import active_node
import numpy as np
import pytest
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from swiftnet_ros.ros.camera_advice import too_old
from swiftnet_ros.ros.camera_log import CameraLog
from swiftnet_ros.ros.info_msgs import pinhole
from swiftnet_ros.ros.topics import camera_qos
from swiftnet_ros.serving.health import OK, WARN


@pytest.fixture
def impatient(monkeypatch):
    """Let what does not come be missed after half a second."""
    monkeypatch.setattr('swiftnet_ros.ros.camera.FRAME_TIMEOUT', 0.5)
    monkeypatch.setattr('swiftnet_ros.serving.health.FRAME_TIMEOUT', 0.5)


@pytest.fixture
def logged(capfd):
    """Return a function that waits for a text in the log and returns how often it is there."""
    lines = []

    def wait_for(text):
        def count():
            lines.extend(capfd.readouterr().err.splitlines())
            return sum(text in line for line in lines)

        wait_until(count, 10, f'{text} in the log')
        return count()

    return wait_for


@pytest.mark.parametrize(
    ('stamp', 'age', 'text'),
    [
        (0, 1.8e9, 'its stamp is 0, .*: let the camera set header.stamp, or set max_age to 0.0'),
        (5, 1e6, 'it is 1000000.0 s old .* max_age is 0.5: .* for a simulator .*use_sim_time'),
        (5, 2.0, 'it is 2.0 s old .*: synchronize the clocks of both computers, or raise max_age'),
    ],
)
def test_old_frames_are_explained(stamp, age, text):
    assert re.fullmatch(text, too_old(stamp, age, 0.5))


@pytest.mark.parametrize(('second', 'part'), [(0, 'its stamp is 0'), (1000, 'set use_sim_time')])
def test_frames_that_max_age_drops_are_explained(probe, tiny_path, status, logged, second, part):
    with active_node('/late', model=str(tiny_path), max_age=0.5):
        _, camera = probe.stream('/late')
        probe.node.create_timer(0.1, lambda: camera.publish(rgb_message(blocks(3, 4), second)))
        message, _ = status('/late', 'camera', WARN, 'frames dropped just now')
        assert part in message
        assert logged(part) == 1


def test_a_wrong_encoding_is_in_the_diagnostics(probe, tiny_path, status, logged):
    with active_node('/odd', model=str(tiny_path)):
        _, camera = probe.stream('/odd')
        frame = rgb_message(blocks(3, 4), 1)
        frame.encoding = '8UC3'
        probe.node.create_timer(0.1, lambda: camera.publish(frame))
        message, _ = status('/odd', 'camera', WARN, 'frames dropped just now')
        assert "'8UC3'" in message and message.endswith('publish it as bgr8 or rgb8')
        assert logged('bgr8 or rgb8') == 1


def test_frames_without_a_listener_are_explained_once(probe, tiny_path, status, logged, impatient):
    with active_node('/alone', model=str(tiny_path)):
        camera = probe.camera('/alone/image')
        probe.node.create_timer(0.1, lambda: camera.publish(rgb_message(blocks(3, 4), 1)))
        assert logged('no output has a subscriber, so that no frame is segmented; subscribe') == 1
        status('/alone', 'camera', OK, 'no output has a subscriber')


@pytest.mark.parametrize(
    ('transport', 'kind', 'topic', 'advice'),
    [
        ('raw', CompressedImage, 'image/compressed', '/compressed has: set image_transport to c'),
        ('compressed', Image, 'image', 'but /deaf/image has: set image_transport to raw'),
        (
            'compressed',
            CompressedImage,
            'image',
            'but /deaf/image has: remap image to /deaf,',
        ),
        ('raw', CameraInfo, 'image/ffmpeg', '/ffmpeg has, which this node cannot decode: publish'),
        ('raw', Image, 'image', 'it has 1 publishers; check the camera, and the network'),
        ('raw', Image, 'image_raw', 'it has 0 publishers: start the camera, or remap the topic'),
    ],
)
def test_a_topic_without_frames_is_explained(
    probe, tiny_path, status, logged, impatient, transport, kind, topic, advice
):
    probe.node.create_publisher(kind, f'/deaf/{topic}', BEST_EFFORT)
    with active_node('/deaf', model=str(tiny_path), image_transport=transport):
        status('/deaf', 'camera', WARN, advice)
        logged(advice)


def test_colors_that_a_format_exchanges_are_said_once(probe, tiny_path, segmenter, logged):
    rgb = blocks(30, 40)
    data = cv2.imencode('.png', rgb[..., ::-1])[1].tobytes()
    with active_node('/swapped', model=str(tiny_path), image_transport='compressed'):
        received = probe.subscribe('/swapped/segmentation/label_image')
        camera = probe.camera('/swapped/image/compressed', kind=CompressedImage)
        for number in range(4):
            name = f'rgb8; png compressed rgb{number % 2}'
            frame = CompressedImage(header=stamped(number), format=name, data=data)
            result = probe.send(camera, frame, received)
            expected = segmenter.segment(np.ascontiguousarray(rgb[..., ::-1])).labels
            assert bytes(result.data) == expected.tobytes()
        assert logged('colors are taken as RGB for format') == 1


INFO = pinhole(40, 30, 70.0, stamped(1))


@pytest.mark.parametrize(
    ('rules', 'topic', 'given'),
    [
        (['image:=/cam/image_raw'], '/cam/camera_info', {}),
        (['image:=/cam/image_raw', 'camera_info:=/depth/info'], '/depth/info', {}),
        (['image:=/cam/image_raw', '/cam/camera_info:=/depth/info'], '/depth/info', {}),
        (
            ['image/compressed:=/cam/image_raw/compressed'],
            '/cam/camera_info',
            {'image_transport': 'compressed'},
        ),
        (
            ['front/image:=/cam/image_raw', 'front/camera_info:=/depth/info'],
            '/depth/info',
            {'cameras': ['front']},
        ),
    ],
)
def test_the_calibration_is_next_to_the_image_or_where_it_is_remapped_to(
    probe, tiny_path, rules, topic, given
):
    words = ['--ros-args', *(word for rule in rules for word in ('-r', rule))]
    name = 'front/' if given.get('cameras') else ''
    is_raw = 'image_transport' not in given
    kind, suffix = (Image, '') if is_raw else (CompressedImage, '/compressed')
    with active_node('/seen', words, model=str(tiny_path), **given):
        outputs = probe.subscribe(f'/seen/segmentation/{name}camera_info', CameraInfo)
        camera = probe.camera(f'/cam/image_raw{suffix}', kind=kind)
        infos = probe.node.create_publisher(CameraInfo, topic, camera_qos())
        rgb = blocks(30, 40)
        frame = rgb_message(rgb, 5)
        if not is_raw:
            data = cv2.imencode('.png', rgb)[1].tobytes()
            frame = CompressedImage(header=frame.header, format='png', data=data)
        probe.node.create_timer(0.05, lambda: infos.publish(INFO))
        result = probe.send(camera, frame, outputs)
        assert (result.width, list(result.k)) == (40, list(INFO.k))


def test_a_calibration_that_does_not_come_is_explained(
    probe, tiny_path, status, logged, impatient
):
    with active_node('/blind', model=str(tiny_path)):
        probe.subscribe('/blind/segmentation/camera_info', CameraInfo)
        camera = probe.camera('/blind/image')
        probe.node.create_timer(0.1, lambda: camera.publish(rgb_message(blocks(30, 40), 1)))
        waits = '/blind/segmentation/camera_info waits for /blind/camera_info, '
        status('/blind', 'camera', WARN, f'{waits}which has no publisher; remap camera_info to')
        assert logged(f'{waits}which has no publisher') == 1
        infos = probe.node.create_publisher(CameraInfo, '/blind/camera_info', camera_qos())
        status('/blind', 'camera', WARN, f'{waits}whose 1 publishers send nothing; remap')
        probe.node.create_timer(0.05, lambda: infos.publish(INFO))
        status('/blind', 'camera', OK, 'frames per second are segmented')


def test_each_kind_of_warning_is_throttled_by_itself():
    lines = []
    logger = SimpleNamespace(warning=lines.append)
    log = CameraLog(logger, 5.0)
    for kind in ('bad', 'old', 'bad', 'old'):
        log.warn(kind, f'it is {kind}')
    log.warn('old', 'it is older', period=0.0)
    assert lines == ['it is bad', 'it is old']
    CameraLog(logger, 5.0).warn('bad', 'it is bad')
    assert lines[2:] == ['it is bad']


def test_an_engine_that_hangs_is_explained(probe, tiny_path, status, logged, impatient, gated):
    gated.reset(may_infer=False)
    with active_node('/stuck', model=str(tiny_path), engine='gated', always_infer=True):
        camera = probe.camera('/stuck/image')
        probe.subscribe('/stuck/segmentation/label_image')
        probe.node.create_timer(0.1, lambda: camera.publish(rgb_message(blocks(30, 40), 1)))
        status('/stuck', 'camera', WARN, 'the engine hangs, or is too slow; use a smaller model')
        assert logged('/stuck/image: a frame has been in process for 1 s: the engine hangs') == 1
        gated.may_infer.set()
        status('/stuck', 'camera', OK, 'are segmented')
