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

"""Work out the light of a scene: one map over the hall's ground and a factor per face."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import cv2
import numpy as np
from training.warehouse_renderer.faces import Faces
from training.warehouse_renderer.geometry import FloatArray
from training.warehouse_renderer.layout import Scene
from training.warehouse_renderer.parts import Block, Hull

SIZE = 320


@dataclass(frozen=True)
class Light:
    """
    Hold two maps one below the other [2 SIZE, SIZE]: light in the air, light on the floor.

    `scale` and `shift` turn world (x, y) into columns and rows; `factor` [F] is per face.
    """

    maps: FloatArray
    scale: FloatArray
    shift: FloatArray
    factor: FloatArray


def illuminate(rng: Random, scene: Scene, faces: Faces) -> Light:
    """Light a scene with its lamps, shadows under things and reflections in the floor."""
    room = scene.room
    low = np.array([room.left, room.back], np.float32)
    high = np.array([room.right, room.front], np.float32)
    scale = np.float32(SIZE - 1) / (high - low)
    shift = -low * scale
    lamps = np.array(scene.lamps, np.float32)
    power = np.array([rng.choice((0.2, 1, 1, 1)) for _ in lamps], np.float32)
    pools = _spots(lamps * scale + shift, power, scale * np.float32(rng.uniform(1.2, 2.0)))
    depth = rng.uniform(0.15, 0.5)
    air = 1 - depth + 2 * depth * pools
    # A lamp's mirror image below the floor is seen where the ray to it meets the floor.
    height = scene.camera.height
    mirrored = lamps * np.float32(height / (height + room.height)) * scale + shift
    streaks = _spots(mirrored, power, scale * np.array([0.12, 0.35], np.float32))
    gloss = rng.choice((0.0, 0.15, 0.5)) * streaks
    floor = 1.25 * (air * _shade(rng, scene, scale, shift) + gloss)
    maps = np.concatenate([air, floor]).astype(np.float32)
    return Light(maps, scale, shift, _factor(rng, faces))


def _spots(places: FloatArray, power: FloatArray, spread: FloatArray) -> FloatArray:
    """Sum soft spots at (column, row), clipped to 1 [SIZE, SIZE]."""
    axis = np.arange(SIZE, dtype=np.float32)
    across = np.exp(-0.5 * ((axis - places[:, :1]) / spread[0]) ** 2)
    along = np.exp(-0.5 * ((axis - places[:, 1:]) / spread[1]) ** 2)
    return np.asarray(np.minimum((along * power[:, None]).T @ across, 1), np.float32)


def _shade(rng: Random, scene: Scene, scale: FloatArray, shift: FloatArray) -> FloatArray:
    """Return what share of the light reaches the floor: 1, less under and beside things."""
    dark = np.zeros((SIZE, SIZE), np.float32)
    wide = np.zeros((SIZE, SIZE), np.float32)
    blocks = [p for p in scene.parts if isinstance(p, Block) and p.size[2] and p.pose.z < 3]
    low = np.array([[b.pose.z] for b in blocks], np.float32)
    ground = _footprints(blocks)
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


def _footprints(blocks: Sequence[Block]) -> FloatArray:
    """Return the corners [N, 4, 2] of the blocks' bases on the ground."""
    rows = np.array([(*b.pose, *b.size[:2]) for b in blocks], np.float32)
    x, y, _, yaw, wide, deep = rows.T[..., None]
    c, s = np.cos(yaw), np.sin(yaw)
    right, ahead = wide * (-0.5, 0.5, 0.5, -0.5), deep * (-0.5, -0.5, 0.5, 0.5)
    corners = np.stack([x + c * right - s * ahead, y + s * right + c * ahead], -1)
    return np.asarray(corners, np.float32)


def _fill(plane: FloatArray, quads: FloatArray, value: float) -> None:
    """Fill quadrilaterals [N, 4, 2], given as (column, row)."""
    for quad in np.rint(quads).astype(np.int32):
        cv2.fillConvexPoly(plane, quad, value)


def _factor(rng: Random, faces: Faces) -> FloatArray:
    """Return how bright each face is for the way it looks: tops more, undersides less."""
    key = np.array([rng.uniform(-1, 1), rng.uniform(-1, 1), 0.0])
    key *= rng.uniform(0.05, 0.2) / max(float(np.linalg.norm(key)), 1e-3)
    up = faces.normal[:, 2]
    return np.asarray(0.97 + 0.11 * up + 0.04 * np.abs(up) + faces.normal @ key, np.float32)
