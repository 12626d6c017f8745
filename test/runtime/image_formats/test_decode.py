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

"""Images are decoded only if their format, size and cost are within the limits."""

import struct
import zlib

import cv2
from helpers.image_bytes import encoded, png, png_chunk, with_jpeg_size, zeros
from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest
from swiftnet_ros.errors import InvalidFrameError
from swiftnet_ros.image_formats import decode as module
from swiftnet_ros.image_formats.decode import decode

NOISE = np.random.default_rng(0).integers(0, 256, (37, 53, 3), np.uint8)
PIXELS = 10**6
PROGRESSIVE = [cv2.IMWRITE_JPEG_PROGRESSIVE, 1]
OTHERS = ['.bmp', '.tiff', '.webp', '.jp2', '.pbm', '.hdr', '.ras', '.gif', '.avif']


@pytest.fixture
def never_decoded(monkeypatch):
    """Fail if OpenCV decodes anything."""
    monkeypatch.setattr(cv2, 'imdecode', lambda *_: pytest.fail('decoded'))


def refusal(data, max_pixels=PIXELS):
    """Return the message of the error that an image raises."""
    with pytest.raises(InvalidFrameError) as caught:
        decode(data, max_pixels)
    return str(caught.value)


def test_pixels_have_the_depth_of_the_file_and_no_alpha():
    deep = np.random.default_rng(0).integers(0, 65536, (9, 7), np.uint16)
    np.testing.assert_array_equal(decode(encoded('.png', deep), PIXELS), deep)
    alpha = np.dstack([NOISE, NOISE[:, :, 0]])
    np.testing.assert_array_equal(decode(encoded('.png', alpha), PIXELS), NOISE)
    difference = decode(encoded('.jpg', NOISE), PIXELS).astype(int) - NOISE
    assert np.abs(difference).mean() < 50


@pytest.mark.usefixtures('never_decoded')
@pytest.mark.parametrize('suffix', OTHERS)
def test_other_formats_never_reach_a_decoder(suffix):
    if not cv2.haveImageWriter(f'image{suffix}'):
        data = {'.gif': b'GIF89a', '.avif': b'\0\0\0\x1cftypavif'}[suffix] + bytes(64)
    else:
        data = encoded(suffix, zeros(48, 64, 1 if suffix == '.pbm' else 3))
    assert refusal(data) == (
        'invalid frame: compressed data is neither JPEG nor PNG; send one of them'
    )


@pytest.mark.usefixtures('never_decoded')
@pytest.mark.parametrize(
    'data',
    [
        png(7680, 4320, 8, 2, rows=b''),
        png(7680, 4320, 16, 0, rows=b''),
        png(7680, 4320, 16, 6, rows=b''),
        png(16384, 2025, 1, 3, rows=b''),
        png(4000, 2500, 16, 4, rows=b'', interlace=1),
        with_jpeg_size(encoded('.jpg', zeros(4320, 7680), PROGRESSIVE), 4320, 7680),
    ],
)
def test_images_that_take_longer_than_the_largest_jpeg_are_refused(data):
    assert 'pixels to decode, 33177600 are allowed; send baseline JPEG' in refusal(
        data, 7680 * 4320
    )


def test_the_limit_can_be_raised(monkeypatch):
    monkeypatch.setattr(module, 'DEFAULT_MAX_PIXELS', 1000)
    data = encoded('.png', NOISE)
    cost = NOISE.size * 4 // 3
    assert f'as {cost} pixels to decode, {cost - 1} are allowed' in refusal(data, cost - 1)
    assert decode(data, cost).shape == NOISE.shape


@pytest.mark.usefixtures('never_decoded')
def test_the_bytes_of_a_message_are_limited(monkeypatch):
    monkeypatch.setattr(module, 'DEFAULT_MAX_PIXELS', 1000)
    assert 'of 1049577 bytes, expected at most 1049576' in refusal(bytes(2**20 + 1001), 10)
    assert 'neither JPEG' in refusal(bytes(2**20 + 1000), 10)


@pytest.mark.usefixtures('never_decoded')
@pytest.mark.parametrize(('width', 'height'), [(0, 5), (5, 0)])
def test_an_image_without_pixels_raises(width, height):
    assert f'image of size zero: {width}x{height}' in refusal(png(width, height))


def test_a_header_with_another_size_raises():
    jpeg = encoded('.jpg', zeros(37, 53))
    assert 'pixels are missing' in refusal(with_jpeg_size(jpeg, 9000, 100))
    honest = encoded('.png', NOISE)
    forged = b'IHDR' + struct.pack('>II', 53, 999) + honest[24:29]
    checksum = struct.pack('>I', zlib.crc32(forged))
    assert 'pixels are missing' in refusal(honest[:12] + forged + checksum + honest[33:])


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(['.jpg', '.png', 'progressive']),
    st.lists(st.tuples(st.integers(0, 10**6), st.binary(max_size=6)), min_size=1, max_size=6),
)
def test_damaged_images_decode_to_the_size_in_the_header_or_raise(kind, changes):
    options = PROGRESSIVE if kind == 'progressive' else ()
    data = bytearray(encoded('.png' if kind == '.png' else '.jpg', NOISE, options))
    for position, content in changes:
        start = position % len(data)
        end = start + len(content)
        data[start:end] = content
    try:
        pixels = decode(bytes(data), 10_000)
    except InvalidFrameError as error:
        assert len(str(error)) < 300
        return
    assert 0 < pixels.shape[0] * pixels.shape[1] <= 10_000


@given(st.sampled_from([b'\xff\xd8\xff', png(5, 5)[:33], b'']), st.binary(max_size=200))
def test_any_bytes_are_pixels_or_raise(start, content):
    try:
        pixels = decode(start + content, PIXELS)
    except InvalidFrameError as error:
        assert len(str(error)) < 300
    else:
        assert pixels.ndim >= 2 and pixels.dtype == np.uint8


def test_an_animation_shows_its_image():
    frame = png_chunk(b'acTL', struct.pack('>II', 100, 0))
    np.testing.assert_array_equal(decode(png(8, 4, before=frame), PIXELS), zeros(4, 8))
