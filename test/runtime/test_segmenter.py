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

"""The contract of a segmenter, from image to labels: argmax of the bilinear logits."""

import numpy as np
import pytest
from swiftnet_ros.backends.registry import open_backend
from swiftnet_ros.core.frames import Frame, to_network_input
from swiftnet_ros.errors import BackendClosedError, InvalidValueError
from swiftnet_ros.model_spec import write_model
from swiftnet_ros.segmenter import open_model, Segmenter

# Equal to, below and above the network's 48x64, whole multiples and odd ratios.
SIZES = [(48, 64), (96, 128), (192, 256), (24, 32), (7, 5), (131, 97), (41, 203), (270, 480)]


@pytest.fixture
def engine(tiny_path):
    """Open the tiny model in FP32."""
    with open_backend(tiny_path, precision='fp32') as engine:
        yield engine


@pytest.fixture
def segmenter(engine):
    """Return a segmenter of the tiny model."""
    return Segmenter(engine)


def upsampled(engine, image, bilinear, size):
    """Return the logits of an image at a size, float64, by another interpolation."""
    return bilinear(engine.infer(to_network_input(Frame(image), 48, 64)), *size)


@pytest.mark.parametrize('size', SIZES)
def test_labels_are_the_argmax_over_classes_at_half_pixel_centres(
    engine, segmenter, bilinear, noise, size
):
    image = noise(*size)
    labels = segmenter.segment(image).labels
    expected = upsampled(engine, image, bilinear, size).argmax(axis=0)
    assert labels.shape == size and labels.dtype == np.uint8
    assert np.mean(labels == expected) >= 0.9999
    assert np.unique(labels).size > 1, 'one class only would hide a wrong interpolation'


@pytest.mark.parametrize('size', SIZES)
def test_confidence_is_255_times_the_largest_softmax_of_the_upsampled_logits(
    engine, segmenter, bilinear, noise, size
):
    image = noise(*size, seed=4)
    logits = upsampled(engine, image, bilinear, size)
    powers = np.exp(logits - logits.max(axis=0))
    expected = 255.0 * (powers / powers.sum(axis=0)).max(axis=0)
    confidence = segmenter.segment(image, with_confidence=True).confidence
    assert confidence.shape == size and confidence.dtype == np.uint8
    # Half a level from rounding, the rest from float32.
    assert np.abs(confidence - expected).max() < 0.501


def test_confidence_is_computed_only_when_asked_for(segmenter, noise):
    assert segmenter.segment(noise(48, 64)).confidence is None


def test_confidence_does_not_change_the_labels(segmenter, noise):
    plain, both = (segmenter.segment(noise(97, 131), with_confidence=c) for c in (False, True))
    np.testing.assert_array_equal(plain.labels, both.labels)


@pytest.mark.parametrize('size', SIZES)
def test_channel_order_keeps_the_labels_of_the_same_image(segmenter, noise, size):
    rgb = noise(*size, seed=2)
    alpha = noise(*size, channels=1, seed=3)
    expected = segmenter.segment(rgb, with_confidence=True)
    for order, pixels in {
        'bgr': rgb[..., ::-1],
        'rgba': np.concatenate([rgb, alpha], axis=2),
        'bgra': np.concatenate([rgb[..., ::-1], alpha], axis=2),
    }.items():
        result = segmenter.segment(np.ascontiguousarray(pixels), order, with_confidence=True)
        np.testing.assert_array_equal(result.labels, expected.labels, order)
        np.testing.assert_array_equal(result.confidence, expected.confidence, order)


def test_network_takes_rgb(segmenter, noise):
    image = noise(48, 64, seed=2)
    swapped = segmenter.segment(image, 'bgr').labels
    assert np.mean(swapped != segmenter.segment(image).labels) > 0.1


def test_gray_image_equals_three_equal_channels(segmenter, noise):
    gray = noise(50, 70, channels=1)[..., 0]
    np.testing.assert_array_equal(
        segmenter.segment(gray, 'mono').labels, segmenter.segment(np.stack([gray] * 3, -1)).labels
    )


def test_frame_object_knows_its_own_channel_order(segmenter, noise):
    image = noise(30, 40)
    np.testing.assert_array_equal(
        segmenter.segment(Frame(image, 'bgr')).labels, segmenter.segment(image, 'bgr').labels
    )


