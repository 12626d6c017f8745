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

"""The classes, and the few solid shapes that all objects of a scene are made of."""

from enum import IntEnum
from typing import NamedTuple, TypeAlias

from training.warehouse_renderer.geometry import Pose

Color: TypeAlias = tuple[float, float, float]


class SceneClass(IntEnum):
    """The class ids, in the order of `classes/warehouse.yaml`; ceilings are wall."""

    FLOOR = 0
    RACK = 1
    PALLET = 2
    BOX = 3
    FORKLIFT = 4
    PERSON = 5
    WALL = 6
    DOOR = 7


class Paint(NamedTuple):
    """
    The class and appearance of a surface: RGB in 0..1, names of textures.

    `texture` is for the sides along x, `end` for those along y, `top` for above and below; the
    default of both is `texture`. `shade` darkens the whole part, as under a roof.
    """

    class_id: SceneClass
    base: Color
    texture: str = 'steel'
    accent: Color = (0.9, 0.9, 0.9)
    end: str = ''
    top: str = ''
    shade: float = 1.0


class Block(NamedTuple):
    """
    A box whose pose is the middle of its base; size along x, y, z in meters.

    Its top face is `taper` times as large as its base and shifted `lean` meters to the right.
    """

    pose: Pose
    size: tuple[float, float, float]
    paint: Paint
    taper: float = 1.0
    lean: float = 0.0


class Disc(NamedTuple):
    """An upright disc facing its pose's right."""

    center: Pose
    radius: float
    paint: Paint


class Hull(NamedTuple):
    """
    A rounded limb: the hull of balls, given as (center, radius), first the top.

    It is drawn `lift` meters nearer than its middle, to cover the limb that it clothes.
    """

    balls: tuple[tuple[Pose, float], ...]
    paint: Paint
    lift: float = 0.0


Part: TypeAlias = Block | Disc | Hull
