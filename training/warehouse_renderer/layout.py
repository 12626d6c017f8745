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

"""The random layout of a scene: hall, rows of racks, objects, camera."""

from collections.abc import Callable
from dataclasses import dataclass, replace
import math
from random import Random
from typing import TypeAlias

from training.warehouse_renderer import building, storage
from training.warehouse_renderer.building import Hall
from training.warehouse_renderer.forklift import forklift
from training.warehouse_renderer.geometry import PinholeCamera, Pose
from training.warehouse_renderer.parts import Part
from training.warehouse_renderer.person import walking

ObjectBuilder: TypeAlias = Callable[[Random, Pose], list[Part]]


@dataclass(frozen=True)
class Scene:
    """Everything that is rendered; lamps are (x, y) in meters."""

    parts: tuple[Part, ...]
    camera: PinholeCamera
    hall: Hall
    lamps: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class RackRow:
    """The ground covered by a row of racks, in meters."""

    x0: float
    x1: float
    y0: float
    y1: float

    def is_near(self, x: float, y: float, margin: float) -> bool:
        """Return whether a point is on the row or closer to it than the margin."""
        inside = self.x0 - margin < x < self.x1 + margin
        return inside and self.y0 - margin < y < self.y1 + margin


def draw_scene(rng: Random) -> Scene:
    """Draw a scene; the camera stands at x = y = 0 and looks roughly along y."""
    camera = draw_camera(rng)
    hall = draw_hall(rng)
    lamps = [
        (x, hall.back + 2.0 + 4.5 * k)
        for x in (hall.left / 2, 0.0, hall.right / 2)
        for k in range(int((hall.front - hall.back) / 4.5))
    ]
    parts = building.hall_surfaces(rng, hall) + building.fixtures(rng, hall, lamps)
    rows, racks = draw_rows(rng, hall)
    edges = [x for row in rows for x in (row.x0 - 0.2, row.x1 + 0.2)]
    if rng.random() < 0.6:
        parts += building.floor_markings(rng, edges or [-1.5, 1.5], hall)
    parts += racks + draw_doors(rng, hall, rows) + draw_objects(rng, hall, rows, camera)
    return Scene(tuple(parts), camera, hall, tuple(lamps))


def draw_camera(rng: Random) -> PinholeCamera:
    """Draw a camera between knee height and a forklift's roof."""
    height = rng.uniform(0.5, 3.0)
    pitch = rng.gauss(-0.02, 0.06) + 0.08 * (height - 0.8)
    yaw, roll = rng.gauss(0, 0.28), rng.gauss(0, 0.012)
    return PinholeCamera(height, yaw, pitch, roll, rng.uniform(0.55, 1.0))


def draw_hall(rng: Random) -> Hall:
    """Draw the hall; its far wall is so near that its doors are visible."""
    return Hall(
        left=-rng.uniform(4, 10),
        right=rng.uniform(4, 10),
        back=-3.0,
        front=rng.uniform(9, 17),
        height=rng.uniform(4.5, 7.5),
    )


def draw_rows(rng: Random, hall: Hall) -> tuple[list[RackRow], list[Part]]:
    """Draw the rows of racks on both sides of the camera's aisle."""
    plan = storage.draw_rack(rng, hall.height)
    aisle = rng.uniform(1.4, 2.6)
    rows: list[RackRow] = []
    parts: list[Part] = []
    for side, limit in ((-1, -hall.left), (1, hall.right)):
        begin = rng.choice((-2.5, 0.0, rng.uniform(2.5, 6.0)))
        x, single = aisle + rng.uniform(0, 0.5), True
        while x + plan.depth + 0.2 < limit and len(rows) < 5:
            space = hall.front - rng.choice((0.3, 2.5, 4.0)) - begin
            bays = min(6, int(space / plan.bay))
            if bays > 0 and rng.random() < 0.85:
                row = replace(plan, bays=bays)
                length = bays * plan.bay
                # The front is turned to the aisle: +x on the left of the camera, -x on its right.
                turn = math.pi / 2 if single == (side < 0) else -math.pi / 2
                at = Pose(side * (x + plan.depth / 2), begin + length / 2, 0, turn)
                parts += storage.rack(rng, at, row)
                low, high = sorted((side * x, side * (x + plan.depth)))
                rows.append(RackRow(low, high, begin, begin + length))
            x += plan.depth + (0.15 if single else rng.uniform(2.4, 3.2))
            single = not single
    return rows, parts


def draw_doors(rng: Random, hall: Hall, rows: list[RackRow]) -> list[Part]:
    """Place doors in the walls, where no rack hides them."""
    parts: list[Part] = []
    front, right, _, left = hall.walls()
    for (corner, length), most in ((front, 3), (left, 1), (right, 1)):
        gaps = range(int(length / building.COLUMNS))
        places = [corner.at((k + 0.5) * building.COLUMNS, -0.04) for k in gaps]
        free = [at for at in places if not any(row.is_near(at.x, at.y, 1.5) for row in rows)]
        for at in rng.sample(free, min(most, len(free))):
            parts += building.door(rng, at, rng.random() < 0.6)
    return parts


def draw_objects(
    rng: Random, hall: Hall, rows: list[RackRow], camera: PinholeCamera
) -> list[Part]:
    """Place people, trucks, pallets and boxes on free ground in front of the camera."""
    plan: list[tuple[ObjectBuilder, float, float, int]] = [
        (forklift, 1.3, 3.6, rng.choice((0, 1, 1))),
        (walking, 0.4, 2.2, rng.choice((0, 1, 1, 2, 3))),
        (storage.pallet_on_floor, 0.8, 2.5, rng.choice((0, 1, 2, 3))),
        (storage.boxes_on_floor, 0.5, 2.2, rng.choice((0, 1, 2, 3))),
    ]
    taken: list[tuple[float, float, float]] = []
    parts: list[Part] = []
    for build, radius, nearest, count in plan:
        for _ in range(count):
            for _ in range(12):
                away = rng.uniform(nearest, 10.0)
                angle = camera.yaw + rng.uniform(-0.9, 0.9) * math.atan(0.5 / camera.focal)
                x, y = -away * math.sin(angle), away * math.cos(angle)
                if _is_free(x, y, radius, hall, rows, taken):
                    taken.append((x, y, radius))
                    parts += build(rng, Pose(x, y, 0, rng.uniform(-math.pi, math.pi)))
                    break
    return parts


def _is_free(
    x: float,
    y: float,
    radius: float,
    hall: Hall,
    rows: list[RackRow],
    taken: list[tuple[float, float, float]],
) -> bool:
    """Return whether a circle is inside the hall and clear of racks and other objects."""
    margin = radius + 0.2
    if not (hall.left + margin < x < hall.right - margin and y < hall.front - margin):
        return False
    if any(row.is_near(x, y, radius * 0.7) for row in rows):
        return False
    return all(math.hypot(x - u, y - v) > radius + r for u, v, r in taken)
