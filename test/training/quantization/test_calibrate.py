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

"""Streamed histograms equal those of one pass; calibration methods return their ranges."""

import subprocess
import sys

from helpers.checkout import ROOT
from helpers.tiny_quantized import export_tiny, inputs
from hypothesis import example, given, settings
from hypothesis import strategies as st
import numpy as np
import onnx
import pytest
from swiftnet_ros.errors import UnknownNameError
from swiftnet_ros.model_spec import read_model
from training.quantization import calibrate
from training.quantization.calibrate import CalibrationError, collect_statistics, Statistics
from training.quantization.calibration_cache import float_tensors
from training.quantization.histograms import BINS, entropy_range, Histogram, METHODS, observe
from training.quantization.qdq_placement import Placement
from training.quantization.quantizer import activation_scales

# Prints the peak of the process before the 9th and after the 64th image, in kilobytes.
SCRIPT = """
import resource, sys
import numpy as np
from swiftnet_ros.model_spec import read_model
from training.quantization.calibrate import collect_statistics
from training.quantization.calibration_cache import float_tensors

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

class Images:
    def __len__(self):
        return 64

    def __iter__(self):
        random = np.random.default_rng(0)
        for index in range(64):
            if index == 8:
                print(peak())
            yield str(index), random.integers(0, 256, (1, 64, 96, 3), dtype=np.uint8)

model = read_model(sys.argv[1])
values = float_tensors(model)
found = collect_statistics(model, values, Images())
assert len(found) == len(values) > 50
print(peak())
"""


def test_64_images_need_no_more_memory_than_8(tmp_path):
    command = [sys.executable, '-c', SCRIPT, str(export_tiny(tmp_path))]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    few, many = (int(line) for line in done.stdout.split())
    assert many <= 1.05 * few


def test_several_passes_collect_the_same_histograms_as_one(tmp_path, monkeypatch):
    model = read_model(export_tiny(tmp_path))
    values, images = float_tensors(model), inputs(2)
    once = collect_statistics(model, values, images)
    monkeypatch.setattr(calibrate, 'PASS_BYTES', 100_000)
    graph = calibrate._with_outputs(model, values)
    passes = calibrate._split_into_passes(graph, set(values))
    assert 2 < len(passes) < len(values)
    assert sorted(name for outputs in passes for name in outputs) == sorted(values)
    again = collect_statistics(model, values, images)
    for name in values:
        first, second = once[name].histogram, again[name].histogram
        assert second.largest == pytest.approx(first.largest, rel=1e-3, abs=1e-5)
        assert second.counts.sum() == first.counts.sum()
        np.testing.assert_allclose(
            again[name].channel_means, once[name].channel_means, rtol=1e-3, atol=1e-4
        )


def test_channel_means_are_those_of_all_images():
    array = onnx.helper.make_tensor_value_info('image', onnx.TensorProto.UINT8, [1, 2, 2, 3])
    out = onnx.helper.make_tensor_value_info('mean', onnx.TensorProto.FLOAT, [1, 3, 2, 2])
    nodes = [
        onnx.helper.make_node('Cast', ['image'], ['float'], to=onnx.TensorProto.FLOAT),
        onnx.helper.make_node('Transpose', ['float'], ['mean'], perm=[0, 3, 1, 2]),
    ]
    graph = onnx.helper.make_graph(nodes, 'g', [array], [out])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid('', 17)])
    images = np.random.default_rng(0).integers(0, 256, (3, 1, 2, 2, 3), dtype=np.uint8)
    found = collect_statistics(
        model, ['mean'], [(str(i), image) for i, image in enumerate(images)]
    )
    np.testing.assert_allclose(found['mean'].channel_means, images.mean(axis=(0, 1, 2, 3)))


def histogram(*arrays: np.ndarray) -> Histogram:
    """Return the histogram of arrays observed one after the other."""
    found = None
    for array in arrays:
        found = observe(found, np.asarray(array, np.float32))
    assert found is not None
    return found


def statistics_of(array: np.ndarray) -> Statistics:
    return Statistics(histogram(array), np.zeros(1))


def normal(size: int, spread: float = 1.0, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, spread, size).astype(np.float32)


@settings(max_examples=50, deadline=None)
@example([1e-38], 0)
@given(st.lists(st.floats(0, 1e6, width=32), min_size=1, max_size=6), st.integers(0, 100))
def test_every_value_counts_however_much_larger_later_ones_are(spreads, seed):
    parts = [normal(200, spread, seed + i) for i, spread in enumerate(spreads)]
    found = histogram(*parts)
    everything = np.abs(np.concatenate(parts))
    assert found.counts.shape == (BINS,)
    assert found.counts.sum() == everything.size
    assert found.largest == everything.max() <= found.limit or found.limit == 0


def test_streaming_counts_the_same_as_one_pass():
    parts = [normal(5000, spread, spread) for spread in (1, 3, 2)]
    found, whole = histogram(*parts), np.abs(np.concatenate(parts))
    edges = np.linspace(0, found.limit, BINS + 1)
    expected, _ = np.histogram(whole, edges)
    # A value on the edge of two bins may count in either.
    assert np.abs(found.counts.cumsum() - expected.cumsum()).max() <= 2


@pytest.mark.parametrize('percent', [99.9, 99.99])
def test_percentile_is_that_of_all_values(percent):
    parts = [normal(100_000, 1 + i, i) for i in range(3)]
    whole = np.abs(np.concatenate(parts))
    found = METHODS[f'percentile_{percent}'](histogram(*parts))
    assert found == pytest.approx(np.percentile(whole, percent), rel=2e-3)


def test_max_clips_nothing_and_no_method_exceeds_it():
    found = histogram(normal(50_000), np.array([40.0]))
    ranges = {name: method(found) for name, method in METHODS.items()}
    assert ranges['max'] == 40
    assert max(ranges.values()) == 40
    assert min(ranges.values()) > 0


def test_entropy_clips_an_outlier_and_keeps_a_flat_distribution():
    outlier = histogram(normal(200_000), np.array([60.0]))
    assert 2 < entropy_range(outlier) < 10
    flat = histogram(np.random.default_rng(0).uniform(0, 1, 200_000))
    assert entropy_range(flat) > 0.9


def test_zeros_before_the_first_value_count():
    found = histogram(np.zeros(30), np.ones(10))
    assert (found.counts.sum(), found.counts[0], found.limit) == (40, 30, 1)


def test_activations_that_share_a_scale_get_the_larger_one():
    statistics = {'a': statistics_of(np.array([1.0])), 'b': statistics_of(np.array([-127.0]))}
    placement = Placement((), {'a': (), 'b': ()}, {'a': 'a', 'b': 'a'})
    assert activation_scales(statistics, placement, 'max') == {'a': 1.0, 'b': 1.0}


def test_tensor_that_is_always_zero_raises():
    placement = Placement((), {'dead': ()}, {'dead': 'dead'})
    with pytest.raises(CalibrationError, match='tensor dead is 0 on every image.*training prune'):
        activation_scales({'dead': statistics_of(np.zeros(5))}, placement, 'max')


def test_unknown_method_raises():
    with pytest.raises(UnknownNameError, match="unknown method 'entropi'; did you mean 'entropy'"):
        activation_scales({}, Placement((), {}, {}), 'entropi')
