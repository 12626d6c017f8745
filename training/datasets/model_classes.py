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

"""A dataset with the classes of a model: the same ones, or matched by name."""

from collections.abc import Sequence

from swiftnet_ros.errors import SwiftnetError
from swiftnet_ros.model_spec import SemanticClass
from training.datasets.base import ImageLabelDataset
from training.datasets.class_table import ClassTable
from training.datasets.mixture import NameMap


class ClassTableMismatchError(SwiftnetError):
    """A model and a dataset with different classes."""

    def __init__(self, model: Sequence[str], dataset: Sequence[str]) -> None:
        differing = sorted(set(model) ^ set(dataset)) or ['their order']
        super().__init__(
            f'the model has {len(model)} classes and the dataset {len(dataset)}; they differ '
            f'in {", ".join(differing)}; evaluate on the dataset that the model was trained for, '
            'or match the classes by name with --match-names'
        )


def with_model_classes(
    dataset: ImageLabelDataset, classes: Sequence[SemanticClass], names: NameMap | None = None
) -> ImageLabelDataset:
    """
    Return a dataset with a model's classes, matched by name unless `names` is None.

    Raise ClassTableMismatchError if they differ and are not matched.
    """
    if names is not None:
        table = ClassTable(tuple(classes), tuple(range(len(classes))))
        return names.apply(dataset, table)
    model, own = ([item.name for item in table] for table in (classes, dataset.table.classes))
    if model != own:
        raise ClassTableMismatchError(model, own)
    return dataset
