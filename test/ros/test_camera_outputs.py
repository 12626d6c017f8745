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

"""From a camera's message to the messages that are published for it, without a node."""

from copy import deepcopy
import tracemalloc

import cv2
from helpers.ros_probe import blocks, rgb_message, stamped
from helpers.tiny_model import COLORS
import numpy as np
import pytest
from sensor_msgs.msg import CameraInfo, CompressedImage, RegionOfInterest
from swiftnet_ros.backends.registry import open_backend
from swiftnet_ros.core import labels
from swiftnet_ros.core.frames import Frame
from swiftnet_ros.errors import InvalidFrameError
from swiftnet_ros.ros.camera_outputs import OUTPUTS, segment_message
from swiftnet_ros.ros.image_msgs import LabelBuffer, to_labels
from swiftnet_ros.ros.info_msgs import pinhole, scaled
from swiftnet_ros.ros.node_parameters import NodeParameters
from swiftnet_ros.segmenter import Segmenter

ALL = set(OUTPUTS)
IMAGE = blocks(40, 50, 3)
MESSAGE = rgb_message(IMAGE, 7)
SIZES = [('camera', (40, 50)), ('network', (48, 64)), ('20x10', (10, 20))]


class CountingSegmenter:
    """A segmenter that records how it is called."""

    def __init__(self, segmenter):
        self.spec, self._segmenter, self.calls = segmenter.spec, segmenter, []

    def segment(self, frame, **options):
        self.calls.append(options)
        return self._segmenter.segment(frame, **options)


def made(message, outputs, segmenter, info=None, **settings):
    """Return the messages of a frame by output."""
    result = segment_message(message, outputs, NodeParameters(**settings), segmenter, info)
    return dict(result.messages)


def decoded(message):
    """Return the labels in a PNG."""
    return cv2.imdecode(np.frombuffer(message.data, np.uint8), cv2.IMREAD_UNCHANGED)


def pixels_of(message):
    """Return the pixels of an 8-bit image message, [H, W, C]."""
    return np.frombuffer(message.data, np.uint8).reshape(message.height, message.width, -1)


@pytest.mark.parametrize(('output_size', 'size'), SIZES)
def test_messages_are_exactly_the_requested_ones_with_right_values(segmenter, output_size, size):
    info = pinhole(50, 40, 70.0, stamped(1, 2, 'other'))
    found = made(MESSAGE, ALL, segmenter, info, overlay_opacity=0.25, output_size=output_size)
    expected = segmenter.segment(IMAGE, with_confidence=True, output_size=size)
    assert list(found) == list(OUTPUTS)
    assert {name: type(message) for name, message in found.items()} == OUTPUTS
    assert all(message.header == MESSAGE.header for message in found.values())
    label_image = found['label_image']
    assert (label_image.encoding, label_image.step) == ('mono8', size[1])
    assert np.array_equal(pixels_of(label_image)[..., 0], expected.labels)
    assert np.array_equal(pixels_of(found['confidence'])[..., 0], expected.confidence)
    assert found['confidence'].encoding == 'mono8'
    assert np.array_equal(decoded(found['label_image/compressed']), expected.labels)
    table = labels.palette(segmenter.spec.colors, segmenter.spec.unlabeled_id)
    colors = table[expected.labels]
    assert np.array_equal(pixels_of(found['color'])[..., ::-1], colors)
    blend = 0.75 * cv2.resize(IMAGE, size[::-1]) + 0.25 * colors
    assert np.abs(pixels_of(found['overlay'])[..., ::-1] - blend).max() <= 0.5 + 1e-6
    expected_info = scaled(info, *size[::-1])
    assert np.allclose(found['camera_info'].k, expected_info.k)
    assert np.allclose(found['camera_info'].p, expected_info.p)


def test_labels_of_16_bits_are_published_without_loss(wide_path):
    ramp = np.linspace(0, 255, 40 * 50 * 3).reshape(40, 50, 3).astype(np.uint8)
    with open_backend(wide_path) as engine:
        segmenter = Segmenter(engine)
        found = made(rgb_message(ramp, 1), {'label_image', 'label_image/compressed'}, segmenter)
        expected = segmenter.segment(ramp).labels
    png = decoded(found['label_image/compressed'])
    assert found['label_image/compressed'].format == 'mono16; png compressed'
    assert png.dtype == np.uint16 and png.max() > 255
    assert np.array_equal(png, expected)
    assert np.array_equal(to_labels(found['label_image']), expected)


@pytest.mark.parametrize('outputs', [[], *([name] for name in OUTPUTS)])
def test_one_requested_output_is_the_only_message(segmenter, outputs):
    info = pinhole(50, 40, 70.0, stamped(1))
    assert list(made(MESSAGE, set(outputs), segmenter, info)) == outputs


@pytest.mark.parametrize(
    ('outputs', 'threshold', 'expected'),
    [({'label_image'}, 0.0, False), ({'confidence'}, 0.0, True), ({'label_image'}, 0.5, True)],
)
def test_confidence_is_computed_only_if_needed(segmenter, outputs, threshold, expected):
    counting = CountingSegmenter(segmenter)
    made(MESSAGE, outputs, counting, confidence_threshold=threshold)
    assert [call['with_confidence'] for call in counting.calls] == [expected]


def test_the_label_image_is_available_before_colors_are_computed(segmenter, monkeypatch):
    monkeypatch.setattr(labels, 'colorize', lambda *given: pytest.fail('colors were computed'))
    result = segment_message(MESSAGE, ALL, NodeParameters(), segmenter)
    assert next(result.messages)[0] == 'label_image'


