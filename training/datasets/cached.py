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
"""A data set whose decoded pictures stay in memory, for sets that fit there."""

from dataclasses import dataclass, field

from tqdm import tqdm
from training.datasets.base import ImageLabelDataset, Sample
from training.datasets.class_table import ClassTable


@dataclass(frozen=True)
class CachedPictures:
    """Reads every picture once; the arrays that it gives are shared and must not be changed."""

    source: ImageLabelDataset
    kept: dict[int, Sample] = field(default_factory=dict)

    @property
    def table(self) -> ClassTable:
        """Give the classes and what stands for them in the label files."""
        return self.source.table

    def fill(self) -> 'CachedPictures':
        """Read everything now: processes that are forked afterwards share the memory."""
        for index in tqdm(range(len(self)), 'read pictures', disable=None):
            self[index]
        return self

    def __len__(self) -> int:
        """Count the pictures."""
        return len(self.source)

    def __getitem__(self, index: int) -> Sample:
        """Give one picture with its label."""
        if index not in self.kept:
            self.kept[index] = self.source[index]
        return self.kept[index]
