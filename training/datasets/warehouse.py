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

"""Rendered warehouse scenes: no download, exact labels, the same image for the same seed."""

from dataclasses import dataclass
from pathlib import Path

import cv2
from swiftnet_ros.core.image_files import read_ids
from swiftnet_ros.errors import InvalidValueError
from swiftnet_ros.system.image_encoding import write_image
from training.datasets.base import checked_split, read_image, Sample
from training.datasets.class_table import ClassTable, shipped_class_table
from training.warehouse_renderer import render

# The first seed of each split.
FIRST_SEED = {'train': 0, 'val': 1_000_000, 'test': 2_000_000, 'demo': 3_000_000}
_FRAMES = {'train': 600, 'val': 100, 'test': 100, 'demo': 60}


@dataclass(frozen=True)
class RenderedScenes:
    """Scenes of consecutive seeds, cached as PNG files below `cache` if it is given."""

    table: ClassTable
    first_seed: int
    frames: int
    height: int
    width: int
    cache: Path | None = None

    def __len__(self) -> int:
        return self.frames

    def __getitem__(self, index: int) -> Sample:
        """Render a scene, or read it from the cache."""
        if not 0 <= index < self.frames:
            raise IndexError(index)
        seed = self.first_seed + index
        if self.cache is None:
            return self._render(seed)
        return self._cached(self.cache / f'{self.width}x{self.height}', seed)

    def _render(self, seed: int) -> Sample:
        rendered = render(seed, self.height, self.width)
        return Sample(rendered.image, rendered.label, f'{seed:07d}')

    def _cached(self, folder: Path, seed: int) -> Sample:
        image, label = folder / f'{seed:07d}.png', folder / f'{seed:07d}_label.png'
        if label.is_file():
            ids = self.table.to_class_ids(read_ids(label), label)
            return Sample(read_image(image), ids, image.stem)
        sample = self._render(seed)
        folder.mkdir(parents=True, exist_ok=True)
        write_image(image, cv2.cvtColor(sample.image, cv2.COLOR_RGB2BGR))
        write_image(label, sample.label)
        return sample


def warehouse(
    root: Path | None, split: str, frames: int | None = None, height: int = 576, width: int = 1024
) -> RenderedScenes:
    """Open a split; `root` is the folder in which rendered scenes are cached, or None."""
    checked_split(split, tuple(FIRST_SEED))
    count = _FRAMES[split] if frames is None else frames
    if not 0 < count <= 1_000_000:
        raise InvalidValueError('frames', count, 'a number from 1 to 1000000')
    for name, side in (('height', height), ('width', width)):
        if side < 1:
            raise InvalidValueError(name, side, 'a number of pixels')
    if root is not None and root.exists() and not root.is_dir():
        raise InvalidValueError('--root', str(root), 'a folder in which images can be cached')
    table = shipped_class_table('warehouse')
    return RenderedScenes(table, FIRST_SEED[split], count, height, width, root)
