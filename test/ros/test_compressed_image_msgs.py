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

"""Compressed messages to frames, without decoding what is damaged or too large; and back."""

import struct

import cv2
from helpers.ros_probe import stamped
from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest
from sensor_msgs.msg import CompressedImage
from swiftnet_ros.core.compressed_messages import color_remark, to_frame
from swiftnet_ros.core.frames import to_rgb
from swiftnet_ros.errors import InvalidFrameError
from swiftnet_ros.ros.compressed_image_msgs import from_labels
from swiftnet_ros.ros.image_msgs import from_array
from swiftnet_ros.ros.image_msgs import to_frame as raw_to_frame

PIXELS = 10**6
RED_OVER_BLUE = np.repeat([[[250, 10, 30]], [[10, 30, 250]]], 16, axis=0).repeat(24, axis=1)
RED_OVER_BLUE = RED_OVER_BLUE.astype(np.uint8)
BGR = np.ascontiguousarray(RED_OVER_BLUE[:, :, ::-1])


def encoded(kind, image, options=()):
    """Return an encoded image."""
    return cv2.imencode(kind, image, options)[1].tobytes()


def message_of(pixels, kind='.png', text='', options=()):
    """Return a message of pixels, which OpenCV encodes as BGR, with a `format`."""
    return CompressedImage(header=stamped(1), format=text, data=encoded(kind, pixels, options))


def error(message, max_pixels=PIXELS):
    """Return the text of the error that a message raises."""
    with pytest.raises(InvalidFrameError) as caught:
        to_frame(message, max_pixels)
    return str(caught.value)


BGR_TEXTS = ['png', 'jpeg', '', 'rgb8; jpeg compressed bgr8', 'bgr8; png compressed bgr8']
RGB_TEXTS = ['rgb8; jpeg compressed ', 'bgr8; png compressed ', 'rgba8;png compressed rgb8']


@pytest.mark.parametrize('text', BGR_TEXTS)
def test_a_format_with_bgr_or_without_order_is_bgr(text):
    frame = to_frame(message_of(BGR, text=text), PIXELS)
    assert frame.channel_order == 'bgr'
    np.testing.assert_array_equal(to_rgb(frame), RED_OVER_BLUE)


@pytest.mark.parametrize('text', RGB_TEXTS)
def test_a_format_without_bgr_keeps_the_original_order(text):
    frame = to_frame(message_of(RED_OVER_BLUE, text=text), PIXELS)
    np.testing.assert_array_equal(to_rgb(frame), RED_OVER_BLUE)


@pytest.mark.parametrize('text', RGB_TEXTS)
def test_a_format_that_exchanges_colors_is_remarked(text):
    remark = color_remark(CompressedImage(format=text))
    assert remark.startswith(f'colors are taken as RGB for format {text!r}, as image_transport')


@pytest.mark.parametrize('text', BGR_TEXTS)
def test_other_formats_are_not_remarked(text):
    assert color_remark(CompressedImage(format=text)) == ''


def test_a_jpeg_keeps_its_colors():
    message = message_of(BGR, '.jpg', 'rgb8; jpeg compressed bgr8')
    pixels = to_rgb(to_frame(message, PIXELS)).astype(int)
    assert np.abs(pixels - RED_OVER_BLUE).mean() < 10


@pytest.mark.parametrize('kind', ['.png', '.jpg'])
def test_grayscale_images_are_mono_frames(kind):
    gray = np.full((16, 24), 77, np.uint8)
    frame = to_frame(message_of(gray, kind, 'mono8; png compressed'), PIXELS)
    assert frame.channel_order == 'mono' and np.abs(frame.pixels.astype(int) - 77).max() <= 1


@pytest.mark.parametrize(('shape', 'encoding'), [((9, 7), 'mono16'), ((9, 7, 3), 'bgr16')])
def test_16_bits_are_scaled_as_in_raw_messages(shape, encoding):
    pixels = np.random.default_rng(0).integers(0, 65536, shape, np.uint16)
    frame = to_frame(message_of(pixels, text=f'{encoding}; png compressed bgr16'), PIXELS)
    expected = raw_to_frame(from_array(pixels, encoding, stamped(1)))
    assert frame.channel_order == expected.channel_order
    np.testing.assert_array_equal(frame.pixels, expected.pixels)


