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

"""Preprocessing of a frame: stretch, channel order, and errors of invalid frames."""

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest
from swiftnet_ros.core.frames import (
    CHANNEL_ORDERS,
    Frame,
    parse_output_size,
    to_network_input,
    to_rgb,
)
from swiftnet_ros.errors import InvalidFrameError, InvalidValueError, UnknownNameError

SIDES = st.integers(1, 70)
SIZES = [(48, 64), (24, 32), (96, 128), (31, 77), (200, 20), (1, 1), (49, 64)]


@pytest.mark.parametrize('size', SIZES)
def test_stretch_is_bilinear_at_half_pixel_centers(noise, bilinear, size):
    image = noise(*size)
    expected = bilinear(image.transpose(2, 0, 1), 48, 64).transpose(1, 2, 0)
    stretched = to_network_input(Frame(image), 48, 64)
    assert stretched.shape == (1, 48, 64, 3) and stretched.dtype == np.uint8
    assert np.abs(stretched[0] - expected).max() <= 1.0


def test_stretch_has_no_antialiasing():
    image = np.zeros((90, 90, 3), np.uint8)
    image[1::3, 1::3] = 255
    assert to_network_input(Frame(image), 30, 30).min() == 255


@given(SIDES, SIDES, SIDES, SIDES, st.integers(0, 9))
def test_reordering_before_or_after_the_stretch_is_the_same(h, w, height, width, seed):
    rgb = np.random.default_rng(seed).integers(0, 256, (h, w, 3), dtype=np.uint8)
    bgra = np.concatenate([rgb[..., ::-1], rgb[..., :1]], axis=2)
    np.testing.assert_array_equal(
        to_network_input(Frame(bgra, 'bgra'), height, width),
        to_network_input(Frame(rgb), height, width),
    )


@pytest.mark.parametrize('size', [(70, 90), (20, 30)])
@pytest.mark.parametrize('order', CHANNEL_ORDERS)
def test_a_given_array_takes_the_input(order, size):
    shape = size if order == 'mono' else (*size, len(CHANNEL_ORDERS[order]))
    frame = Frame(np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8), order)
    out = np.empty((1, 48, 64, 3), np.uint8)
    found = to_network_input(frame, 48, 64, out)
    assert np.shares_memory(found, out)
    np.testing.assert_array_equal(out, to_network_input(frame, 48, 64))


def test_frame_of_the_input_size_is_not_copied(noise):
    image = noise(48, 64)
    assert np.shares_memory(to_network_input(Frame(image), 48, 64), image)


@pytest.mark.parametrize('size', SIZES)
def test_network_input_is_contiguous(noise, size):
    padded = noise(size[0], size[1] + 5)[:, : size[1]]
    for order in ('rgb', 'bgr'):
        assert to_network_input(Frame(padded, order), 48, 64).flags.c_contiguous


@pytest.mark.parametrize('size', [(48, 64), (50, 70), (20, 20)])
def test_array_views_equal_their_copies(noise, size):
    image = noise(50, 70)
    for view in (image[::-1], image[:, ::-1], image[..., ::-1], image[::2, ::3]):
        np.testing.assert_array_equal(
            to_network_input(Frame(view), *size), to_network_input(Frame(view.copy()), *size)
        )


def test_rgb_is_not_copied(noise):
    image = noise(5, 6)
    assert to_rgb(Frame(image)) is image


@pytest.mark.parametrize(
    ('order', 'pixel'),
    [('bgr', [3, 2, 1]), ('rgba', [1, 2, 3, 9]), ('bgra', [3, 2, 1, 9]), ('rgb', [1, 2, 3])],
)
def test_every_channel_order_becomes_rgb(order, pixel):
    pixels = np.full((2, 3, len(pixel)), pixel, np.uint8)
    assert to_rgb(Frame(pixels, order)).tolist() == [[[1, 2, 3]] * 3] * 2


def test_mono_becomes_three_equal_channels():
    assert to_rgb(Frame(np.full((1, 2), 7, np.uint8), 'mono')).tolist() == [[[7] * 3] * 2]


SHAPES = {'rgb': [(4, 5), (4, 5, 4), (1, 4, 5, 3)], 'bgra': [(4, 5, 3)]}
SHAPES['mono'] = [(4, 5, 3), (4, 5, 1), (4,)]


@pytest.mark.parametrize(
    ('pixels', 'order', 'reason'),
    [
        *(
            (np.zeros(shape, np.uint8), order, f'expected .* for {order}')
            for order, shapes in SHAPES.items()
            for shape in shapes
        ),
        *((np.zeros(shape, np.uint8), 'rgb', 'size zero') for shape in [(0, 5, 3), (5, 0, 3)]),
        *(
            (np.zeros((4, 5, 3), dtype), 'rgb', f'pixels are {dtype}, expected uint8')
            for dtype in ('float32', 'uint16', 'int8', 'bool')
        ),
    ],
)
def test_invalid_pixels_raise(pixels, order, reason):
    with pytest.raises(InvalidFrameError, match=f'^invalid frame: .*{reason}'):
        Frame(pixels, order)


def test_unknown_channel_order_raises_with_the_nearest():
    with pytest.raises(UnknownNameError, match="channel order 'bgr8'; did you mean 'bgr'"):
        Frame(np.zeros((4, 5, 3), np.uint8), 'bgr8')


def test_output_follows_the_camera_the_network_or_a_fixed_size():
    camera, network = (720, 1280), (512, 1024)
    assert parse_output_size('camera').of(camera, network) == camera
    assert parse_output_size('network').of(camera, network) == network
    assert parse_output_size('640x360').of(camera, network) == (360, 640)


@pytest.mark.parametrize('text', ['', 'Camera', 'input', '640', '0x480'])
def test_invalid_output_size_raises(text):
    with pytest.raises(InvalidValueError, match='output_size is .* expected camera, network, or'):
        parse_output_size(text)
