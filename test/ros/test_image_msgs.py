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

"""Image messages to frames and arrays to image messages; malformed messages raise."""

from array import array
import sys

from helpers.ros_probe import stamped
import numpy as np
import pytest
from sensor_msgs.msg import Image
from swiftnet_ros.core.frames import to_rgb
from swiftnet_ros.core.image_messages import ENCODINGS
from swiftnet_ros.errors import InvalidFrameError, UnsupportedEncodingError
from swiftnet_ros.ros.image_msgs import from_array, label_encoding, to_frame, to_labels

# An image of 2x2 pixels: red, green / blue, gray 100.
RGB = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [100, 100, 100]]], np.uint8)
ALPHA = np.full((2, 2, 1), 7, np.uint8)


def message(encoding, rows, width, height=None, padding=0, is_bigendian=0):
    """Return a message of the bytes of each row, each followed by padding bytes."""
    padded = b''.join(bytes(row) + b'\xee' * padding for row in rows)
    made = Image(encoding=encoding, width=width, height=height or len(rows))
    made.step = len(bytes(rows[0])) + padding
    made.is_bigendian = is_bigendian
    made.data = array('B', padded)
    return made


def rgb_of(made):
    """Return the RGB pixels of a message."""
    return to_rgb(to_frame(made)).tolist()


@pytest.mark.parametrize('padding', [0, 1, 5])
@pytest.mark.parametrize(
    ('encoding', 'pixels'),
    [
        ('rgb8', RGB),
        ('bgr8', RGB[..., ::-1]),
        ('rgba8', np.concatenate([RGB, ALPHA], axis=2)),
        ('bgra8', np.concatenate([RGB[..., ::-1], ALPHA], axis=2)),
    ],
)
def test_colors_of_8_bits_in_any_order_and_padding(encoding, pixels, padding):
    rows = [row.tobytes() for row in pixels]
    assert rgb_of(message(encoding, rows, 2, padding=padding)) == RGB.tolist()


@pytest.mark.parametrize('padding', [0, 3])
def test_mono8_is_gray(padding):
    made = message('mono8', [[0, 100, 255], [1, 2, 3]], 3, padding=padding)
    assert rgb_of(made) == [[[v] * 3 for v in row] for row in [[0, 100, 255], [1, 2, 3]]]


@pytest.mark.parametrize('is_bigendian', [0, 1])
@pytest.mark.parametrize(
    ('encoding', 'order'),
    [('rgb16', [0, 1, 2]), ('bgr16', [2, 1, 0]), ('rgba16', [0, 1, 2, 0]),
     ('bgra16', [2, 1, 0, 0]), ('mono16', None)],
)  # fmt: skip
def test_16_bits_are_scaled_in_their_byte_order(encoding, order, is_bigendian):
    """0, 257 and 65535 are 0, 1 and 255; 40000 is 155.6, which rounds to 156."""
    dtype = '>u2' if is_bigendian else '<u2'
    wide = np.array([[[0, 257, 65535], [40000, 257 * 9, 514]]], np.uint16)
    small = [[[0, 1, 255], [156, 9, 2]]]
    if order is None:
        wide, small = wide[..., 0], [[[0] * 3, [156] * 3]]
    else:
        wide = wide[..., order]
    made = message(encoding, [wide[0].astype(dtype).tobytes()], 2, None, 3, is_bigendian)
    assert rgb_of(made) == small


@pytest.mark.parametrize(('encoding', 'channels'), [('rgb16', 3), ('mono16', 1)])
@pytest.mark.parametrize('padding', [1, 2])
def test_rows_of_16_bits_may_start_at_an_odd_address(encoding, channels, padding):
    """No row is shifted by a byte, though no driver should send this."""
    values = np.arange(4 * 2 * channels, dtype=np.uint16).reshape(4, 2, channels)
    made = message(encoding, [row.tobytes() for row in values * 257], 2, padding=padding)
    assert rgb_of(made) == np.broadcast_to(values, (4, 2, 3)).tolist()


def test_is_bigendian_is_ignored_for_8_bits():
    """Some drivers set it at random."""
    assert rgb_of(message('rgb8', [b'\x01\x02\x03'], 1, is_bigendian=1)) == [[[1, 2, 3]]]