def test_alpha_is_ignored():
    bgra = np.dstack([BGR, np.full(BGR.shape[:2], 9, np.uint8)])
    np.testing.assert_array_equal(to_frame(message_of(bgra, text='png'), PIXELS).pixels, BGR)


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
def test_a_compressed_bayer_image_is_demosaiced_as_a_raw_one(dtype):
    bits = 8 * np.dtype(dtype).itemsize
    mosaic = np.random.default_rng(0).integers(0, 1 << bits, (16, 24), dtype)
    encoding = f'bayer_grbg{bits}'
    frame = to_frame(message_of(mosaic, text=f'{encoding}; png compressed '), PIXELS)
    expected = raw_to_frame(from_array(mosaic, encoding, stamped(1)))
    np.testing.assert_array_equal(to_rgb(frame), to_rgb(expected))


def test_an_exif_orientation_does_not_rotate_the_image():
    tiff = (
        b'MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00'
        + bytes(4)
    )
    exif = b'Exif\x00\x00' + tiff
    segment = b'\xff\xe1' + struct.pack('>H', 2 + len(exif)) + exif
    plain = message_of(BGR, '.jpg', 'jpeg')
    data = bytes(plain.data)
    turned = CompressedImage(format='jpeg', data=data[:2] + segment + data[2:])
    expected = to_frame(plain, PIXELS).pixels
    np.testing.assert_array_equal(to_frame(turned, PIXELS).pixels, expected)
    automatic = cv2.imdecode(np.frombuffer(bytes(turned.data), np.uint8), cv2.IMREAD_COLOR)
    assert automatic.shape[:2] == expected.shape[1::-1]


def test_a_decompression_bomb_raises_before_decoding(monkeypatch):
    monkeypatch.setattr(cv2, 'imdecode', lambda *_: pytest.fail('decoded'))
    bomb = message_of(np.zeros((1200, 1000), np.uint8))
    assert len(bomb.data) < 10_000
    text = error(bomb)
    assert 'image of 1000x1200 has more than the 1000000 pixels allowed' in text


def test_the_largest_allowed_image_is_decoded():
    assert to_frame(message_of(BGR), BGR.shape[0] * BGR.shape[1]).height == BGR.shape[0]
    assert 'allowed' in error(message_of(BGR), BGR.shape[0] * BGR.shape[1] - 1)


def test_distances_are_refused_in_one_line():
    depth = CompressedImage(
        format='16UC1; compressedDepth png', data=bytes(12) + encoded('.png', BGR)
    )
    assert error(depth) == (
        'invalid frame: compressedDepth has distances, no colors; remap image to the topic of a '
        'color image'
    )


@settings(max_examples=200)
@given(st.data(), st.sampled_from(['.jpg', '.png']))
def test_damaged_messages_are_a_frame_within_the_limit_or_raise(data, kind):
    content = bytearray(message_of(BGR, kind).data)
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    message = CompressedImage(format=data.draw(st.text(max_size=30)), data=bytes(content))
    try:
        frame = to_frame(message, 10_000)
    except InvalidFrameError as error:
        assert '\n' not in str(error)
        return
    assert frame.height * frame.width <= 10_000


@pytest.mark.parametrize(('dtype', 'encoding'), [(np.uint8, 'mono8'), (np.uint16, 'mono16')])
def test_compressed_labels_are_lossless(dtype, encoding):
    labels = np.random.default_rng(1).integers(0, np.iinfo(dtype).max + 1, (31, 45)).astype(dtype)
    message = from_labels(labels, stamped(5, 6, 'left'))
    assert message.format == f'{encoding}; png compressed'
    assert message.header == stamped(5, 6, 'left')
    decoded = cv2.imdecode(np.frombuffer(bytes(message.data), np.uint8), cv2.IMREAD_UNCHANGED)
    assert decoded.dtype == dtype
    np.testing.assert_array_equal(decoded, labels)
