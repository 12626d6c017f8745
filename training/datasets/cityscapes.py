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

"""Cityscapes (Cordts et al., CVPR 2016) in its official layout: leftImg8bit and gtFine."""

from pathlib import Path

from swiftnet_ros.core.image_listing import pair_files
from training.datasets.base import checked_split, FilePairs, required_root
from training.datasets.class_table import shipped_class_table


def cityscapes(root: Path | None, split: str, allow_unpaired: bool = False) -> FilePairs:
    """Open train, val or test; label ids become the 19 train ids, all others are unlabeled."""
    split = checked_split(split, ('train', 'val', 'test'))
    base = required_root(root, 'cityscapes')
    pairs = pair_files(
        base / 'leftImg8bit' / split,
        base / 'gtFine' / split,
        '_leftImg8bit.png',
        '_gtFine_labelIds.png',
        allow_unpaired=allow_unpaired,
    )
    return FilePairs(shipped_class_table('cityscapes'), pairs)
