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


"""Streamed histograms equal those of one pass, and calibration methods return their ranges."""

from hypothesis import example, given, settings
from hypothesis import strategies as st
import numpy as np
import pytest
from swiftnet_ros.errors import UnknownNameError
from training.quantization.calibrate import CalibrationError
from training.quantization.histograms import BINS, entropy_range, Histogram, METHODS, observe
from training.quantization.qdq_placement import Placement
from training.quantization.quantizer import activation_scales


def histogram(*arrays: np.ndarray) -> Histogram:
    """Return the histogram of arrays observed one after the other."""
    found = None
    for array in arrays:
        found = observe(found, np.asarray(array, np.float32))
    assert found is not None
    return found


def normal(size: int, spread: float = 1.0, seed: int = 0) -> np.ndarray:
    """Return normally distributed values."""
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
    statistics = {'a': histogram(np.array([1.0])), 'b': histogram(np.array([-127.0]))}
    placement = Placement((), {'a': (), 'b': ()}, {'a': 'a', 'b': 'a'})
    assert activation_scales(statistics, placement, 'max') == {'a': 1.0, 'b': 1.0}


def test_tensor_that_is_always_zero_raises():
    placement = Placement((), {'dead': ()}, {'dead': 'dead'})
    with pytest.raises(CalibrationError, match='tensor dead is 0 on every image.*training prune'):
        activation_scales({'dead': histogram(np.zeros(5))}, placement, 'max')


def test_unknown_method_raises():
    with pytest.raises(UnknownNameError, match="unknown method 'entropi'; did you mean 'entropy'"):
        activation_scales({}, Placement((), {}, {}), 'entropi')