@pytest.mark.parametrize('bits', [8, 16])
@pytest.mark.parametrize('padding', [0, 2])
@pytest.mark.parametrize(
    ('pattern', 'tile'), [('rggb', 'RGGB'), ('bggr', 'BGGR'), ('gbrg', 'GBRG'), ('grbg', 'GRBG')]
)
def test_bayer_patterns_keep_a_uniform_color(pattern, tile, padding, bits):
    color = {'R': 200, 'G': 120, 'B': 30}
    tiles = np.array([color[letter] for letter in tile]).reshape(2, 2)
    mosaic = np.tile(tiles, (3, 4)).astype(np.uint8)
    if bits == 16:
        mosaic = mosaic.astype('<u2') * 257
    rows = [row.tobytes() for row in mosaic]
    made = message(f'bayer_{pattern}{bits}', rows, 8, padding=padding)
    assert rgb_of(made) == [[[200, 120, 30]] * 8] * 6


# BT.601 with 16 to 235: Y 81 U 90 V 240 is red; 16 is black, 235 white.
UYVY, YUYV = [90, 81, 240, 81, 128, 16, 128, 235], [81, 90, 81, 240, 16, 128, 235, 128]
LUMA = [81, 81, 16, 235]


@pytest.mark.parametrize('padding', [0, 2])
@pytest.mark.parametrize(
    ('encoding', 'rows'),
    [
        *((name, [UYVY, UYVY]) for name in ('yuv422', 'uyvy')),
        *((name, [YUYV, YUYV]) for name in ('yuv422_yuy2', 'yuyv')),
        ('nv12', [LUMA, LUMA, [90, 240, 128, 128]]),
        ('nv21', [LUMA, LUMA, [240, 90, 128, 128]]),
    ],
)
def test_yuv_of_two_rows(encoding, rows, padding):
    """In each two red pixels with shared chroma, then a black and a white one."""
    pixels = np.array(rgb_of(message(encoding, rows, 4, height=2, padding=padding)))
    expected = [[254, 0, 0], [254, 0, 0], [0, 0, 0], [255, 255, 255]]
    assert np.abs(pixels - [expected, expected]).max() <= 1


def test_pixels_of_8_bits_are_not_copied():
    made = message('bgr8', [bytes(range(6)), bytes(range(6))], 2, padding=4)
    frame = to_frame(made)
    made.data[0] = 99
    assert frame.pixels[0, 0].tolist() == [99, 1, 2]


@pytest.mark.parametrize(
    ('changes', 'error'),
    [
        ({'height': 0}, 'image of size zero: 2x0'),
        ({'width': 0}, 'image of size zero: 0x2'),
        ({'height': 3}, 'data has 12 bytes, expected 18: 3 rows of 6 bytes'),
        ({'step': 7}, 'data has 12 bytes, expected 14: 2 rows of 7 bytes'),
        ({'step': 5}, 'step is 5 bytes, expected at least 6 for 2 pixels of rgb8'),
        ({'width': 3}, 'step is 6 bytes, expected at least 9 for 3 pixels of rgb8'),
        ({'encoding': 'yuyv', 'width': 3}, 'yuyv of 3x2, expected a width divisible by 2'),
        ({'encoding': 'nv12', 'height': 1}, 'nv12 of 2x1, expected'),
        ({'encoding': 'nv12'}, 'data has 12 bytes, expected 18: 3 rows of 6 bytes'),
        ({'encoding': 'mono16', 'width': 4}, 'step is 6 bytes, expected at least 8'),
    ],
)
def test_a_malformed_message_raises_with_both_values(changes, error):
    made = message('rgb8', [bytes(6), bytes(6)], 2)
    for name, value in changes.items():
        setattr(made, name, value)
    with pytest.raises(InvalidFrameError, match=f'^invalid frame: {error}'):
        to_frame(made)


def test_an_unknown_encoding_raises_with_the_known_ones(monkeypatch):
    """If cv_bridge is not installed."""
    monkeypatch.setitem(sys.modules, 'cv_bridge', None)
    with pytest.raises(UnsupportedEncodingError, match="'jpeg2000' is not .* rgb8, .*cv_bridge"):
        to_frame(message('jpeg2000', [bytes(6)], 2))


@pytest.mark.parametrize(
    ('encoding', 'advice'),
    [
        ('8UC3', 'publish it as bgr8 or rgb8'),
        ('8UC4', 'publish it as bgra8 or rgba8'),
        ('16UC3', 'publish it as bgr16 or rgb16'),
        ('8UC1', 'publish it as mono8'),
        ('8U', 'publish it as mono8'),
        ('32FC1', 'as depth images have: remap image to the color image'),
        ('16SC1', 'as depth images have'),
        ('jpeg', 'it is compressed: publish CompressedImage with image_transport compressed'),
        ('H264', 'it is compressed'),
    ],
)
def test_an_encoding_without_colors_raises_with_what_to_publish(fake_bridge, encoding, advice):
    """Whether or not cv_bridge is installed, and whatever the length of the data."""
    with pytest.raises(UnsupportedEncodingError, match=f"'{encoding}' .*{advice}") as caught:
        to_frame(message(encoding, [bytes(2)], 2))
    assert 'cv_bridge' not in str(caught.value)


