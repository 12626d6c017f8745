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

"""A class table: names, colours, and what the ids of a data set's label files mean."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import yaml

from swiftnet_ros.errors import (
    FileMissingError,
    InvalidValueError,
    LabelIdError,
    UnknownNameError,
)
from swiftnet_ros.model_spec import SemanticClass

UNLABELED = 255
_SHIPPED = Path(__file__).parent / 'classes'
_KEYS = ('classes', 'ignored_source_ids', 'source_ids', 'terms')


@dataclass(frozen=True)
class ClassTable:
    """Classes in the order of their ids, and the ids that stand for them in label files.

    `source_ids[i]` is class i's id in the files; every id of `ignored_source_ids` means
    unlabeled; any other id but 255 is an error. `terms` are the data's terms of use.
    """

    classes: tuple[SemanticClass, ...]
    source_ids: tuple[int, ...]
    ignored_source_ids: tuple[int, ...] = ()
    terms: str = ''

    def to_class_ids(self, label: npt.NDArray[Any], name: object) -> npt.NDArray[np.uint8]:
        """Map a label file's ids [H, W] to class ids, 255 where unlabeled."""
        found = np.unique(label)
        known = {*self.source_ids, *self.ignored_source_ids, UNLABELED}
        unknown = [int(value) for value in found if int(value) not in known]
        if unknown:
            raise LabelIdError(name, unknown, len(self.classes))
        table = np.full(int(found.max(initial=0)) + 1, UNLABELED, np.uint8)
        for class_id, source in enumerate(self.source_ids):
            if source < len(table):
                table[source] = class_id
        return table[label]


def shipped_class_table(name: str) -> ClassTable:
    """Read the table of a known data set from the files beside this one."""
    return read_class_table(shipped_class_table_path(name))


def shipped_class_table_path(name: str) -> Path:
    """Give the file of a known data set's class table."""
    return _SHIPPED / f'{name}.yaml'


def read_class_table(path: Path) -> ClassTable:
    """Read a class table: `classes` (a list of name and rgb), then optional keys."""
    if not path.is_file():
        raise FileMissingError(path, 'class table')
    try:
        tree = yaml.safe_load(path.read_text())
        for key in tree:
            if key not in _KEYS:
                raise UnknownNameError(f'key in {path}', key, _KEYS)
        classes = tuple(
            SemanticClass(item['name'], tuple(item['rgb'])) for item in tree['classes']
        )
    except (yaml.YAMLError, KeyError, TypeError) as error:
        reason = ' '.join(str(error).split())
        raise InvalidValueError(
            str(path), reason, 'YAML with classes: [{name: road, rgb: [128, 64, 128]}, ...]'
        ) from error
    return ClassTable(
        classes,
        tuple(tree.get('source_ids') or range(len(classes))),
        tuple(tree.get('ignored_source_ids') or ()),
        tree.get('terms', ''),
    )
