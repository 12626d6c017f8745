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
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from swiftnet_ros.errors import InvalidValueError, UnknownNameError
from swiftnet_ros.system.paths import expand_path
from swiftnet_ros.system.process import print_warning
from swiftnet_ros.text import safe_text
from training.datasets import allowing_unpaired, open_dataset
from training.datasets.annotations import unlisted_names
from training.datasets.base import ImageLabelDataset, read_label, Sample
from training.datasets.class_table import (
    ClassTable,
    excluded_id,
    read_class_table,
    shipped_class_table,
    shipped_class_table_path,
    UNLABELED,
)
from training.schema.config import DataConfig, SourceConfig

# The datasets whose folders have names of their own.
_OWN_DATA = ('coco', 'cvat', 'folder', 'labelme')


class SourcePart(NamedTuple):
    """Consecutive images of a dataset, and their expected fraction of the crops by weight."""

    images: int
    weight: float


@dataclass(frozen=True)
class NameMap:
    """
    How the classes of a dataset become those of another class table: by name.

    `remap` maps names of the dataset's classes to the other table's; classes of other names are
    unlabeled. `exclude` maps names to a class that pixels are known not to show.
    """

    remap: Mapping[str, str] = field(default_factory=dict)
    exclude: Mapping[str, str] = field(default_factory=dict)

    def apply(
        self, dataset: ImageLabelDataset, table: ClassTable, key: str = 'the dataset'
    ) -> 'MappedDataset':
        """Return the dataset with a table's ids; raise for unknown names and if none is common."""
        own_ids = {item.name: number for number, item in enumerate(dataset.table.classes)}
        ids_of = {item.name: number for number, item in enumerate(table.classes)}
        for option in ('remap', 'exclude'):
            for name, wanted in getattr(self, option).items():
                if name not in own_ids:
                    raise UnknownNameError(f'class in {option} of {key}', name, own_ids)
                if wanted not in ids_of:
                    raise UnknownNameError(f'class of {name} in {option} of {key}', wanted, ids_of)
        ids = np.full(256, UNLABELED, np.uint8)
        for name, number in own_ids.items():
            wanted = self.remap.get(name, name)
            if name in self.exclude:
                ids[number] = excluded_id(ids_of[self.exclude[name]], len(ids_of))
            elif wanted in ids_of:
                ids[number] = ids_of[wanted]
        unlisted = [
            name
            for name, number in own_ids.items()
            if ids[number] == UNLABELED and name not in self.remap
        ]
        counts = getattr(dataset, 'counts', {})
        names = unlisted_names({name: counts.get(name) for name in unlisted})
        if names:
            print_warning(f'{key}: classes that the model does not have are unlabeled: {names}')
        if (ids == UNLABELED).all():
            expected = f'a remap of some to {", ".join(ids_of)}'
            raise InvalidValueError(f'classes of {key}', ', '.join(own_ids), expected)
        return MappedDataset(dataset, table, ids)


@dataclass(frozen=True)
class MappedDataset:
    """A dataset with the class ids of another class table; `ids` [256] maps its own to them."""

    dataset: ImageLabelDataset
    table: ClassTable
    ids: npt.NDArray[np.uint8]

    @property
    def labeled_ids(self) -> frozenset[int]:
        """Return the ids of the other table that labels can have; the rest is never labeled."""
        own = self.ids[: len(self.dataset.table.classes)]
        return frozenset(own.tolist()) & frozenset(range(len(self.table.classes)))

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Sample:
        """Load one image with its label in the other ids."""
        sample = self.dataset[index]
        return Sample(sample.image, self.ids[sample.label], sample.name)

    def read_label(self, index: int) -> npt.NDArray[np.uint8]:
        """Load the label of one image in the other ids."""
        return self.ids[read_label(self.dataset, index)]


