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

"""Class statistics of a dataset: pixel counts, and the class weights of the loss from them."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from swiftnet_ros.core.label_coverage import coverage_warning, label_counts
from swiftnet_ros.errors import InvalidValueError, UnknownNameError, UnreadableFileError
from swiftnet_ros.system.files import write_json
from swiftnet_ros.system.json_reader import check_kinds, read_json_object
from swiftnet_ros.system.progress import progress
from swiftnet_ros.text import one_line
from training.datasets.base import files_sha256, ImageLabelDataset, read_label
from training.datasets.class_table import UNLABELED
from training.schema.config import ClassWeightsConfig, DataConfig, SamplingConfig

# Neighboring pixels are correlated: this many of them count as one sample.
_PIXELS_PER_SAMPLE = 16 * 16
# Bytes of the file of counts: a million images.
_MAX_BYTES = 1 << 28
# ENet adds it to a class's fraction before the logarithm.
_ENET_OFFSET = 1.02
# What to do with masks of 0 and 255.
WAY_OUT = 'list the ids of the classes in the class table (source_ids: [0, 255])'


@dataclass(frozen=True)
class ClassCounts:
    """
    `pixels` [images, classes] of the classes `names`; `source` describes the counted data.

    `unlabeled` [images] are the pixels without a class, None if they were not counted.
    """

    names: Sequence[str]
    pixels: npt.NDArray[np.int64]
    source: dict[str, Any]
    unlabeled: npt.NDArray[np.int64] | None = None

    def totals(self) -> npt.NDArray[np.int64]:
        """Return the number of pixels of each class."""
        return np.asarray(self.pixels.sum(0), np.int64)

    def fractions(self) -> npt.NDArray[np.float64]:
        """Return each class's fraction of all labeled pixels."""
        return self.totals() / max(1, int(self.pixels.sum()))

    def weighted(self, images: npt.NDArray[np.float64]) -> 'ClassCounts':
        """Return the counts with the pixels of each image times its weight."""
        pixels = np.asarray((self.pixels * images[:, None]).round(), np.int64)
        return replace(self, pixels=pixels)

    def warning(self) -> str | None:
        """Return a warning if the labels lack a class or look like masks of 0 and 255."""
        if self.unlabeled is None:
            return None
        counts = np.column_stack([self.pixels, self.unlabeled])
        return coverage_warning(self.names, counts, 'the training labels', WAY_OUT)

    def save(self, path: Path, weights: Sequence[float] | None) -> None:
        """Write counts, fractions and the class weights computed from them as JSON."""
        content = {
            'source': self.source,
            'share': dict(zip(self.names, self.fractions().round(6).tolist(), strict=True)),
            'weight': weights and dict(zip(self.names, weights, strict=True)),
            'pixels': self.pixels.tolist(),
            'unlabeled': None if self.unlabeled is None else self.unlabeled.tolist(),
        }
        write_json(path, content)


def load_or_count_classes(data: DataConfig, dataset: ImageLabelDataset, path: Path) -> ClassCounts:
    """Return the class counts of the training labels, loaded if the file is of the same data."""
    source: dict[str, Any] = {
        'dataset': data.dataset,
        'split': data.train_split,
        'options': {**data.options, **data.train_options},
        'pictures': len(dataset),
        'files_sha256': files_sha256(dataset),
    }
    if data.sources:
        source['sources'] = [asdict(item) for item in data.sources]
    names = [item.name for item in dataset.table.classes]
    if path.exists():
        stored = read_json_object(path, 'class counts', _MAX_BYTES)
        check_kinds(stored, {'source': dict, 'share': dict, 'pixels': list}, str(path))
        if stored['source'] == source and list(stored['share']) == names:
            pixels = _counts(stored['pixels'], (len(dataset), len(names)), path)
            unlabeled = _counts(stored.get('unlabeled'), (len(dataset),), path)
            return ClassCounts(names, pixels, source, unlabeled)
    counts = count_pixels(dataset)
    return ClassCounts(names, counts[:, :-1], source, counts[:, -1])


