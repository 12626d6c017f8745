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

"""
Histograms of activations that widen as they grow, and the calibration methods that read them.

Symmetric int8 needs one number for a tensor: the magnitude that becomes 127. A histogram of
magnitudes has a fixed number of bins, so that memory does not grow with the number of images.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

BINS = 16384
# Levels of magnitude in int8, as TensorRT's entropy calibration counts them.
_LEVELS = 128
# Values counted at once: limits the memory needed in addition to the tensor.
_CHUNK = 2**18
# Tensors so small that they would need a higher factor use fewer bins.
_HIGHEST_FACTOR = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class Histogram:
    """Counts of magnitudes: int64 [BINS], bin i from i to i + 1 times `limit` / BINS."""

    counts: npt.NDArray[np.int64]
    limit: float
    largest: float

    def widened(self, largest: float) -> 'Histogram':
        """Return the same histogram with a limit of at least `largest`, merging pairs of bins."""
        counts, limit = self.counts, self.limit
        while limit < largest:
            merged = counts.reshape(-1, 2).sum(axis=1)
            counts = np.concatenate([merged, np.zeros(BINS - len(merged), np.int64)])
            limit *= 2
        return Histogram(counts, limit, max(self.largest, largest))


def observe(before: Histogram | None, values: npt.NDArray[np.float32]) -> Histogram:
    """Return a histogram with the magnitudes of a tensor added; its values have to be finite."""
    flat = values.reshape(-1)
    top = max(float(flat.max()), -float(flat.min()))
    # The limit of a tensor that was 0 so far cannot be doubled.
    if before is None or before.limit == 0:
        zeros = int(before.counts.sum()) if before else 0
        before = Histogram(np.zeros(BINS, np.int64), top, top)
        before.counts[0] = zeros
    wide = before.widened(top)
    counts = wide.counts.copy()
    factor = np.float32(min(BINS / wide.limit, _HIGHEST_FACTOR) if wide.limit else 0)
    for chunk in np.split(flat, range(_CHUNK, len(flat), _CHUNK)):
        bins = (np.abs(chunk) * factor).astype(np.int32)
        counts += np.bincount(np.minimum(bins, BINS - 1), minlength=BINS)
    return Histogram(counts, wide.limit, wide.largest)


def percentile_range(histogram: Histogram, percent: float) -> float:
    """Return the magnitude that `percent` percent of all values are below."""
    total = histogram.counts.cumsum()
    index = int(np.searchsorted(total, percent / 100 * total[-1]))
    return min(histogram.largest, (index + 1) * histogram.limit / BINS)


def entropy_range(histogram: Histogram) -> float:
    """
    Return the range whose 128 levels keep the most information (Migacz, GTC 2017).

    For every candidate range the distribution, clipped into its last bin, is compared by
    Kullback-Leibler divergence with the distribution that 128 levels can represent.
    """
    counts = histogram.counts.astype(np.float64)
    # Half of the values after a ReLU are zero, which every range represents exactly.
    counts[0] = counts[1]
    if not counts.any():
        return histogram.largest
    candidates = range(_LEVELS, BINS + 1, _LEVELS)
    losses = [_divergence(counts, bins) for bins in candidates]
    best = candidates[int(np.argmin(losses))]
    return min(histogram.largest, best * histogram.limit / BINS)


def _divergence(counts: npt.NDArray[np.float64], bins: int) -> float:
    """Compare the first `bins` bins, the rest clipped into the last, with 128 levels of them."""
    inside = counts[:bins]
    reference = inside.copy()
    reference[-1] += counts[bins:].sum()
    occupied = inside.reshape(_LEVELS, -1) > 0
    width = occupied.sum(axis=1, keepdims=True)
    level = inside.reshape(_LEVELS, -1).sum(axis=1, keepdims=True) / np.maximum(width, 1)
    quantized = np.where(occupied, level, 0.0).ravel()
    if not quantized.any():
        return np.inf
    p, q = reference / reference.sum(), quantized / quantized.sum()
    present = p > 0
    # What no level represents counts as very unlikely, not as impossible.
    return float((p[present] * np.log(p[present] / np.maximum(q[present], 1e-9))).sum())


# calibration method -> the magnitude that becomes 127
METHODS: dict[str, Callable[[Histogram], float]] = {
    # Nothing is clipped.
    'max': lambda histogram: histogram.largest,
    'percentile_99.9': lambda histogram: percentile_range(histogram, 99.9),
    'percentile_99.99': lambda histogram: percentile_range(histogram, 99.99),
    'entropy': entropy_range,
}
