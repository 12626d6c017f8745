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

"""What a run learns from: its class table, its files and its initial weights, to compare later."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from swiftnet_ros.model_spec import SemanticClass
from swiftnet_ros.system.files import write_json
from swiftnet_ros.system.json_reader import read_json_object
from training.datasets.base import files_sha256, ImageLabelDataset, names_sha256
from training.run.checkpoint import Checkpoint, load_checkpoint, weights_sha256


@dataclass(frozen=True)
class Origin:
    """
    What a run learns from; stored in its folder as origin.json.

    `names_sha256` is of the names of images and labels in their order, `files_sha256` of their
    sizes in bytes too, both without the folder of the data, which may move. `initial_sha256` is of
    the weights of --init, None without.
    """

    classes: list[dict[str, Any]]
    source_ids: list[int]
    ignored_source_ids: list[int]
    images: int
    names_sha256: str
    files_sha256: str
    initial_sha256: str | None

    @classmethod
    def of(cls, dataset: ImageLabelDataset, initial: Path | None) -> 'Origin':
        """Return the origin of a run on a dataset; the initial weights must exist."""
        table = dataset.table
        return cls(
            classes=_plain(table.classes),
            source_ids=list(table.source_ids),
            ignored_source_ids=list(table.ignored_source_ids),
            images=len(dataset),
            names_sha256=names_sha256(dataset),
            files_sha256=files_sha256(dataset),
            initial_sha256=None if initial is None else weights_sha256(load_checkpoint(initial)),
        )

    def save(self, path: Path) -> None:
        """Write origin.json."""
        write_json(path, asdict(self))

    def difference(self, path: Path, checkpoint: Checkpoint, is_finished: bool) -> str | None:
        """
        Return how this origin differs from that of an older run, None if it does not.

        `path` is the run's origin.json, `checkpoint` its newest one, which knows the classes of a
        run of an earlier version. While a run is not finished, single files may be corrected.
        """
        now = asdict(self)
        before = read_json_object(path, 'origin of a run') if path.exists() else {}
        before['classes'] = _plain(checkpoint.classes)
        before['ignored_source_ids'] = list(checkpoint.ignored_source_ids)
        if before['classes'] != now['classes']:
            return class_difference(before['classes'], now['classes'])
        for key, what in _COMPARED.items():
            is_same = before.get(key, now[key]) == now[key]
            if not is_same and (is_finished or key != 'files_sha256'):
                numbers = isinstance(now[key], (list, int))
                return what + (f' {before[key]}, now {now[key]}' if numbers else '')
        if self.initial_sha256 not in (None, before.get('initial_sha256', self.initial_sha256)):
            return 'it started from other weights than those of --init'
        return None


# key -> how a difference is described; numbers are added
_COMPARED = {
    'source_ids': 'the ids of its classes in label files (source_ids) were',
    'ignored_source_ids': 'its ignored_source_ids were',
    'images': 'its number of training images was',
    'names_sha256': 'its training images had other names',
    'files_sha256': 'its training images or labels have changed since',
}


def class_difference(before: Sequence[dict[str, Any]], now: Sequence[dict[str, Any]]) -> str:
    """Return in words the first difference of two class tables."""
    if len(before) != len(now):
        return f'its class table had {len(before)} classes and now has {len(now)}'
    index, old, new = next((i, a, b) for i, (a, b) in enumerate(zip(before, now)) if a != b)
    key = 'name' if old['name'] != new['name'] else 'rgb'
    return f'class {index} of its class table had {key} {old[key]} and now has {new[key]}'


def _plain(classes: Iterable[SemanticClass]) -> list[dict[str, Any]]:
    return [{'name': item.name, 'rgb': list(item.rgb)} for item in classes]
