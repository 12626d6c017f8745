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
"""How many pixels of each class every training picture has: counted once, kept with the run."""

from collections.abc import Sequence
from dataclasses import dataclass
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm
from training.config import Config
from training.datasets.base import ImageLabelDataset


@dataclass(frozen=True)
class ClassCounts:
    """`pixels` [pictures, classes]; `names` are the classes, `source` the data they are of."""

    names: Sequence[str]
    pixels: npt.NDArray[np.int64]
    source: dict[str, Any]

    def totals(self) -> npt.NDArray[np.int64]:
        """Give the pixels of each class."""
        return np.asarray(self.pixels.sum(0), np.int64)

    def shares(self) -> npt.NDArray[np.float64]:
        """Give each class's share of all labelled pixels."""
        return self.totals() / max(1, int(self.pixels.sum()))

    def save(self, path: Path, weights: Sequence[float] | None) -> None:
        """Write a JSON file, whole or not at all, with the weights that were made of it."""
        content = {
            'source': self.source,
            'share': dict(zip(self.names, self.shares().round(6).tolist(), strict=True)),
            'weight': weights and dict(zip(self.names, weights, strict=True)),
            'pixels': self.pixels.tolist(),
        }
        temporary = path.with_suffix('.partial')
        temporary.write_text(json.dumps(content) + '\n')
        os.replace(temporary, path)


def class_counts(config: Config, dataset: ImageLabelDataset, path: Path) -> ClassCounts:
    """Count the training labels, or read what was counted of the same data."""
    data = config.data
    source = {
        'dataset': data.dataset,
        'split': data.train_split,
        'options': {**data.options, **data.train_options},
        'pictures': len(dataset),
    }
    names = [item.name for item in dataset.table.classes]
    if path.exists():
        kept = json.loads(path.read_text())
        if kept['source'] == source and list(kept['share']) == names:
            return ClassCounts(names, np.array(kept['pixels'], np.int64), source)
    return ClassCounts(names, count_pixels(dataset), source)


def count_pixels(dataset: ImageLabelDataset) -> npt.NDArray[np.int64]:
    """Count the pixels of each class in the labels of every picture: [pictures, classes]."""
    classes = len(dataset.table.classes)
    pictures = tqdm(range(len(dataset)), 'count classes', disable=None)
    rows = [np.bincount(dataset[i].label.ravel(), minlength=classes)[:classes] for i in pictures]
    return np.array(rows, np.int64)
