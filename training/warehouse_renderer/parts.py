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

"""Name the classes and the few solid shapes of which everything in a scene is made."""

from enum import IntEnum
from typing import NamedTuple, TypeAlias

from training.warehouse_renderer.geometry import Pose

Color: TypeAlias = tuple[float, float, float]


class SceneClass(IntEnum):
    """Number the classes as `classes/warehouse.yaml` lists them; ceilings count as wall."""

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
    Say what a surface is and looks like: RGB in 0..1, names of textures.

    `texture` is for the sides along x, `end` for those along y, `top` for above and below; where
    they are empty `texture` holds. `shade` darkens the whole part, as a roof above it would.
    """

    kind: SceneClass
    base: Color
    texture: str = 'steel'
    accent: Color = (0.9, 0.9, 0.9)
    end: str = ''
    top: str = ''
    shade: float = 1.0


class Block(NamedTuple):
    """
    Describe a box that stands on the middle of its base; size along x, y, z in metres.

    Its top face is `taper` times as large as its base and `lean` metres further to the right.
    """

    pose: Pose
    size: tuple[float, float, float]
    paint: Paint
    taper: float = 1.0
    lean: float = 0.0


class Disc(NamedTuple):
    """Describe an upright disc that faces to its pose's right."""

    center: Pose
    radius: float
    paint: Paint


class Hull(NamedTuple):
    """
    Describe a rounded limb: the hull of balls, given as (centre, radius), first the top.

    It is drawn `lift` metres nearer than its middle, to lie over the limb that it clothes.
    """

    balls: tuple[tuple[Pose, float], ...]
    paint: Paint
    lift: float = 0.0


Part: TypeAlias = Block | Disc | Hull
