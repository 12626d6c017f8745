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

"""The hall: floor, walls, ceiling, doors, lamps and fixtures."""

from dataclasses import dataclass
import math
from random import Random

from training.warehouse_renderer.geometry import Pose
from training.warehouse_renderer.palette import DARK, draw, NEUTRAL, VIVID
from training.warehouse_renderer.parts import Block, Color, Paint, Part, SceneClass

TILE = 3.0
COLUMNS = 4.5


@dataclass(frozen=True)
class Hall:
    """The inner bounds of the hall in meters; the camera stands at x = y = 0."""

    left: float
    right: float
    back: float
    front: float
    height: float

    def walls(self) -> list[tuple[Pose, float]]:
        """Return the lower left corner of each wall, seen from inside, and its length."""
        wide, deep = self.right - self.left, self.front - self.back
        return [
            (Pose(self.left, self.front, 0, 0), wide),
            (Pose(self.right, self.front, 0, -math.pi / 2), deep),
            (Pose(self.right, self.back, 0, math.pi), wide),
            (Pose(self.left, self.back, 0, math.pi / 2), deep),
        ]


def hall_surfaces(rng: Random, hall: Hall) -> list[Part]:
    """Build floor, walls and ceiling of tiles, which may extend beyond a corner, out of view."""
    ground = rng.choice(('concrete', 'concrete', 'concrete_2', 'tiles'))
    floor = Paint(SceneClass.FLOOR, draw(rng, NEUTRAL, 0.55), ground)
    cladding = rng.choice(('corrugated', 'masonry', 'panels', 'banded'))
    wall = Paint(SceneClass.WALL, draw(rng, NEUTRAL, 0.5), cladding, draw(rng))
    ceiling = Paint(SceneClass.WALL, draw(rng, NEUTRAL, 0.7), 'corrugated', shade=0.8)
    parts: list[Part] = []
    columns = math.ceil((hall.right - hall.left) / TILE)
    # Tiles overlap slightly, so that no ray passes between two of them.
    side = TILE + 0.01
    for i in range(columns):
        for k in range(math.ceil((hall.front - hall.back) / TILE)):
            at = Pose(hall.left + (i + 0.5) * TILE, hall.back + (k + 0.5) * TILE)
            parts.append(Block(at, (side, side, 0), floor))
            parts.append(Block(at.at(up=hall.height), (side, side, 0), ceiling))
    for corner, length in hall.walls():
        for i in range(math.ceil(length / TILE)):
            for k in range(math.ceil(hall.height / TILE)):
                at = corner.at((i + 0.5) * TILE, 0, k * TILE - 0.005)
                # Only the lowest course has the band in the accent color.
                paint = wall._replace(accent=wall.base) if k else wall
                parts.append(Block(at, (side, 0, side), paint))
    return parts


def fixtures(rng: Random, hall: Hall, lamps: list[tuple[float, float]]) -> list[Part]:
    """Add columns, trusses, lamps, a duct and signs."""
    light = Paint(SceneClass.WALL, (1.0, 0.98, 0.94), 'lamp')
    steel = Paint(SceneClass.WALL, draw(rng, NEUTRAL, 0.7), shade=0.75)
    up = hall.height - 0.35
    middle = Pose((hall.left + hall.right) / 2, 0)
    parts: list[Part] = [Block(Pose(x, y, up - 0.1), (0.3, 1.5, 0.08), light) for x, y in lamps]
    for y in range(int(hall.back) + 1, int(hall.front), 4):
        parts.append(Block(middle.at(0, y, up), (hall.right - hall.left, 0.15, 0.3), steel))
    if rng.random() < 0.5:
        at = Pose(rng.uniform(hall.left, hall.right), (hall.back + hall.front) / 2, up - 0.5)
        parts.append(Block(at, (0.5, hall.front - hall.back, 0.4), steel))
    for corner, length in hall.walls():
        for k in range(int(length / COLUMNS) + 1):
            parts.append(Block(corner.at(k * COLUMNS), (0.25, 0.36, hall.height), steel))
    notice = Paint(SceneClass.WALL, draw(rng, VIVID, 0.7), 'sign', draw(rng, NEUTRAL, 0.7))
    for corner, length in hall.walls():
        for _ in range(rng.randint(0, 2)):
            at = corner.at(rng.uniform(0.5, length - 0.5), -0.02, rng.uniform(1.4, 2.8))
            parts.append(Block(at, (rng.uniform(0.4, 1.1), 0.02, rng.uniform(0.4, 0.8)), notice))
    return parts


def floor_markings(rng: Random, xs: list[float], hall: Hall) -> list[Part]:
    """Paint lines on the floor along y at these x."""
    paint = Paint(SceneClass.FLOOR, draw(rng, VIVID[2:3] + NEUTRAL[3:4], 0.7), 'steel')
    length, middle = hall.front - hall.back, (hall.front + hall.back) / 2
    return [Block(Pose(x, middle, 0.002), (0.1, length, 0.0), paint) for x in xs]


def door(rng: Random, pose: Pose, high: bool) -> list[Part]:
    """
    Build a hinged door, or a `high` roller door that is closed or partly open, in a frame.

    The pose is on the wall, its y axis into it. What is visible through an opening is door too.
    """
    color, accent = draw(rng), draw(rng, NEUTRAL + DARK, 0.6)
    frame = Paint(SceneClass.DOOR, draw(rng))
    wide, tall = (rng.uniform(2.4, 3.6), rng.uniform(2.6, 3.8)) if high else (1.0, 2.1)
    double = not high and rng.random() < 0.4
    wide = 1.8 if double else wide
    parts: list[Part] = [
        Block(pose.at(-wide / 2), (0.12, 0.16, tall), frame),
        Block(pose.at(wide / 2), (0.12, 0.16, tall), frame),
        Block(pose.at(up=tall), (wide + 0.12, 0.16, 0.14 if not high else 0.4), frame),
    ]
    if high:
        return parts + _roller(rng, pose, (wide, tall), color)
    name = rng.choice(('leaf_1', 'leaf_2'))
    leaf = Paint(SceneClass.DOOR, color, 'steel', accent, name, shade=0.95)
    count = 2 if double else 1
    for i in range(count):
        at = pose.at((i + 0.5) * wide / count - wide / 2)
        parts.append(Block(at, (wide / count, 0.08, tall), leaf))
    return parts


def _roller(rng: Random, pose: Pose, size: tuple[float, float], color: Color) -> list[Part]:
    """Build a shutter above an opening, with buffers at the foot of its frame."""
    wide, tall = size
    gap = rng.choice((0.0, 0.0, 0.0, rng.uniform(0.3, 0.9))) * tall
    shutter = Paint(SceneClass.DOOR, color, 'roller')
    inside = Paint(SceneClass.DOOR, draw(rng, NEUTRAL, 0.6), 'opening')
    buffer = Paint(SceneClass.DOOR, draw(rng, VIVID, 0.6), 'hazard', draw(rng, DARK, 0.8))
    parts: list[Part] = [
        Block(pose.at(s * (wide / 2 + 0.02)), (0.16, 0.22, 0.9), buffer) for s in (-1, 1)
    ]
    parts.append(Block(pose.at(up=gap), (wide, 0.1, tall - gap), shutter))
    if gap:
        parts.append(Block(pose.at(), (wide, 0.02, gap), inside))
    return parts
