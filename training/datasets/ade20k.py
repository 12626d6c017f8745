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

"""ADE20K scene parsing (Zhou et al., CVPR 2017) in its official layout: images, annotations."""

from pathlib import Path

from swiftnet_ros.core.image_listing import pair_files
from training.datasets.base import checked_split, FilePairs, required_root
from training.datasets.class_table import shipped_class_table

_FOLDERS = {'train': 'training', 'val': 'validation'}


def ade20k(root: Path | None, split: str, allow_unpaired: bool = False) -> FilePairs:
    """Open train or val; source id 0 is unlabeled, 1 to 150 become 0 to 149."""
    folder = _FOLDERS[checked_split(split, tuple(_FOLDERS))]
    base = required_root(root, 'ade20k')
    pairs = pair_files(
        base / 'images' / folder, base / 'annotations' / folder, allow_unpaired=allow_unpaired
    )
    return FilePairs(shipped_class_table('ade20k'), pairs)
