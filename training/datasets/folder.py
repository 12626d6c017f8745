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

"""A user's own data: SPLIT/images, SPLIT/labels and classes.yaml in one folder."""

from pathlib import Path

from swiftnet_ros.core.image_listing import pair_files
from swiftnet_ros.system.paths import expand_path
from training.datasets.base import chosen_pairs, FilePairs, required_root
from training.datasets.class_table import read_class_table


def folder(
    root: Path | None,
    split: str,
    classes: str | None = None,
    allow_unpaired: bool = False,
    only: list[str] | None = None,
    without: list[str] | None = None,
) -> FilePairs:
    """
    Open any split that has a folder; `classes` is the path of another class table.

    `only` and `without` are patterns of names, to leave out a building or a drive.
    """
    base = required_root(root, 'folder')
    table = read_class_table(Path(expand_path(classes)) if classes else base / 'classes.yaml')
    images, labels = base / split / 'images', base / split / 'labels'
    pairs = pair_files(images, labels, allow_unpaired=allow_unpaired)
    return FilePairs(table, chosen_pairs(pairs, only or (), without or ()))
