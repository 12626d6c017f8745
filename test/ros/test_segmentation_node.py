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

from helpers.ros_probe import blocks, RELIABLE, rgb_message, stamped
import numpy as np
import pytest
from swiftnet_ros.benchmark.node_process import NodeProcess
from swiftnet_ros.ros.image_msgs import from_array, to_labels

SIZES = [(48, 64), (120, 161), (17, 23)]
LABELS = '/robot/segmentation/label_image'


@pytest.fixture(scope='module')
def node(tiny_path):
    """Start a node with the tiny model."""
    with NodeProcess('/robot', {'model': str(tiny_path)}) as process:
        yield process


def test_labels_equal_the_segmenters_at_the_cameras_size(node, probe, segmenter):
    received, camera = probe.stream('/robot')
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
    received, camera = probe.stream('/robot')
    headers = [stamped(0, 0, ''), stamped(2**31 - 1, 999_999_999, 'caméra/左'), stamped(-5, 1)]
    for header in headers:
        result = probe.send(camera, from_array(blocks(20, 30), 'rgb8', header), received)
        assert result.header == header


def test_frames_of_a_reliable_camera_are_received(node, probe):
    """A driver that publishes reliably matches a best-effort subscription."""
    received, camera = probe.subscribe(LABELS), probe.camera('/robot/image', RELIABLE)
    assert probe.send(camera, rgb_message(blocks(20, 30), 3), received)
