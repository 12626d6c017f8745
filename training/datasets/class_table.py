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

"""A class table: names, colors, and the meaning of the ids in a dataset's label files."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from swiftnet_ros.errors import (
    InvalidValueError,
    LabelIdError,
    SwiftnetError,
    UnknownNameError,
    UnreadableFileError,
)
from swiftnet_ros.model_spec import SemanticClass
from swiftnet_ros.model_spec.spec import classes_from_tree, is_integer, is_license, is_terms
from training.schema.from_yaml import load_mapping

UNLABELED = 255
_FIRST_EXCLUDED = UNLABELED - 1
_SHIPPED = Path(__file__).parent / 'classes'
_KEYS = ('classes', 'ignored_source_ids', 'license', 'source_ids', 'terms')
# How many of a label file's unknown ids an error names.
_MAX_NAMED_IDS = 8


@dataclass(frozen=True)
class ClassTable:
    """
    The classes in the order of their ids, and the ids that label files use for them.

    `source_ids[i]` is class i's id in the files; `ignored_source_ids` and 255 are unlabeled; any
    other id is an error. `license` and `terms` are those of the dataset, and so of weights that
    are trained on it: SPDX identifiers, and a sentence; each is empty if it is not stated.
    """

    classes: tuple[SemanticClass, ...]
    source_ids: tuple[int, ...]
    ignored_source_ids: tuple[int, ...] = ()
    license: str = ''  # noqa: A003
    terms: str = ''

    def to_class_ids(self, label: npt.NDArray[Any], name: object) -> npt.NDArray[np.uint8]:
        """Return the class ids of a label file's ids [H, W], 255 where unlabeled."""
        found = np.unique(label)
        known = {*self.source_ids, *self.ignored_source_ids, UNLABELED}
        unknown = [int(value) for value in found if int(value) not in known]
        if unknown:
            raise LabelIdError(name, unknown[:_MAX_NAMED_IDS], len(self.classes))
        table = np.full(max(known) + 1, UNLABELED, np.uint8)
        table[list(self.source_ids)] = np.arange(len(self.classes))
        return np.asarray(table[label], np.uint8)


def excluded_id(class_id: int, classes: int) -> int:
    """
    Return the label id of pixels that are known not to show a class, and nothing else.

    Such ids count down from 254; they are no class's, and metrics and statistics skip them.
    Raise InvalidValueError if there are too many classes for them.
    """
    result = _FIRST_EXCLUDED - class_id
    if result < classes:
        raise InvalidValueError('exclude', f'class {class_id} of {classes}', 'at most 127 classes')
    return result


def excluded_class(label_id: Any) -> Any:
    """Return the class that pixels of an id, or of several, are known not to show."""
    return _FIRST_EXCLUDED - label_id


def shipped_class_table(name: str) -> ClassTable:
    """Load the class table of a dataset that is part of this package."""
    return read_class_table(shipped_class_table_path(name))


def shipped_class_table_path(name: str) -> Path:
    """Return the path of a dataset's class table; it may not exist."""
    return _SHIPPED / f'{name}.yaml'


def read_class_table(path: Path) -> ClassTable:
    """Load a class table from YAML: `classes`, a list of name and rgb, and optional keys."""
    tree = load_mapping(path, 'class table')
    if 'classes' not in tree:
        raise InvalidValueError(f'classes in {path}', 'missing', 'a list of {name, rgb}')
    for key in tree:
        if key not in _KEYS:
            raise UnknownNameError(f'key in {path}', key, _KEYS)
    try:
        classes = classes_from_tree(tree['classes'])
    except SwiftnetError as error:
        raise UnreadableFileError(path, 'class table', error) from error
    names = [item.name for item in classes]
    if not 1 <= len(set(names)) == len(names) <= UNLABELED:
        raise InvalidValueError(f'classes in {path}', names, 'up to 255 different names')
    source = _ids(tree.get('source_ids', list(range(len(classes)))), len(classes), path)
    ignored = _ids(tree.get('ignored_source_ids', []), None, path)
    if set(source) & set(ignored):
        raise InvalidValueError(f'ignored_source_ids in {path}', list(ignored), 'ids of no class')
    return ClassTable(classes, source, ignored, *_terms(tree, path))


def _terms(tree: dict[str, Any], path: Path) -> tuple[str, str]:
    """Return license and terms of a class table, each empty if it is not there."""
    license_ids, terms = tree.get('license', ''), tree.get('terms', '')
    if not is_license(license_ids):
        raise InvalidValueError(f'license in {path}', license_ids, 'SPDX identifiers')
    if not is_terms(terms):
        raise InvalidValueError(f'terms in {path}', terms, 'a line of up to 500 characters')
    return license_ids, terms


def _ids(values: Any, count: int | None, path: Path) -> tuple[int, ...]:
    """Return ids of label files; raise unless they are different, and `count` if that is given."""
    whole = isinstance(values, list) and all(is_integer(value) for value in values)
    expected = len(values) if whole and count is None else count
    if not whole or not len(set(values)) == len(values) == expected:
        what = f'{"a list of" if count is None else count} different whole numbers'
        raise InvalidValueError(f'ids in {path}', values, what)
    return tuple(values)
