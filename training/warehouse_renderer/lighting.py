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

"""The lighting of a scene: light maps over the hall's ground and a factor per face."""

from dataclasses import dataclass
from random import Random

import cv2
import numpy as np
from training.warehouse_renderer.faces import block_corners, Faces
from training.warehouse_renderer.geometry import FloatArray
from training.warehouse_renderer.layout import Scene
from training.warehouse_renderer.parts import Block, Hull

MAP_SIZE = 320


@dataclass(frozen=True)
class Light:
    """
    Two light maps, one below the other [2 MAP_SIZE, MAP_SIZE]: in the air and on the floor.

    `scale` and `shift` map world (x, y) to columns and rows; `factor` [F] is per face.
    """

    maps: FloatArray
    scale: FloatArray
    shift: FloatArray
    factor: FloatArray


def illuminate(rng: Random, scene: Scene, faces: Faces) -> Light:
    """Return the light of the lamps, with shadows under objects and reflections in the floor."""
    hall = scene.hall
    low = np.array([hall.left, hall.back], np.float32)
    high = np.array([hall.right, hall.front], np.float32)
    scale = np.float32(MAP_SIZE - 1) / (high - low)
    shift = -low * scale
    lamps = np.array(scene.lamps, np.float32)
    power = np.array([rng.choice((0.2, 1, 1, 1)) for _ in lamps], np.float32)
    pools = _spots(lamps * scale + shift, power, scale * np.float32(rng.uniform(1.2, 2.0)))
    depth = rng.uniform(0.15, 0.5)
    air = 1 - depth + 2 * depth * pools
    # A lamp's reflection is visible where the ray to its mirror image meets the floor.
    height = scene.camera.height
    mirrored = lamps * np.float32(height / (height + hall.height)) * scale + shift
    streaks = _spots(mirrored, power, scale * np.array([0.12, 0.35], np.float32))
    gloss = rng.choice((0.0, 0.15, 0.5)) * streaks
    floor = 1.25 * (air * _shade(rng, scene, scale, shift) + gloss)
    maps = np.concatenate([air, floor]).astype(np.float32)
    return Light(maps, scale, shift, _factor(rng, faces))


def _spots(places: FloatArray, power: FloatArray, spread: FloatArray) -> FloatArray:
    """Return the sum of soft spots at (column, row), clipped to 1 [MAP_SIZE, MAP_SIZE]."""
    axis = np.arange(MAP_SIZE, dtype=np.float32)
    across = np.exp(-0.5 * ((axis - places[:, :1]) / spread[0]) ** 2)
    along = np.exp(-0.5 * ((axis - places[:, 1:]) / spread[1]) ** 2)
    return np.asarray(np.minimum((along * power[:, None]).T @ across, 1), np.float32)


def _shade(rng: Random, scene: Scene, scale: FloatArray, shift: FloatArray) -> FloatArray:
    """Return the fraction of light that reaches the floor, below 1 under and next to objects."""
    dark = np.zeros((MAP_SIZE, MAP_SIZE), np.float32)
    wide = np.zeros((MAP_SIZE, MAP_SIZE), np.float32)
    blocks = [p for p in scene.parts if isinstance(p, Block) and p.size[2] and p.pose.z < 3]
    low = np.array([[b.pose.z] for b in blocks], np.float32)
    ground = block_corners(blocks)[:, [0, 1, 3, 2], :2]
    slant = np.array([rng.uniform(-0.3, 0.3), rng.uniform(-0.3, 0.3)], np.float32)
    cast = ground + (slant * (low + 0.5))[:, None]
    _fill(wide, cast * scale + shift, 0.35)
    _fill(dark, ground[low[:, 0] < 0.25] * scale + shift, 0.75)
    feet = [b[0] for p in scene.parts if isinstance(p, Hull) for b in p.balls if b[0].z < 0.25]
    around = 0.16 * np.array([[1, 0], [0, 1], [-1, 0], [0, -1]], np.float32)
    stands = np.array([foot[:2] for foot in feet], np.float32).reshape(-1, 1, 2)
    _fill(dark, (stands + around) * scale + shift, 0.6)
    pixel = float(scale.mean())
    contact = cv2.GaussianBlur(dark, (0, 0), 0.09 * pixel)
    soft = cv2.GaussianBlur(wide, (0, 0), 0.3 * pixel)
    return np.asarray((1 - contact) * (1 - soft), np.float32)


def _fill(plane: FloatArray, quads: FloatArray, value: float) -> None:
    """Fill quadrilaterals [N, 4, 2] of (column, row) in place."""
    for quad in np.rint(quads).astype(np.int32, order='C'):
        cv2.fillConvexPoly(plane, quad, value)


def _factor(rng: Random, faces: Faces) -> FloatArray:
    """Return the brightness of each face by its direction: tops brighter, undersides darker."""
    key = np.array([rng.uniform(-1, 1), rng.uniform(-1, 1), 0.0])
    key *= rng.uniform(0.05, 0.2) / max(float(np.linalg.norm(key)), 1e-3)
    up = faces.normal[:, 2]
    return np.asarray(0.97 + 0.11 * up + 0.04 * np.abs(up) + faces.normal @ key, np.float32)
