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

"""Image messages without ROS become frames, as those of a bag."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from swiftnet_ros.core import compressed_messages, image_messages
from swiftnet_ros.core.frames import to_rgb
from swiftnet_ros.errors import InvalidFrameError, UnsupportedEncodingError

PIXELS = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)


def raw(**changes):
    """Return an rgb8 message with two bytes of padding after each row."""
    rows = np.concatenate([PIXELS.reshape(2, 9), np.full((2, 2), 77, np.uint8)], axis=1)
    values = {'height': 2, 'width': 3, 'encoding': 'rgb8', 'is_bigendian': 0, 'step': 11}
    return SimpleNamespace(**{**values, 'data': rows.reshape(-1), **changes})


def test_raw_message_is_a_frame_without_its_padding():
    frame = image_messages.to_frame(raw())
    assert frame.channel_order == 'rgb'
    np.testing.assert_array_equal(frame.pixels, PIXELS)


def test_data_that_cannot_be_written_to_is_converted():
    data = np.arange(4 * 4 * 2, dtype=np.uint8)
    data.flags.writeable = False
    message = raw(height=4, width=4, encoding='yuv422_yuy2', step=8, data=data)
    expected = cv2.cvtColor(data.reshape(4, 4, 2), cv2.COLOR_YUV2RGB_YUY2)
    np.testing.assert_array_equal(image_messages.to_frame(message).pixels, expected)


@pytest.mark.parametrize(
    ('changes', 'kind', 'words'),
    [
        ({'encoding': 'yuv420'}, UnsupportedEncodingError, 'publish one of rgb8'),
        ({'encoding': '16UC1'}, UnsupportedEncodingError, 'publish it as mono16'),
        ({'encoding': '32FC1'}, UnsupportedEncodingError, 'numbers, not colors'),
        ({'step': 8}, InvalidFrameError, 'step is 8 bytes, expected at least 9'),
        ({'height': 3}, InvalidFrameError, 'data has 22 bytes, expected 33'),
        ({'width': 0}, InvalidFrameError, 'size zero'),
    ],
)
def test_malformed_message_raises(changes, kind, words):
    with pytest.raises(kind, match=words):
        image_messages.to_frame(raw(**changes))


def test_other_encodings_are_converted_by_the_caller():
    message = raw(encoding='yuv420')
    frame = image_messages.to_frame(message, lambda given: image_messages.to_frame(raw()))
    np.testing.assert_array_equal(frame.pixels, PIXELS)


@pytest.mark.parametrize(
    ('message_format', 'is_swapped'),
    [('png', True), ('rgb8; png compressed bgr8', True), ('rgb8; png compressed rgb8', False)],
)
def test_compressed_message_has_the_colors_of_its_format(message_format, is_swapped):
    data = cv2.imencode('.png', PIXELS)[1].reshape(-1)
    message = SimpleNamespace(format=message_format, data=data)
    rgb = to_rgb(compressed_messages.to_frame(message, 100))
    np.testing.assert_array_equal(rgb, PIXELS[..., ::-1] if is_swapped else PIXELS)
    assert bool(compressed_messages.color_remark(message)) is not is_swapped