def _counts(rows: Any, shape: tuple[int, ...], path: Path) -> npt.NDArray[np.int64]:
    """Return stored counts of a shape; raise UnreadableFileError for anything else."""
    remedy = 'delete it, and the labels are counted again'
    try:
        counts = np.array(rows, np.int64)
    except (ValueError, TypeError, OverflowError) as error:
        raise UnreadableFileError(path, 'class counts', f'{one_line(error)}; {remedy}') from error
    if counts.shape != shape or (counts < 0).any():
        reason = f'its pixels are no counts of shape {list(shape)} (images, classes); {remedy}'
        raise UnreadableFileError(path, 'class counts', reason)
    return counts


def count_pixels(dataset: ImageLabelDataset) -> npt.NDArray[np.int64]:
    """Return the pixels of each class and, last, of none in each label: [images, classes + 1]."""
    classes = len(dataset.table.classes)

    def count(index: int) -> npt.NDArray[np.int64]:
        return label_counts(read_label(dataset, index), classes, UNLABELED)

    # Decoding takes most of the time, and needs no lock.
    with ThreadPoolExecutor() as pool:
        rows = pool.map(count, range(len(dataset)))
        return np.array(list(progress(rows, 'count classes', len(dataset))), np.int64)


def median_frequency(counts: ClassCounts, beta: float) -> npt.NDArray[np.float64]:
    """
    Return the median frequency over each class's own (Eigen and Fergus, ICCV 2015).

    The frequency of a class is its fraction of the pixels of those images that show it.
    """
    labeled = counts.pixels.sum(1)
    around = np.array([labeled[shown].sum() for shown in (counts.pixels > 0).T])
    frequency = counts.totals() / np.maximum(around, 1)
    return np.asarray(np.median(frequency[frequency > 0]) / np.maximum(frequency, 1e-12))


def effective_number(counts: ClassCounts, beta: float) -> npt.NDArray[np.float64]:
    """Return (1 - beta) / (1 - beta^n), n in patches of 16x16 pixels (Cui et al., CVPR 2019)."""
    samples = np.maximum(counts.totals() / _PIXELS_PER_SAMPLE, 1)
    return np.asarray((1 - beta) / (1 - beta**samples))


def inverse_log(counts: ClassCounts, beta: float) -> npt.NDArray[np.float64]:
    """Return 1 / log(1.02 + fraction) (ENet, Paszke et al., 2016)."""
    return np.asarray(1 / np.log(_ENET_OFFSET + counts.fractions()))


SCHEMES: dict[str, Callable[[ClassCounts, float], npt.NDArray[np.float64]]] = {
    'effective_number': effective_number,
    'inverse_log': inverse_log,
    'median_frequency': median_frequency,
}


def needs_counts(weights: ClassWeightsConfig, sampling: SamplingConfig) -> bool:
    """Return whether a run needs class counts; raise UnknownNameError for an unknown scheme."""
    scheme = weights.scheme
    if scheme != 'none' and scheme not in SCHEMES:
        raise UnknownNameError('value of class_weights.scheme', scheme, ('none', *SCHEMES))
    return scheme != 'none' or sampling.fraction > 0


def class_weights(config: ClassWeightsConfig, counts: ClassCounts | None) -> list[float] | None:
    """
    Return the weight of each class, or None for scheme none.

    The mean weight over all labeled pixels is 1, so that a loss keeps its magnitude. A class
    without pixels has weight 1.
    """
    if config.scheme == 'none':
        return None
    assert counts is not None
    found = counts.totals() > 0
    if not found.any():
        raise InvalidValueError('the training labels', 'all unlabeled', 'some pixels of a class')
    raw = SCHEMES[config.scheme](counts, config.beta)
    relative = np.clip(raw / np.median(raw[found]), 1 / config.limit, config.limit)
    scaled = relative / float((relative * counts.fractions()).sum())
    return [round(float(w), 6) if seen else 1.0 for w, seen in zip(scaled, found, strict=True)]
