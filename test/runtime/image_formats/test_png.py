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

"""A PNG is reduced to header, palette and as many pixels as its header announces."""

import struct
from time import thread_time
import zlib

import cv2
from helpers.image_bytes import empty_deflate_blocks, encoded, PNG, png, png_chunk
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest
from swiftnet_ros.errors import InvalidFrameError
from swiftnet_ros.image_formats import png as png_format
from swiftnet_ros.image_formats.png import read_header, reduced

RNG = np.random.default_rng(0)
NOISE = RNG.integers(0, 256, (37, 53, 3), np.uint8)


def strip(data):
    """Return the reduced PNG."""
    return reduced(data, read_header(data))


def kinds(data):
    """Return the kinds of the chunks of a PNG."""
    at, found = len(PNG), []
    while at < len(data):
        length, kind = struct.unpack_from('>I4s', data, at)
        found.append(kind)
        at += 12 + length
    return found


def pixels_of(data):
    """Return what OpenCV decodes."""
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)


@pytest.mark.parametrize('channels', [1, 3, 4])
@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
def test_pixels_are_the_same(channels, dtype):
    shape = (37, 53, channels) if channels > 1 else (37, 53)
    pixels = RNG.integers(0, np.iinfo(dtype).max, shape, dtype)
    stripped = strip(encoded('.png', pixels))
    np.testing.assert_array_equal(pixels_of(stripped), pixels)
    assert kinds(stripped) == [b'IHDR', b'IDAT', b'IEND']


@pytest.mark.parametrize(('bits', 'row'), [(1, b'\xb4'), (2, b'\x1b\x27'), (4, b'\1\x23\x21\3')])
def test_a_palette_is_kept(bits, row):
    palette = bytes([10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120])[: 3 * 2**bits]
    data = png(8, 1, bits, 3, zlib.compress(b'\0' + row), before=png_chunk(b'PLTE', palette))
    stripped = strip(data)
    assert kinds(stripped) == [b'IHDR', b'PLTE', b'IDAT', b'IEND']
    np.testing.assert_array_equal(pixels_of(stripped), pixels_of(data))
    assert len(np.unique(pixels_of(stripped))) > 3


@pytest.mark.parametrize('size', [(1, 1), (3, 2), (8, 8), (9, 17), (64, 5)])
@pytest.mark.parametrize(('bits', 'color_type'), [(1, 0), (8, 0), (8, 2), (16, 6)])
def test_an_interlaced_image_has_the_rows_of_seven_passes(size, bits, color_type):
    """Libpng itself knows how many bytes it needs: with one byte less the image is damaged."""
    data = png(*size, bits, color_type, zlib.compress(bytes(10**5)), interlace=1)
    header = read_header(data)
    assert pixels_of(strip(data)).shape[:2] == size[::-1]
    short = png(*size, bits, color_type, zlib.compress(bytes(header.inflated_bytes - 1)), 1)
    assert kinds(strip(data)) == [b'IHDR', b'IDAT', b'IEND']
    with pytest.raises(InvalidFrameError, match='pixels are missing'):
        strip(short)


def bomb(kind, prefix):
    """Return a chunk that inflates to 8 MB."""
    return png_chunk(kind, prefix + zlib.compress(bytes(8_000_000), 9))


@pytest.mark.parametrize(
    'chunk',
    [
        *(bomb(b'zTXt', b'k\0\0'), bomb(b'iTXt', b'k\0\1\0\0\0'), bomb(b'iCCP', b'k\0\0')),
        *(png_chunk(b'tEXt', b'k\0text'), png_chunk(b'gAMA', b'\0\0\0\1'), png_chunk(b'eXIf')),
        png_chunk(b'acTL', struct.pack('>II', 2**31 - 1, 0)),
        png_chunk(b'fcTL', struct.pack('>IIIIIHHBB', 0, 60000, 60000, 0, 0, 1, 1, 0, 0)),
        png_chunk(b'tRNS', bytes(6)) + png_chunk(b'fdAT', bytes(100)),
        png_chunk(b'IHDR', struct.pack('>IIBBBBB', 30000, 30000, 8, 2, 0, 0, 0)),
        png_chunk(b'PLTE', bytes(768)),
    ],
)
def test_chunks_that_the_pixels_do_not_need_never_reach_a_decoder(chunk):
    plain = strip(png(53, 37))
    assert strip(png(53, 37, before=100 * chunk)) == plain
    assert strip(png(53, 37, after=chunk)) == plain


def test_pixels_are_inflated_up_to_the_size_in_the_header():
    surplus = png(64, 48, rows=zlib.compress(bytes(200_000_000), 9))
    start = thread_time()
    assert len(strip(surplus)) < 64 * 48 * 3 + 300
    assert thread_time() - start < 0.05


def test_blocks_without_content_end_at_a_deadline(monkeypatch):
    monkeypatch.setattr(png_format, '_MAX_INFLATE_TIME', 0.02)
    with pytest.raises(InvalidFrameError, match='more than 0.02 s to inflate; send smaller'):
        strip(png(64, 48, rows=empty_deflate_blocks(400_000)))


def test_chunks_are_counted():
    with pytest.raises(InvalidFrameError, match='PNG of more than 65536 chunks'):
        strip(png(64, 48, after=70_000 * png_chunk(b'IDAT')))
    assert strip(png(64, 48, before=10_000 * png_chunk(b'IDAT'))) == strip(png(64, 48))


@given(st.integers(0, 10**6), st.integers(1, 255))
def test_any_changed_byte_raises(position, change):
    damaged = bytearray(encoded('.png', NOISE))
    damaged[position % len(damaged)] ^= change
    data = bytes(damaged)
    if data.startswith(PNG):
        with pytest.raises(InvalidFrameError, match='PNG'):
            strip(data)


def test_a_truncated_image_raises():
    whole = encoded('.png', NOISE)
    for length in range(len(PNG), len(whole) - 1, 7):
        with pytest.raises(InvalidFrameError, match='damaged PNG'):
            strip(whole[:length])


@pytest.mark.parametrize(
    ('data', 'reason'),
    [
        (PNG + png_chunk(b'IEND'), 'no size in its header'),
        (png(5, 5, 7), 'unknown kind of pixels'),
        (png(5, 5, interlace=2), 'unknown kind of pixels'),
        (png(5, 5, rows=b'no zlib'), 'its pixels cannot be inflated'),
        (png(5, 5, rows=zlib.compress(b'')), 'pixels are missing'),
        (png(5, 5, rows=b''), 'pixels are missing'),
    ],
)
def test_what_cannot_be_pixels_raises(data, reason):
    with pytest.raises(InvalidFrameError, match=f'damaged PNG: {reason}'):
        strip(data)