def test_pixels_below_the_confidence_threshold_are_unlabeled(segmenter):
    noise = np.random.default_rng(0).integers(0, 255, (40, 50, 3)).astype(np.uint8)
    expected = segmenter.segment(noise, with_confidence=True)
    threshold = float(np.median(expected.confidence)) / 255
    found = made(rgb_message(noise, 1), ALL, segmenter, confidence_threshold=threshold)
    is_unsure = expected.confidence < 255 * threshold - 1e-6
    assert 0.1 < is_unsure.mean() < 0.9
    unlabeled = np.where(is_unsure, 255, expected.labels)
    assert np.array_equal(pixels_of(found['label_image'])[..., 0], unlabeled)


def test_the_arguments_are_not_changed(segmenter):
    """The newest calibration is used again with the next frame."""
    info, message = pinhole(50, 40, 70.0, stamped(1)), deepcopy(MESSAGE)
    before = deepcopy(info)
    made(message, ALL, segmenter, info)
    assert (info, message) == (before, MESSAGE)


def test_an_uncalibrated_camera_gets_a_warning_and_no_camera_info(segmenter):
    settings = NodeParameters(output_size='network')
    result = segment_message(MESSAGE, ALL, settings, segmenter, CameraInfo())
    assert result.warning.startswith('no camera_info is published: ')
    assert 'camera_info' not in dict(result.messages)
    assert segment_message(MESSAGE, ALL, settings, segmenter).warning == ''


@pytest.mark.parametrize('output_size', ['camera', 'network'])
def test_a_calibration_for_images_of_another_size_is_published_with_a_warning(
    segmenter, output_size
):
    settings = NodeParameters(output_size=output_size)
    result = segment_message(MESSAGE, ALL, settings, segmenter, pinhole(100, 80, 70.0, stamped(1)))
    assert 'camera_info is for images of 100x80, these are 50x40: calibrate' in result.warning
    assert 'camera_info' in dict(result.messages)


@pytest.mark.parametrize(
    'smaller',
    [
        {'roi': RegionOfInterest(x_offset=1, width=50, height=40)},
        {'binning_x': 2, 'binning_y': 2},
        {'roi': RegionOfInterest(width=100, height=40), 'binning_x': 2, 'binning_y': 1},
    ],
)
def test_a_region_and_binning_explain_smaller_images(segmenter, smaller):
    info = pinhole(100, 80, 70.0, stamped(1))
    for name, value in smaller.items():
        setattr(info, name, value)
    assert segment_message(MESSAGE, ALL, NodeParameters(), segmenter, info).warning == ''


def test_a_compressed_message_is_decoded_up_to_the_limit(segmenter):
    data = cv2.imencode('.png', IMAGE[..., ::-1])[1].tobytes()
    message = CompressedImage(header=stamped(3), format='png', data=data)
    found = made(message, {'label_image'}, segmenter, max_decoded_pixels=2000)['label_image']
    expected = segmenter.segment(Frame(IMAGE, 'rgb')).labels
    assert found.header == stamped(3)
    assert np.array_equal(pixels_of(found)[..., 0], expected)
    with pytest.raises(InvalidFrameError):
        made(message, {'label_image'}, segmenter, max_decoded_pixels=1999)


def label_image(image, segmenter, buffer):
    """Return the label image of a frame, made with a buffer."""
    given = (rgb_message(image, 1), {'label_image'}, NodeParameters(), segmenter, None, buffer)
    return dict(segment_message(*given).messages)['label_image']


def test_a_buffer_is_one_label_image_after_another(segmenter):
    buffer = LabelBuffer()
    for seed, size in enumerate([(200, 300), (200, 300), (40, 50), (50, 40), (200, 300)]):
        image = blocks(*size, seed)
        message = label_image(image, segmenter, buffer)
        assert (message.height, message.width, message.step) == (*size, size[1])
        assert np.array_equal(to_labels(message), segmenter.segment(image).labels)
    data = message.data
    assert label_image(blocks(200, 300, 9), segmenter, buffer).data is data


def test_cameras_of_different_sizes_do_not_share_label_images(segmenter):
    images = [blocks(200, 300, 1), blocks(48, 64, 2)]
    messages = [label_image(image, segmenter, LabelBuffer()) for image in images]
    for image, message in zip(images, messages):
        assert np.array_equal(to_labels(message), segmenter.segment(image).labels)


@pytest.mark.parametrize('threshold', [0.0, 0.5])
def test_a_buffer_changes_no_output(segmenter, threshold):
    settings = {'confidence_threshold': threshold, 'output_size': 'network'}
    expected = made(MESSAGE, ALL, segmenter, **settings)
    result = segment_message(
        MESSAGE, ALL, NodeParameters(**settings), segmenter, None, LabelBuffer()
    )
    assert dict(result.messages) == expected


def test_results_without_a_buffer_keep_their_labels(segmenter):
    first = made(MESSAGE, {'label_image'}, segmenter)['label_image']
    before = bytes(first.data)
    made(rgb_message(blocks(40, 50, 9), 8), {'label_image'}, segmenter)
    assert bytes(first.data) == before


def test_a_steady_stream_allocates_nothing_of_the_size_of_a_frame(segmenter):
    image = np.zeros((1080, 1920, 3), np.uint8)
    image[:, 960:] = COLORS[1]
    message, buffer = rgb_message(image, 1), LabelBuffer()

    def process():
        result = segment_message(
            message, {'label_image'}, NodeParameters(), segmenter, None, buffer
        )
        assert list(result.messages)

    process()
    tracemalloc.start()
    try:
        process()
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(5):
            process()
        after, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 20_000
    # Less than the labels: only what is computed for cells on a boundary.
    assert peak - before < 1080 * 1920
