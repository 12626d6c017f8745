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

"""The texture atlas: all named textures with their mipmaps in one image."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray
from training.warehouse_renderer import painters
from training.warehouse_renderer.geometry import FloatArray
from training.warehouse_renderer.painters import Planes, TEXTURE_SIZE

MIP_LEVELS = 6
MARGIN = 2


@dataclass(frozen=True)
class Texture:
    """A painter, its seed, and the texture's period in meters (0: stretched to the face)."""

    paint: Callable[[int], Planes]
    seed: int = 0
    period: float = 0.0


TEXTURES = {
    'concrete': Texture(painters.concrete, 1, 1.5),
    'concrete_2': Texture(painters.concrete, 2, 3.0),
    'tiles': Texture(painters.tiles, 3, 3.0),
    'corrugated': Texture(painters.corrugated, 4, 1.0),
    'masonry': Texture(painters.masonry, 5, 1.0),
    'panels': Texture(painters.panels, 6, 3.0),
    'banded': Texture(painters.banded, 7, 3.0),
    'steel': Texture(painters.steel, 8, 1.0),
    'slotted': Texture(painters.slotted, 9, 0.1),
    'mesh': Texture(painters.mesh, 10, 0.3),
    'wood': Texture(painters.wood, 11, 0.6),
    'slats': Texture(painters.slats, 12),
    'stringers': Texture(painters.stringers, 13),
    'carton_1': Texture(painters.carton, 14),
    'carton_2': Texture(painters.carton, 15),
    'carton_3': Texture(painters.carton, 16),
    'cartons_1': Texture(painters.cartons, 17),
    'cartons_2': Texture(painters.cartons, 18),
    'crate': Texture(painters.crate, 20),
    'roller': Texture(painters.roller, 21, 0.5),
    'leaf_1': Texture(painters.leaf, 22),
    'leaf_2': Texture(painters.leaf, 23),
    'opening': Texture(painters.opening, 24),
    'cloth': Texture(painters.cloth, 25),
    'vest': Texture(painters.vest, 26),
    'cuff': Texture(painters.cuff, 27),
    'ball': Texture(painters.ball, 28),
    'wheel': Texture(painters.wheel, 29),
    'bodywork': Texture(painters.bodywork, 30),
    'hazard': Texture(painters.hazard, 31, 0.6),
    'sign': Texture(painters.sign, 32),
    'lamp': Texture(painters.lamp),
}
INDEX = {name: i for i, name in enumerate(TEXTURES)}
PERIODS = np.array([texture.period for texture in TEXTURES.values()], np.float32)


@dataclass(frozen=True)
class Atlas:
    """All textures in one image [rows, columns, 2] uint8, and the origins of their mip levels."""

    planes: NDArray[np.uint8]
    left: FloatArray
    top: FloatArray


@lru_cache(maxsize=1)
def atlas() -> Atlas:
    """Return the atlas; level k of texture i is TEXTURE_SIZE >> k wide, at (top[i], left[k])."""
    sizes = np.array([TEXTURE_SIZE >> k for k in range(MIP_LEVELS)])
    left = np.concatenate([[0], np.cumsum(sizes + 2 * MARGIN)[:-1]]) + MARGIN
    rows = [_levels(texture) for texture in TEXTURES.values()]
    height = TEXTURE_SIZE + 2 * MARGIN
    top = np.arange(len(rows)) * height + MARGIN
    return Atlas(np.concatenate(rows), left.astype(np.float32), top.astype(np.float32))


def _levels(texture: Texture) -> NDArray[np.uint8]:
    """Return one texture's mip levels side by side, each with a margin that wraps around."""
    planes = np.stack(texture.paint(texture.seed), -1).astype(np.float32)
    cells = []
    for level in range(MIP_LEVELS):
        size = TEXTURE_SIZE >> level
        small = cv2.resize(planes, (size, size), interpolation=cv2.INTER_AREA)
        edge = ((MARGIN, MARGIN), (MARGIN, MARGIN), (0, 0))
        cell = np.pad(small, edge, mode='wrap')
        below = ((0, TEXTURE_SIZE - size), (0, 0), (0, 0))
        cells.append(np.pad(cell, below, mode='edge'))
    return (np.clip(np.concatenate(cells, 1), 0, 1) * 255 + 0.5).astype(np.uint8)
