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

"""A JPEG is reduced to the tables and scans of its pixels, and its cost is known."""

from functools import partial
from io import BytesIO
import struct
from time import thread_time

import cv2
from helpers.image_bytes import encoded, jpeg_scan, with_jpeg_size, zeros
import numpy as np
from PIL import Image
import pytest
from swiftnet_ros.errors import InvalidFrameError
from swiftnet_ros.image_formats.jpeg import reduced

NOISE = np.random.default_rng(0).integers(0, 256, (37, 53, 3), np.uint8)
PROGRESSIVE = [cv2.IMWRITE_JPEG_PROGRESSIVE, 1]
RESTARTS = [cv2.IMWRITE_JPEG_RST_INTERVAL, 1]
BASELINE = encoded('.jpg', NOISE)
END = b'\xff\xd9'


def segment(marker, content=b''):
    """Return one segment of a JPEG."""
    return bytes((0xFF, marker)) + struct.pack('>H', 2 + len(content)) + content


def full_color(pixels, progressive=False):
    """Return a JPEG with a color for each pixel, which OpenCV before 4.7 cannot encode."""
    stream = BytesIO()
    Image.fromarray(pixels).save(stream, 'JPEG', subsampling=0, progressive=progressive)
    return stream.getvalue()


KINDS = [
    *(partial(encoded, '.jpg', options=options) for options in ([], PROGRESSIVE, RESTARTS)),
    *(full_color, partial(full_color, progressive=True)),
]


def pixels_of(data):
    """Return what OpenCV decodes."""
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)


@pytest.mark.parametrize('encode', KINDS)
@pytest.mark.parametrize('pixels', [NOISE, NOISE[:, :, 0], NOISE[:1, :1]])
def test_pixels_are_the_same(encode, pixels):
    data = encode(pixels)
    image = reduced(data)
    assert image.header[:2] == pixels.shape[:2]
    np.testing.assert_array_equal(pixels_of(image.data), pixels_of(data))
    assert reduced(image.data) == image


def test_metadata_never_reaches_a_decoder():
    thumbnail = encoded('.jpg', zeros(8, 8))
    extras = segment(0xE1, b'Exif\0\0' + thumbnail) + segment(
        0xE2, b'ICC_PROFILE\0' + bytes(60000)
    )
    extras += segment(0xFE, b'comment') + segment(0xE0, b'JFXX\0') + segment(0xEE, b'other')
    assert reduced(BASELINE[:2] + extras + BASELINE[2:] + bytes(100)) == reduced(BASELINE)


def test_the_color_space_is_kept():
    """Adobe's segment says that the components are RGB and not YCbCr."""
    adobe = segment(0xEE, b'Adobe' + bytes(7))
    data = BASELINE[:2] + adobe + BASELINE[2:].replace(b'JFIF', b'none')
    assert adobe in reduced(data).data
    np.testing.assert_array_equal(pixels_of(reduced(data).data), pixels_of(data))
    assert not np.array_equal(pixels_of(data), pixels_of(BASELINE))


def test_fill_bytes_are_left_out():
    filled = BASELINE[:2] + b'\xff' * 3_000_000 + BASELINE[2:-2] + b'\xff' * 1_000_000 + END
    start = thread_time()
    assert reduced(filled) == reduced(BASELINE)
    assert thread_time() - start < 0.1


def test_the_cost_of_scans_and_colors():
    baseline = reduced(encoded('.jpg', zeros(64, 64))).equivalent_pixels
    assert baseline == 64 * 64
    assert reduced(encoded('.jpg', zeros(64, 64, 1))).equivalent_pixels == 64 * 64 * 2 // 3
    assert reduced(full_color(zeros(64, 64))).equivalent_pixels == 2 * baseline
    assert reduced(encoded('.jpg', zeros(64, 64), PROGRESSIVE)).equivalent_pixels == 2 * baseline
    progressive = encoded('.jpg', zeros(64, 64), PROGRESSIVE)
    again = progressive[:-2] + 50 * jpeg_scan(progressive) + END
    # 50 scans of 96 blocks, and 10 of 524 together.
    assert reduced(again).equivalent_pixels == 128 * ((50 * 96 + 512) // 4) // 3
    with pytest.raises(InvalidFrameError, match='JPEG with more than 64 scans'):
        reduced(progressive[:-2] + 60 * jpeg_scan(progressive) + END)


@pytest.mark.parametrize(
    ('data', 'reason'),
    [
        (BASELINE[:2] + 2_000_000 * segment(0xE0) + BASELINE[2:], 'more than 2048 segments'),
        (with_jpeg_size(BASELINE, 65500, 500), 'damaged JPEG: pixels are missing'),
        (BASELINE.replace(b'\xff\xc0\0\x11\x08', b'\xff\xc0\0\x11\x0c'), 'of 12 bits, expected 8'),
        (BASELINE.replace(b'\xff\xc0', b'\xff\xc9'), 'rare kind; send a baseline or progressive'),
        (BASELINE.replace(b'\xff\xc0', b'\xff\xc3'), 'rare kind'),
        (b'\xff\xd8' + 2 * segment(0xC0, b'\x08\0\1\0\1\1\1\x11\0') + END, 'two sizes'),
        (b'\xff\xd8' + segment(0xC0, b'\x08\0\1\0\1') + END, 'no size in its header'),
        (b'\xff\xd8' + segment(0xC0, b'\x08\0\1\0\1\0') + END, 'unknown kind of pixels'),
        (b'\xff\xd8' + segment(0xC0, b'\x08\0\1\0\1\1\1\x55\0') + END, 'unknown kind of pixels'),
        (b'\xff\xd8' + segment(0xDA, b'\1\1\0') + END, 'a scan of unknown pixels'),
        (b'\xff\xd8' + END, 'no size in its header'),
        (b'\xff\xd8\xff\xc0\0\1' + END, 'a segment has a wrong length'),
        (b'\xff\xd8\xff\xe0\0\4abcd' + END, 'a segment has a wrong length'),
        (b'\xff\xd8\xff', 'its end is missing'),
        (b'\xff\xd8' + b'\xff' * 100, 'its end is missing'),
    ],
)
def test_what_cannot_be_pixels_raises(data, reason):
    start = thread_time()
    with pytest.raises(InvalidFrameError, match=reason):
        reduced(data)
    assert thread_time() - start < 0.1


def test_a_truncated_image_raises():
    for length in range(3, len(BASELINE) - 1, 7):
        with pytest.raises(InvalidFrameError, match='damaged JPEG'):
            reduced(BASELINE[:length])
