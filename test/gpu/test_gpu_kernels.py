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


"""The kernels on the GPU compute what OpenCV and core.labels compute."""

from helpers.kernel_runs import GpuRunner, resized, segmented
import numpy as np
import pytest
from swiftnet_ros.backends.cuda.device import CudaDevice
from swiftnet_ros.core.frames import CHANNEL_ORDERS, Frame, to_network_input
from swiftnet_ros.core.labels import from_logits

INPUT = (48, 64)
CAMERA_SIZES = [(48, 64), (96, 128), (24, 32), (1, 1), (1, 87), (87, 1), (31, 77), (720, 1280)]
OUTPUT_SIZES = [(40, 72), (5, 9), (3, 4), (1, 1), (67, 131), (720, 1280)]


@pytest.fixture(scope='module')
def runner():
    device = CudaDevice()
    yield GpuRunner(device)
    device.close()


def pixels_of(size, order):
    channels = len(CHANNEL_ORDERS[order])
    pixels = np.random.default_rng(5).integers(0, 256, (*size, channels), dtype=np.uint8)
    return pixels[..., 0].copy() if order == 'mono' else pixels


def assert_as_opencv(image, pixels, order):
    difference = np.abs(image.astype(int) - to_network_input(Frame(pixels, order), *INPUT))
    # OpenCV rounds differently on some CPUs, by one at most.
    assert difference.max() <= 1 and np.mean(difference > 0) <= 0.001


def logits_of(classes, dtype=np.float32, seed=0):
    return np.random.default_rng(seed).normal(0.0, 4.0, (classes, 5, 9)).astype(dtype)


@pytest.mark.parametrize('order', CHANNEL_ORDERS)
@pytest.mark.parametrize('size', CAMERA_SIZES)
def test_network_input_equals_opencv(runner, size, order):
    pixels = pixels_of(size, order)
    assert_as_opencv(resized(runner, pixels, order, INPUT), pixels, order)


@pytest.mark.parametrize('order', CHANNEL_ORDERS)
def test_rows_with_padding_are_read_by_their_pitch(runner, order):
    pixels = pixels_of((31, 77), order)
    expected = resized(runner, pixels, order, INPUT)
    padded = resized(runner, pixels, order, INPUT, pitch=512)
    np.testing.assert_array_equal(padded, expected)


@pytest.mark.parametrize('dtype', [np.float32, np.float16])
@pytest.mark.parametrize('classes', [1, 2, 5, 33, 150, 255, 256, 300])
@pytest.mark.parametrize('size', OUTPUT_SIZES)
def test_labels_and_confidence_equal_core_labels(runner, size, classes, dtype):
    logits = logits_of(classes, dtype)
    expected = from_logits(logits.astype(np.float32), *size, True)
    result, _ = segmented(runner, logits, size)
    assert result.labels.dtype == expected.labels.dtype
    assert np.mean(result.labels == expected.labels) >= 0.9999
    confident, _ = segmented(runner, logits, size, True)
    np.testing.assert_array_equal(confident.labels, result.labels)
    difference = np.abs(confident.confidence.astype(int) - expected.confidence)
    assert difference.max() <= 1 and np.mean(difference > 0) <= 0.01


def test_the_lowest_id_of_equal_logits_is_the_label(runner):
    logits = np.zeros((40, 3, 3), np.float32)
    logits[33:] = 1.0
    result, _ = segmented(runner, logits, (17, 19), True)
    assert np.unique(result.labels).tolist() == [33]
    assert np.unique(result.confidence).tolist() == [round(255 / (7 + 33 / np.e))]


@pytest.mark.parametrize('dtype', [np.float32, np.float16])
@pytest.mark.parametrize('value', [np.nan, np.inf, -np.inf])
def test_nan_and_infinite_logits_have_a_valid_label(runner, value, dtype):
    logits = np.full((3, 4, 4), value, dtype)
    result, _ = segmented(runner, logits, (9, 9), True)
    assert result.labels.max() <= 2
    logits[1] = 1.0
    logits[:, 2:] = np.array([[[0.0]], [[1.0]], [[0.5]]], dtype)
    assert np.all(segmented(runner, logits, (64, 64), True)[0].labels[48:] == 1)


def test_every_finite_fp16_number_is_read_exactly(runner):
    every = np.arange(0x7C00, dtype=np.uint16).view(np.float16)
    for sign in (1, -1):
        pair = np.stack([every[:-1], every[1:]])[:, None] * np.float16(sign)
        result, _ = segmented(runner, np.ascontiguousarray(pair), pair.shape[1:])
        assert np.unique(result.labels).tolist() == [1 if sign > 0 else 0]
