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

"""From the classes of a teacher and of boxes to those of the labels that are written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
from swiftnet_ros.core.labels import Logits
from swiftnet_ros.errors import InvalidValueError, UnknownNameError
from swiftnet_ros.model_spec import SemanticClass
from swiftnet_ros.system.paths import expand_path
from training.datasets.class_table import (
    ClassTable,
    read_class_table,
    shipped_class_table,
    shipped_class_table_path,
)
from training.schema.from_yaml import dataclass_from_tree, load_mapping

_SHIPPED = Path(__file__).parent / 'maps'


@dataclass(frozen=True)
class BoxClass:
    """
    A class of boxes: its name, the class of the pixels that it stands for, and how it fills boxes.

    `fill` is the fraction of a box's width and height, around its center, that the class fills
    whatever the network sees: 0 for shapes such as a forklift's, 0.8 for crates. Only boxes whose
    width is at least `aspect` times their height are filled: a pallet's seen from the front.
    """

    name: str
    label: str
    fill: float = 0.0
    aspect: float = 0.0


@dataclass(frozen=True)
class LabelMap:
    """
    How pseudo-labels are made of a network's classes and of boxes; a YAML file.

    `model_classes` is the class table of a network that has no names of its own, `classes` that of
    the labels, the network's without it: the path of a classes.yaml or the name of a shipped one.
    `remap` renames the network's classes; those that `classes` does not have are unlabeled.
    `boxes` are the classes of boxes in the order of their ids; `odds` is how much likelier a box
    makes its class, as a ratio of odds. Inside boxes the classes `over` are kept where the network
    is sure of them; classes `only_in_boxes` are unlabeled outside.
    """

    model_classes: str | None = None
    classes: str | None = None
    remap: Mapping[str, str] = field(default_factory=dict)
    boxes: list[BoxClass] = field(default_factory=list)
    odds: float = 8.0
    over: list[str] = field(default_factory=list)
    only_in_boxes: list[str] = field(default_factory=list)


def load_label_map(name_or_path: str) -> LabelMap:
    """Load a label map from a YAML file, or a shipped one by its name."""
    shipped = _SHIPPED / f'{name_or_path}.yaml'
    path = shipped if shipped.is_file() else Path(expand_path(name_or_path))
    label_map = dataclass_from_tree(LabelMap, load_mapping(path, 'label map'), f'{path}: ')
    for box in label_map.boxes:
        if not 0 <= box.fill <= 1:
            raise InvalidValueError(f'{path}: fill of {box.name}', box.fill, 'a fraction')
    if label_map.odds < 1:
        raise InvalidValueError(f'{path}: odds', label_map.odds, 'at least 1')
    return label_map


def class_table(name_or_path: str) -> ClassTable:
    """Return a class table by the name of a shipped one or by its path."""
    if shipped_class_table_path(name_or_path).is_file():
        return shipped_class_table(name_or_path)
    return read_class_table(Path(expand_path(name_or_path)))


def named_classes(label_map: LabelMap, path: Path) -> Sequence[SemanticClass]:
    """Return the classes that a label map names for a file without; raise if it names none."""
    if label_map.model_classes is None:
        expected = f'the class table of {path.name}, a name or a path'
        raise InvalidValueError('model_classes of the label map', None, expected)
    return class_table(label_map.model_classes).classes


@dataclass(frozen=True)
class BoxRules:
    """What a label map says of boxes: by box id its label and the rest, odds, ids of its lists."""

    labels: Sequence[int]
    classes: Sequence[BoxClass]
    odds: float
    over: Sequence[int]
    only_in_boxes: Sequence[int]


class ClassMatrix:
    """The map of a network's classes to those of the labels, resolved to ids."""

    def __init__(self, label_map: LabelMap, own: Sequence[SemanticClass]) -> None:
        """Resolve the names; raise UnknownNameError for one of no class."""
        table = label_map.classes
        self.classes = tuple(own) if table is None else class_table(table).classes
        self._ids = {item.name: number for number, item in enumerate(self.classes)}
        names = [item.name for item in own]
        for name, wanted in label_map.remap.items():
            if name not in names:
                raise UnknownNameError('class in remap of the label map', name, names)
            self._id(wanted, f'remap of {name}')
        self.matrix: npt.NDArray[np.float32] = np.zeros((len(self._ids), len(own)), np.float32)
        for number, name in enumerate(names):
            wanted = label_map.remap.get(name, name)
            if wanted in self._ids:
                self.matrix[self._ids[wanted], number] = 1
        if not self.matrix.any():
            expected = f'a remap of some to {", ".join(self._ids)}'
            raise InvalidValueError('classes of the model', ', '.join(names), expected)
        self.rules = BoxRules(
            labels=[self._id(box.label, f'box {box.name}') for box in label_map.boxes],
            classes=label_map.boxes,
            odds=label_map.odds,
            over=[self._id(name, 'over') for name in label_map.over],
            only_in_boxes=[self._id(name, 'only_in_boxes') for name in label_map.only_in_boxes],
        )

    def apply(self, probabilities: Logits) -> Logits:
        """Return probabilities [N, H, W] of the labels' classes; what is missing to 1 has none."""
        return np.asarray(np.tensordot(self.matrix, probabilities, 1), np.float32)

    def _id(self, name: str, key: str) -> int:
        if name not in self._ids:
            raise UnknownNameError(f'class in {key} of the label map', name, self._ids)
        return self._ids[name]
