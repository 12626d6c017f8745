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

"""Size and damage of JPEG and PNG, detected without decoding."""

import struct
import zlib

import cv2
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest
from swiftnet_ros.errors import InvalidFrameError
from swiftnet_ros.ros.compressed_image_msgs import read_size

IMAGE = np.random.default_rng(0).integers(0, 256, (37, 53, 3), np.uint8)
KINDS = ['.jpg', '.png']


def encoded(kind, image=IMAGE, options=()):
    """Return an encoded image."""
    return cv2.imencode(kind, image, options)[1].tobytes()


def png_chunk(kind, content):
    """Return one chunk of a PNG, with its checksum."""
    checksum = struct.pack('>I', zlib.crc32(kind + content))
    return struct.pack('>I', len(content)) + kind + content + checksum


@pytest.mark.parametrize('kind', KINDS)
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


@pytest.mark.parametrize('kind', KINDS)
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


@given(st.binary(max_size=64), st.sampled_from([b'', b'\xff\xd8\xff', b'\x89PNG\r\n\x1a\n']))
def test_any_bytes_return_a_size_or_raise(content, start):
    try:
        height, width = read_size(start + content)
    except InvalidFrameError:
        return
    assert height > 0 and width > 0


@pytest.mark.parametrize('data', [b'', b'GIF89a' + bytes(60), b'BM' + bytes(60), bytes(12)])
def test_other_formats_raise(data):
    with pytest.raises(InvalidFrameError, match='neither JPEG nor PNG; send one of them'):
        read_size(data)


def test_sizes_of_zero_raise():
    header = png_chunk(b'IHDR', struct.pack('>IIBBBBB', 0, 5, 8, 2, 0, 0, 0))
    with pytest.raises(InvalidFrameError, match='size zero: 0x5'):
        read_size(b'\x89PNG\r\n\x1a\n' + header + png_chunk(b'IEND', b''))


def test_a_png_without_a_header_raises():
    with pytest.raises(InvalidFrameError, match='no size in its header'):
        read_size(b'\x89PNG\r\n\x1a\n' + png_chunk(b'IEND', b''))


def test_a_jpeg_of_12_bits_raises():
    image = bytearray(encoded('.jpg'))
    at = image.index(b'\xff\xc0')
    image[at + 4] = 12
    with pytest.raises(InvalidFrameError, match='JPEG of 12 bits, expected 8'):
        read_size(bytes(image))


def test_a_jpeg_with_too_many_scans_raises():
    image = encoded('.jpg')
    with pytest.raises(InvalidFrameError, match='more than 64 scans'):
        read_size(image[:-2] + 100 * b'\xff\xda\x00\x08' + image[-2:])


def test_a_jpeg_with_a_truncated_header_raises():
    for header in (b'\xff\xc0\x00', b'\xff\x00\x00\x08', b'\xff\xe0\x00\x04ab\x00\x00'):
        with pytest.raises(InvalidFrameError, match='no size in its header'):
            read_size(b'\xff\xd8' + header + b'\xff\xda\xff\xd9')