class FakeBridge:
    """A fake of cv_bridge that knows `turned`: RGB bytes in reverse order."""

    def imgmsg_to_cv2(self, made, desired_encoding):
        if made.encoding != 'turned':
            raise TypeError(f'Unrecognized image encoding [{made.encoding}]')
        assert desired_encoding == 'rgb8'
        pixels = np.frombuffer(made.data, np.uint8)[::-1]
        return pixels.reshape(-1, made.step // 3, 3)


@pytest.fixture
def fake_bridge(monkeypatch):
    """Install the fake."""
    monkeypatch.setitem(sys.modules, 'cv_bridge', type(sys)('cv_bridge'))
    sys.modules['cv_bridge'].CvBridge = FakeBridge


def test_other_encodings_go_through_cv_bridge(fake_bridge):
    assert rgb_of(message('turned', [[1, 2, 3]], 1)) == [[[3, 2, 1]]]
    assert rgb_of(message('rgb8', [[1, 2, 3]], 1)) == [[[1, 2, 3]]]
    with pytest.raises(UnsupportedEncodingError, match="'other' is not supported.*nv21$"):
        to_frame(message('other', [[1, 2, 3]], 1))


def test_results_of_cv_bridge_are_checked(fake_bridge):
    """cv_bridge itself does not check the length, and truncates a row that is too short."""
    with pytest.raises(InvalidFrameError, match='turned has 1x1 pixels, expected 2x1'):
        to_frame(message('turned', [[1, 2, 3]], 2))
    with pytest.raises(InvalidFrameError, match='data has 3 bytes, expected 6'):
        to_frame(message('turned', [[1, 2, 3]], 1, height=2))


def test_pixels_equal_those_of_cv_bridge():
    cv_bridge = pytest.importorskip('cv_bridge', reason='cv_bridge is not installed')
    compared = []
    for name, layout in ENCODINGS.items():
        # cv_bridge needs rows of whole pixels: these are eight, and four of padding.
        row = 12 * layout.channels * np.dtype(layout.dtype).itemsize
        noise = np.random.default_rng(1).integers(0, 256, (int(6 * layout.lines), row))
        made = message(name, noise.astype(np.uint8), 8, height=6)
        try:
            expected = cv_bridge.CvBridge().imgmsg_to_cv2(made, 'rgb8')
        except cv_bridge.CvBridgeError:
            continue
        assert rgb_of(made) == expected.tolist(), name
        compared.append(name)
    assert {'rgb8', 'bgra16', 'bayer_rggb8', 'yuv422'} <= set(compared)


def test_a_label_image_has_no_padding():
    labels = np.arange(6, dtype=np.uint8).reshape(2, 3)
    header = stamped(12, 34, 'left_eye')
    made = from_array(labels[:, ::-1], label_encoding(labels), header)
    assert (made.encoding, made.height, made.width, made.step) == ('mono8', 2, 3, 3)
    assert (made.is_bigendian, made.header) == (0, header)
    assert bytes(made.data) == bytes([2, 1, 0, 5, 4, 3])


def test_labels_of_16_bits_have_this_machines_byte_order():
    labels = np.array([[1, 299, 65535]], np.uint16)
    made = from_array(labels, label_encoding(labels), stamped(0))
    assert (made.encoding, made.step) == ('mono16', 6)
    assert made.is_bigendian == (sys.byteorder == 'big')
    assert to_labels(made).tolist() == [[1, 299, 65535]]


@pytest.mark.parametrize('is_bigendian', [0, 1])
def test_labels_are_read_in_the_byte_order_of_the_message(is_bigendian):
    """A machine with another byte order may have recorded them."""
    row = np.array([1, 299], '>u2' if is_bigendian else '<u2').tobytes()
    made = message('mono16', [row], 2, is_bigendian=is_bigendian)
    assert to_labels(made).tolist() == [[1, 299]]


def test_labels_of_opencv_encodings_are_read():
    assert to_labels(message('8UC1', [b'\x01\x02'], 2)).tolist() == [[1, 2]]


@pytest.mark.parametrize('encoding', ['8UC3', 'rgb8', '', 'mono', 'nv12'])
def test_labels_of_other_encodings_are_invalid(encoding):
    with pytest.raises(InvalidFrameError, match=f"encoding '{encoding}' of a label image"):
        to_labels(message(encoding, [bytes(6)], 2))
