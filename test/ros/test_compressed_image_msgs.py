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
import zlib

import cv2
from helpers.ros_probe import stamped
from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest
from sensor_msgs.msg import CompressedImage
from swiftnet_ros.core.frames import to_rgb
from swiftnet_ros.errors import InvalidFrameError
from swiftnet_ros.ros.compressed_image_msgs import color_remark, from_labels, read_size, to_frame
from swiftnet_ros.ros.image_msgs import from_array
from swiftnet_ros.ros.image_msgs import to_frame as raw_to_frame

PIXELS = 10**6
RED_OVER_BLUE = np.repeat([[[250, 10, 30]], [[10, 30, 250]]], 16, axis=0).repeat(24, axis=1)
RED_OVER_BLUE = RED_OVER_BLUE.astype(np.uint8)
BGR = np.ascontiguousarray(RED_OVER_BLUE[:, :, ::-1])
NOISE = np.random.default_rng(0).integers(0, 256, (37, 53, 3), np.uint8)
PNG = b'\x89PNG\r\n\x1a\n'
OTHER_FORMATS = [b'', b'GIF89a' + bytes(60), b'BM' + bytes(60), bytes(12)]


def encoded(kind, image=NOISE, options=()):
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


def test_a_header_with_a_wrong_size_raises():
    honest = bytes(message_of(BGR).data)
    header = b'IHDR' + struct.pack('>II', 24, 999) + honest[24:29]
    forged = honest[:12] + header + struct.pack('>I', zlib.crc32(header)) + honest[33:]
    assert 'invalid frame: damaged' in error(CompressedImage(format='png', data=forged))


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


def png_chunk(kind, content):
    """Return one chunk of a PNG, with its checksum."""
    checksum = struct.pack('>I', zlib.crc32(kind + content))
    return struct.pack('>I', len(content)) + kind + content + checksum


@pytest.mark.parametrize('kind', ['.jpg', '.png'])
@pytest.mark.parametrize('shape', [(1, 1), (37, 53), (37, 53, 3), (2, 3000, 3)])
def test_size_is_read_from_the_header(kind, shape):
    assert read_size(encoded(kind, np.zeros(shape, np.uint8))) == shape[:2]


def test_size_of_a_16_bit_png_and_of_a_progressive_jpeg():
    assert read_size(encoded('.png', np.zeros((9, 7), np.uint16))) == (9, 7)
    assert read_size(encoded('.jpg', options=[cv2.IMWRITE_JPEG_PROGRESSIVE, 1])) == (37, 53)


def test_an_exif_thumbnail_is_not_taken_for_the_image():
    thumbnail = encoded('.jpg', np.zeros((8, 8, 3), np.uint8))
    segment = b'\xff\xe1' + struct.pack('>H', 2 + len(thumbnail)) + thumbnail
    image = encoded('.jpg')
    assert read_size(image[:2] + segment + image[2:]) == (37, 53)
    with pytest.raises(InvalidFrameError, match='its end is missing'):
        read_size(image[:2] + segment + image[2:-40])


def test_fill_bytes_and_padding_of_cameras_are_allowed():
    image = encoded('.jpg')
    assert read_size(image[:2] + b'\xff\xff' + image[2:] + b'\0' * 100) == (37, 53)


@pytest.mark.parametrize('kind', ['.jpg', '.png'])
def test_a_truncated_image_raises(kind):
    whole = encoded(kind)
    for length in range(0, len(whole) - 1, 7):
        with pytest.raises(InvalidFrameError):
            read_size(whole[:length])


@given(st.integers(0, 10**6), st.integers(1, 255))
def test_any_changed_byte_of_a_png_raises(position, change):
    damaged = bytearray(encoded('.png'))
    damaged[position % len(damaged)] ^= change
    with pytest.raises(InvalidFrameError):
        read_size(bytes(damaged))


@given(st.binary(max_size=64), st.sampled_from([b'', b'\xff\xd8\xff', PNG]))
def test_any_bytes_return_a_size_or_raise(content, start):
    try:
        height, width = read_size(start + content)
    except InvalidFrameError:
        return
    assert height > 0 and width > 0


IHDR = png_chunk(b'IHDR', struct.pack('>IIBBBBB', 0, 5, 8, 2, 0, 0, 0))
TWELVE_BITS = bytearray(encoded('.jpg'))
TWELVE_BITS[TWELVE_BITS.index(b'\xff\xc0') + 4] = 12


@pytest.mark.parametrize(
    ('data', 'reason'),
    [
        *((data, 'neither JPEG nor PNG; send one of them') for data in OTHER_FORMATS),
        (PNG + IHDR + png_chunk(b'IEND', b''), 'size zero: 0x5'),
        (PNG + png_chunk(b'IEND', b''), 'no size in its header'),
        (bytes(TWELVE_BITS), 'JPEG of 12 bits, expected 8'),
        (encoded('.jpg')[:-2] + 100 * b'\xff\xda\x00\x08' + b'\xff\xd9', 'more than 64 scans'),
        *(
            (b'\xff\xd8' + header + b'\xff\xda\xff\xd9', 'no size in its header')
            for header in (b'\xff\xc0\x00', b'\xff\x00\x00\x08', b'\xff\xe0\x00\x04ab\x00\x00')
        ),
    ],
)
def test_a_header_that_cannot_be_used_raises(data, reason):
    with pytest.raises(InvalidFrameError, match=reason):
        read_size(data)