def test_rows_with_padding_and_read_only_pixels_are_taken(segmenter, noise):
    padded = noise(48, 80)
    padded.flags.writeable = False
    image = padded[:, :64]
    np.testing.assert_array_equal(
        segmenter.segment(image).labels, segmenter.segment(image.copy()).labels
    )


def test_image_is_not_changed(segmenter, noise):
    for size in SIZES:
        image = noise(*size)
        segmenter.segment(image, with_confidence=True)
        np.testing.assert_array_equal(image, noise(*size))


def test_size_may_change_from_frame_to_frame(segmenter, noise):
    first = segmenter.segment(noise(48, 64)).labels
    assert segmenter.segment(noise(100, 20)).labels.shape == (100, 20)
    np.testing.assert_array_equal(segmenter.segment(noise(48, 64)).labels, first)


def test_results_keep_their_labels_while_others_are_made(segmenter, noise):
    sizes = [(48, 64), (270, 480), (48, 64), (97, 131), (270, 480)]
    results, then = [], []
    for seed, size in enumerate(sizes):
        result = segmenter.segment(noise(*size, seed=seed), 'bgr', with_confidence=seed % 2 == 1)
        results.append(result.labels)
        then.append(result.labels.copy())
    for labels, expected in zip(results, then):
        np.testing.assert_array_equal(labels, expected)
    assert not np.shares_memory(results[0], results[2])


@pytest.mark.parametrize('with_confidence', [False, True])
@pytest.mark.parametrize('size', [(270, 480), (48, 64)])
def test_labels_are_written_to_the_given_array(segmenter, noise, size, with_confidence):
    expected = segmenter.segment(noise(50, 60), with_confidence=with_confidence, output_size=size)
    out = np.empty(size, np.uint8)
    result = segmenter.segment(
        noise(50, 60), with_confidence=with_confidence, output_size=size, out=out
    )
    assert result.labels is out
    np.testing.assert_array_equal(out, expected.labels)


@pytest.mark.parametrize(
    'out',
    [
        np.empty((4, 5), np.uint8),
        np.empty((4, 4), np.uint16),
        np.empty((4, 8), np.uint8)[:, ::2],
        np.frombuffer(bytes(16), np.uint8).reshape(4, 4),
    ],
    ids=['size', 'type', 'gaps', 'read-only'],
)
def test_an_array_that_cannot_take_the_labels_raises(segmenter, noise, out):
    with pytest.raises(InvalidValueError, match=r'contiguous, writable array of uint8 \[4, 4\]'):
        segmenter.segment(noise(4, 4), out=out)


def test_more_than_255_classes_have_uint16_labels(
    tmp_path, contract_model, spec_with, bilinear, noise
):
    write_model(contract_model(300), tmp_path / 'many.onnx', spec_with(class_count=300), None)
    with open_backend(tmp_path / 'many.onnx', precision='fp32') as engine:
        image = noise(60, 50)
        labels = Segmenter(engine).segment(image).labels
        expected = upsampled(engine, image, bilinear, (60, 50)).argmax(axis=0)
    assert labels.dtype == np.uint16 and labels.max() > 255
    assert np.mean(labels == expected) >= 0.9999


@pytest.mark.parametrize('size', [(0, 4), (4, -1)])
def test_empty_output_size_raises(segmenter, noise, size):
    with pytest.raises(InvalidValueError, match='output size'):
        segmenter.segment(noise(4, 4), output_size=size)


def test_output_size_is_that_of_the_labels(segmenter, noise):
    result = segmenter.segment(noise(40, 60), with_confidence=True, output_size=(20, 33))
    assert result.labels.shape == result.confidence.shape == (20, 33)


def test_closed_segmenter_raises_and_closes_its_backend(tiny_path, noise):
    with open_model(tiny_path) as segmenter:
        assert segmenter.segment(noise(4, 4)).labels.shape == (4, 4)
    segmenter.close()
    with pytest.raises(BackendClosedError, match="'openvino' is closed"):
        segmenter.segment(noise(4, 4))


def test_segmenter_has_the_facts_of_its_backend(tiny_path):
    with open_model(tiny_path, backend='openvino', precision='fp32', threads=1) as segmenter:
        assert (segmenter.backend, segmenter.precision, segmenter.threads) == (
            'openvino',
            'fp32',
            1,
        )
        assert segmenter.device and segmenter.uses_cuda_graph is None
