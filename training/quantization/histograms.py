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
Statistics of activations in a histogram that widens, and the range that each method takes.

Symmetric int8 needs one number of a tensor: the magnitude that becomes 127. A histogram of
magnitudes has a fixed number of bins, so its size does not grow with the number of images.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

BINS = 16384
# Levels that int8 has for magnitudes, as TensorRT's entropy calibration counts them.
_LEVELS = 128
# Values counted at once: what they need beside the tensor stays small.
_CHUNK = 2**18
# Values so small that they need a higher one share bins.
_HIGHEST_FACTOR = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class Histogram:
    """Counts of magnitudes: int64 [BINS], bin i from i to i + 1 times `limit` / BINS."""

    counts: npt.NDArray[np.int64]
    limit: float
    largest: float

    def widened(self, largest: float) -> 'Histogram':
        """Give the same statistics with room for a larger value; bins are merged in pairs."""
        counts, limit = self.counts, self.limit
        while limit < largest:
            merged = counts.reshape(-1, 2).sum(axis=1)
            counts = np.concatenate([merged, np.zeros(BINS - len(merged), np.int64)])
            limit *= 2
        return Histogram(counts, limit, max(self.largest, largest))


def observe(before: Histogram | None, values: npt.NDArray[np.float32]) -> Histogram:
    """Add the magnitudes of a tensor, whose values are finite, to its statistics."""
    flat = values.reshape(-1)
    top = max(float(flat.max()), -float(flat.min()))
    # A tensor that is zero so far has no limit that could be doubled.
    if before is None or before.limit == 0:
        seen = int(before.counts.sum()) if before else 0
        before = Histogram(np.zeros(BINS, np.int64), top, top)
        before.counts[0] = seen
    wide = before.widened(top)
    counts = wide.counts.copy()
    factor = np.float32(min(BINS / wide.limit, _HIGHEST_FACTOR) if wide.limit else 0)
    for part in np.split(flat, range(_CHUNK, len(flat), _CHUNK)):
        bins = (np.abs(part) * factor).astype(np.int32)
        counts += np.bincount(np.minimum(bins, BINS - 1), minlength=BINS)
    return Histogram(counts, wide.limit, wide.largest)


def largest(histogram: Histogram) -> float:
    """Take the largest magnitude that occurred: nothing is cut off."""
    return histogram.largest


def percentile(histogram: Histogram, share: float) -> float:
    """Take the magnitude below which `share` percent of all values lie."""
    total = histogram.counts.cumsum()
    index = int(np.searchsorted(total, share / 100 * total[-1]))
    return min(histogram.largest, (index + 1) * histogram.limit / BINS)


def entropy(histogram: Histogram) -> float:
    """
    Take the range whose 128 levels keep the most information (Migacz, GTC 2017).

    For every candidate range the distribution, its tail put into the last bin, is compared by
    Kullback-Leibler divergence with the one that 128 levels can tell apart.
    """
    counts = histogram.counts.astype(np.float64)
    # Behind a ReLU half of the values are zero, which every range represents exactly.
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
    there = p > 0
    # What the levels cannot express at all counts as very unlikely, not as impossible.
    return float((p[there] * np.log(p[there] / np.maximum(q[there], 1e-9))).sum())


# method -> the magnitude that becomes 127
METHODS: dict[str, Callable[[Histogram], float]] = {
    'max': largest,
    'percentile_99.9': lambda histogram: percentile(histogram, 99.9),
    'percentile_99.99': lambda histogram: percentile(histogram, 99.99),
    'entropy': entropy,
}
