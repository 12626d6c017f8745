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

"""CamVid (Brostow et al., 2009), the 480x360 split of 11 classes: SPLIT/images, SPLIT/labels."""

from pathlib import Path

from swiftnet_ros.core.image_listing import pair_files
from training.datasets.base import checked_split, chosen_pairs, FilePairs, required_root
from training.datasets.class_table import shipped_class_table


def camvid(
    root: Path | None,
    split: str,
    allow_unpaired: bool = False,
    only: list[str] | None = None,
    without: list[str] | None = None,
) -> FilePairs:
    """
    Open train, val or test; source id 11 (void) is unlabeled.

    `only` and `without` are patterns of names, such as `0001TP_*` for a drive.
    """
    folder = required_root(root, 'camvid') / checked_split(split, ('train', 'val', 'test'))
    pairs = pair_files(folder / 'images', folder / 'labels', allow_unpaired=allow_unpaired)
    kept = chosen_pairs(pairs, only or (), without or ())
    return FilePairs(shipped_class_table('camvid'), kept)
