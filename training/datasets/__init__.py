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

"""The datasets by name: each has a module and a line in DATASETS."""

from collections.abc import Callable
import inspect
from pathlib import Path
from typing import Any

from swiftnet_ros.errors import UnknownNameError
from training.datasets.ade20k import ade20k
from training.datasets.base import ImageLabelDataset
from training.datasets.camvid import camvid
from training.datasets.cityscapes import cityscapes
from training.datasets.coco import coco
from training.datasets.cvat import cvat
from training.datasets.folder import folder
from training.datasets.labelme import labelme
from training.datasets.warehouse import warehouse
from training.schema.from_yaml import checked_options

# An option of the datasets whose images and labels are files.
ALLOW_UNPAIRED = 'allow_unpaired'
# (root folder or None, split, options of the configuration) -> dataset
DATASETS: dict[str, Callable[..., ImageLabelDataset]] = {
    'ade20k': ade20k,
    'camvid': camvid,
    'cityscapes': cityscapes,
    'coco': coco,
    'cvat': cvat,
    'folder': folder,
    'labelme': labelme,
    'warehouse': warehouse,
}


def open_dataset(
    name: str, root: Path | None, split: str, options: dict[str, Any] | None = None
) -> ImageLabelDataset:
    """Open one split of a dataset; images and labels are loaded when it is indexed."""
    if name not in DATASETS:
        raise UnknownNameError('dataset', name, DATASETS)
    chosen = checked_options(f'dataset {name}', DATASETS[name], 2, options or {})
    return DATASETS[name](root, split, **chosen)


def allowing_unpaired(name: str, options: dict[str, Any]) -> dict[str, Any]:
    """Return the options with `allow_unpaired`, if they are those of a dataset of files."""
    known = inspect.signature(DATASETS[name]).parameters if name in DATASETS else ()
    return {**options, ALLOW_UNPAIRED: True} if ALLOW_UNPAIRED in known else options