@dataclass(frozen=True)
class ConcatenatedDatasets:
    """Several datasets of one class table, one after the other."""

    table: ClassTable
    datasets: Sequence[ImageLabelDataset]

    def __len__(self) -> int:
        return sum(map(len, self.datasets))

    def __getitem__(self, index: int) -> Sample:
        """Load one image with its label."""
        dataset, within = self._locate(index)
        return dataset[within]

    def read_label(self, index: int) -> npt.NDArray[np.uint8]:
        """Load the label of one image."""
        return read_label(*self._locate(index))

    def _locate(self, index: int) -> tuple[ImageLabelDataset, int]:
        """Return the dataset that has an image, and its index there."""
        if not 0 <= index < len(self):
            raise IndexError(index)
        ends = list(accumulate(map(len, self.datasets)))
        number = bisect_right(ends, index)
        start = ends[number - 1] if number else 0
        return self.datasets[number], index - start


def open_training_data(
    config: DataConfig, root: Path | None
) -> tuple[ImageLabelDataset, tuple[SourcePart, ...]]:
    """Open the training images and return them with the parts that crops are drawn from."""
    if config.sources:
        return _mixed(config, config.sources, 'sources', root)
    options = {**config.options, **config.train_options}
    dataset = open_dataset(config.dataset, root, config.train_split, options)
    return dataset, (SourcePart(len(dataset), 1.0),)


def open_validation_data(config: DataConfig, root: Path | None) -> ImageLabelDataset:
    """Open the validation images; with sources but no validation sources there are none."""
    if config.sources:
        return _mixed(config, config.val_sources, 'val_sources', root)[0]
    return open_dataset(config.dataset, root, config.val_split, config.options)


def with_unpaired(config: DataConfig) -> DataConfig:
    """Return the configuration with the option `allow_unpaired` of every dataset of files."""
    sources, val_sources = (
        [replace(item, options=allowing_unpaired(item.dataset, item.options)) for item in given]
        for given in (config.sources, config.val_sources)
    )
    options = allowing_unpaired(config.dataset, config.options)
    return replace(config, options=options, sources=sources, val_sources=val_sources)


def class_table_of(config: DataConfig, root: Path | None) -> ClassTable:
    """Return the class table of a configuration with sources."""
    if config.classes is None:
        return _open(config.sources[0], root).table
    if shipped_class_table_path(config.classes).is_file():
        return shipped_class_table(config.classes)
    return read_class_table(Path(expand_path(config.classes)))


def description(config: DataConfig) -> str:
    """Return the names of the training data, on one line that a model specification may hold."""
    if not config.sources:
        return config.dataset
    return _joined(map(source_name, config.sources))


def validation_description(config: DataConfig) -> tuple[str, str]:
    """Return the names of the validation data and of their splits, each on one line."""
    if not config.sources:
        return config.dataset, config.val_split
    splits = (source.split for source in config.val_sources)
    return _joined(map(source_name, config.val_sources)), _joined(splits)


def _joined(names: Iterable[str]) -> str:
    """Return the different names on one line."""
    return safe_text(', '.join(dict.fromkeys(names)))


def source_name(source: SourceConfig) -> str:
    """Return the name of a dataset, for a user's own data that of its folder."""
    is_own = source.dataset in _OWN_DATA and source.root is not None
    return Path(source.root or '').name if is_own else source.dataset


def _mixed(
    config: DataConfig, sources: Sequence[SourceConfig], key: str, root: Path | None
) -> tuple[ConcatenatedDatasets, tuple[SourcePart, ...]]:
    table = class_table_of(config, root)
    datasets: list[ImageLabelDataset] = []
    for number, source in enumerate(sources):
        names = NameMap(source.remap, source.exclude)
        datasets.append(names.apply(_open(source, root), table, f'data.{key}.{number}'))
    parts = tuple(SourcePart(len(d), s.weight) for d, s in zip(datasets, sources, strict=True))
    return ConcatenatedDatasets(table, datasets), parts


def _open(source: SourceConfig, root: Path | None) -> ImageLabelDataset:
    own = root if source.root is None else Path(expand_path(source.root))
    return open_dataset(source.dataset, own, source.split, source.options)
