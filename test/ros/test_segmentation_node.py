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

"""The node in its own process: labels over real topics equal those of the Segmenter."""

import cv2
from helpers.node_graph import describe_parameters
from helpers.ros_probe import BEST_EFFORT, blocks, RELIABLE, rgb_message, stamped
import numpy as np
import pytest
from swiftnet_ros.backends.registry import open_engine
from swiftnet_ros.benchmark.node_process import NodeProcess
from swiftnet_ros.core.labels import colorize, palette
from swiftnet_ros.ros.image_msgs import from_array, to_labels
from swiftnet_ros.segmenter import Segmenter

SIZES = [(48, 64), (120, 161), (17, 23)]
LABELS, OVERLAY = '/robot/segmentation/label_image', '/robot/segmentation/overlay'


@pytest.fixture(scope='module')
def node(tiny_path):
    """Start a node with the tiny model, whose overlay has only the colors."""
    parameters = {'model': str(tiny_path), 'precision': 'fp32', 'overlay_opacity': 1.0}
    with NodeProcess('/robot', parameters) as process:
        yield process


@pytest.fixture(scope='module')
def segmenter(tiny_path):
    """Return a segmenter with the same model in this process."""
    with open_engine(tiny_path, precision='fp32') as engine:
        yield Segmenter(engine)


def test_labels_equal_the_segmenters_at_the_cameras_size(node, probe, segmenter):
    """Equal to, above and below the network's size, changing from frame to frame."""
    received, camera = probe.subscribe(LABELS), probe.camera('/robot/image')
    for number in range(6):
        image = blocks(*SIZES[number % 3], seed=number)
        result = probe.send(camera, rgb_message(image, number), received)
        height, width = SIZES[number % 3]
        assert (result.height, result.width, result.step) == (height, width, width)
        assert (result.encoding, result.is_bigendian) == ('mono8', 0)
        expected = segmenter.segment(image).labels
        assert np.array_equal(to_labels(result), expected)
        assert len(np.unique(expected)) > 2


def test_the_header_is_copied_bit_for_bit(node, probe):
    """Even if the stamp is negative, or zero with an empty frame_id."""
    received, camera = probe.subscribe(LABELS), probe.camera('/robot/image')
    headers = [stamped(0, 0, ''), stamped(2**31 - 1, 999_999_999, 'caméra/左'), stamped(-5, 1)]
    for header in headers:
        result = probe.send(camera, from_array(blocks(20, 30), 'rgb8', header), received)
        assert result.header == header


def test_encodings_of_one_image_get_the_same_labels(node, probe, segmenter):
    """Channel order matters: the tiny model distinguishes red from blue."""
    received, camera = probe.subscribe(LABELS), probe.camera('/robot/image')
    image = blocks(40, 50)
    expected = segmenter.segment(image).labels
    alpha = np.full((40, 50, 1), 255, np.uint8)
    for number, (encoding, pixels) in enumerate(
        [
            ('bgr8', image[..., ::-1]),
            ('rgba8', np.concatenate([image, alpha], axis=2)),
            ('bgra8', np.concatenate([image[..., ::-1], alpha], axis=2)),
            ('rgb16', image.astype(np.uint16) * 257),
        ]
    ):
        result = probe.send(camera, from_array(pixels, encoding, stamped(number)), received)
        assert np.array_equal(to_labels(result), expected), encoding


def test_malformed_frames_are_dropped_and_the_stream_continues(node, probe, segmenter):
    """Alternating with valid frames, which are all segmented."""
    received, camera = probe.subscribe(LABELS), probe.camera('/robot/image')
    short, unknown, empty, narrow = (rgb_message(blocks(20, 30), 1000 + i) for i in range(4))
    short.data = short.data[:-1]
    unknown.encoding = 'jpeg2000'
    empty.height = empty.width = 0
    narrow.step = 10
    image = blocks(20, 30)
    for number, bad in enumerate([short, unknown, empty, narrow]):
        camera.publish(bad)
        result = probe.send(camera, rgb_message(image, number), received)
        assert np.array_equal(to_labels(result), segmenter.segment(image).labels)
    assert max(message.header.stamp.sec for message in received) < 1000


def test_the_overlay_has_the_colors_of_the_labels(node, probe, segmenter):
    """With an opacity of 1 it has nothing else."""
    overlays, camera = probe.subscribe(OVERLAY), probe.camera('/robot/image')
    image = blocks(60, 80)
    result = probe.send(camera, rgb_message(image, 7), overlays)
    pixels = np.frombuffer(result.data, np.uint8).reshape(60, 80, 3)
    ids = segmenter.segment(image).labels
    expected = colorize(ids, palette(segmenter.spec.colors, 255))
    assert result.encoding == 'bgr8'
    assert np.array_equal(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), expected)


def test_frames_of_a_reliable_camera_are_received(node, probe):
    """A driver that publishes reliably matches a best-effort subscription."""
    received, camera = probe.subscribe(LABELS), probe.camera('/robot/image', RELIABLE)
    assert probe.send(camera, rgb_message(blocks(20, 30), 3), received)


def test_parameters_have_descriptions_and_ranges(node, probe):
    """As `ros2 param describe` and rqt show them."""
    names = ['model', 'threads', 'overlay_opacity', 'autostart']
    described = describe_parameters(probe.node, '/robot/segmentation', names)
    model, threads, opacity, autostart = described
    assert autostart.read_only and not model.read_only and 'shipped model' in model.description
    assert '~/reload' in model.additional_constraints
    assert (threads.integer_range[0].from_value, threads.integer_range[0].to_value) == (0, 256)
    assert opacity.floating_point_range[0].to_value == 1.0


def test_more_than_255_classes_are_published_in_16_bits(probe, wide_path):
    """mono16 in this machine's byte order, every id as it is."""
    parameters = {'model': str(wide_path), 'precision': 'fp32'}
    with NodeProcess('/wide', parameters), open_engine(wide_path, precision='fp32') as engine:
        received = probe.subscribe('/wide/segmentation/label_image')
        camera = probe.camera('/wide/image', BEST_EFFORT)
        ramp = np.linspace(0, 255, 40 * 50 * 3).reshape(40, 50, 3).astype(np.uint8)
        result = probe.send(camera, rgb_message(ramp, 1), received)
        expected = Segmenter(engine).segment(ramp).labels
    assert (result.encoding, result.step, expected.dtype) == ('mono16', 100, np.uint16)
    assert expected.max() > 255
    assert np.array_equal(to_labels(result), expected)
