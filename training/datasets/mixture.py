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

"""The training and validation data of a configuration: one dataset, or several mixed by weight."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from swiftnet_ros.errors import InvalidValueError, UnknownNameError
from swiftnet_ros.system.paths import expand_path
from training.datasets import open_dataset
from training.datasets.base import ImageLabelDataset, Sample
from training.datasets.class_table import (
    ClassTable,
    excluded_id,
    read_class_table,
    shipped_class_table,
    shipped_class_table_path,
    UNLABELED,
)
from training.schema.config import DataConfig, SourceConfig


class Part(NamedTuple):
    """Consecutive images of a dataset, and their expected fraction of the crops by weight."""

    images: int
    weight: float


@dataclass(frozen=True)
class MappedDataset:
    """A dataset with the class ids of another class table; `ids` [256] maps its own to them."""

    dataset: ImageLabelDataset
    table: ClassTable
    ids: npt.NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Sample:
        """Load one image with its label in the other ids."""
        sample = self.dataset[index]
        return Sample(sample.image, self.ids[sample.label], sample.name)


@dataclass(frozen=True)
class ConcatenatedDatasets:
    """Several datasets of one class table, one after the other."""

    table: ClassTable
    datasets: Sequence[ImageLabelDataset]

    def __len__(self) -> int:
        return sum(map(len, self.datasets))

    def __getitem__(self, index: int) -> Sample:
        """Load one image with its label."""
        if not 0 <= index < len(self):
            raise IndexError(index)
        ends = list(accumulate(map(len, self.datasets)))
        number = bisect_right(ends, index)
        start = ends[number - 1] if number else 0
        return self.datasets[number][index - start]


def open_training_data(
    config: DataConfig, root: Path | None
) -> tuple[ImageLabelDataset, tuple[Part, ...]]:
    """Open the training images and return them with the parts that crops are drawn from."""
    if config.sources:
        return _mixed(config, config.sources, 'sources', root)
    options = {**config.options, **config.train_options}
    dataset = open_dataset(config.dataset, root, config.train_split, options)
    return dataset, (Part(len(dataset), 1.0),)


def open_validation_data(config: DataConfig, root: Path | None) -> ImageLabelDataset:
    """Open the validation images; with sources but no validation sources there are none."""
    if config.sources:
        return _mixed(config, config.val_sources, 'val_sources', root)[0]
    return open_dataset(config.dataset, root, config.val_split, config.options)


def class_table_of(config: DataConfig, root: Path | None) -> ClassTable:
    """Return the class table of a configuration with sources."""
    if config.classes is None:
        return _open(config.sources[0], root).table
    if shipped_class_table_path(config.classes).is_file():
        return shipped_class_table(config.classes)
    return read_class_table(Path(expand_path(config.classes)))


def description(config: DataConfig) -> str:
    """Return the names of the training data, in one line."""
    if not config.sources:
        return config.dataset
    names = [
        Path(source.root).name if source.dataset == 'folder' and source.root else source.dataset
        for source in config.sources
    ]
    return ', '.join(dict.fromkeys(names))


def _mixed(
    config: DataConfig, sources: Sequence[SourceConfig], key: str, root: Path | None
) -> tuple[ConcatenatedDatasets, tuple[Part, ...]]:
    table = class_table_of(config, root)
    datasets: list[ImageLabelDataset] = []
    for number, source in enumerate(sources):
        opened = _open(source, root)
        ids = _class_ids(source, f'data.{key}.{number}', opened.table, table)
        datasets.append(MappedDataset(opened, table, ids))
    parts = tuple(Part(len(d), s.weight) for d, s in zip(datasets, sources, strict=True))
    return ConcatenatedDatasets(table, datasets), parts


def _open(source: SourceConfig, root: Path | None) -> ImageLabelDataset:
    own = root if source.root is None else Path(expand_path(source.root))
    return open_dataset(source.dataset, own, source.split, source.options)


def _class_ids(
    source: SourceConfig, key: str, own: ClassTable, target: ClassTable
) -> npt.NDArray[np.uint8]:
    """Return the target's class id, or that of an excluded class, for every id of a source."""
    own_ids = {item.name: number for number, item in enumerate(own.classes)}
    target_ids = {item.name: number for number, item in enumerate(target.classes)}
    for option in ('remap', 'exclude'):
        for name, wanted in getattr(source, option).items():
            if name not in own_ids:
                raise UnknownNameError(f'class in {key}.{option}', name, own_ids)
            if wanted not in target_ids:
                raise UnknownNameError(f'class of {name} in {key}.{option}', wanted, target_ids)
    ids = np.full(256, UNLABELED, np.uint8)
    for name, number in own_ids.items():
        wanted = source.remap.get(name, name)
        if name in source.exclude:
            ids[number] = excluded_id(target_ids[source.exclude[name]], len(target_ids))
        elif wanted in target_ids:
            ids[number] = target_ids[wanted]
    if (ids == UNLABELED).all():
        known = ', '.join(own_ids), ', '.join(target_ids)
        expected = f'a remap of some of its classes {known[0]} to {known[1]}'
        raise InvalidValueError(key, source.dataset, expected)
    return ids
