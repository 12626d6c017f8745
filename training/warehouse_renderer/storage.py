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

"""Stored goods: boxes, pallets with their loads, and racks."""

from dataclasses import dataclass
import math
from random import Random

from training.warehouse_renderer.geometry import Pose
from training.warehouse_renderer.palette import BROWN, draw, VIVID
from training.warehouse_renderer.parts import Block, Color, Paint, Part, SceneClass

PALLET = (1.2, 0.8, 0.15)
DETAIL = 9.0
CARTONS = ('carton_1', 'carton_2', 'carton_3')


def box_paint(rng: Random, shade: float = 1.0, textures: tuple[str, ...] = CARTONS) -> Paint:
    """Draw the appearance of a box: mostly cardboard, sometimes a plastic crate."""
    texture = 'crate' if rng.random() < 0.15 else rng.choice(textures)
    accent = draw(rng, ((235, 232, 225), (200, 170, 120)), 0.8)
    return Paint(SceneClass.BOX, draw(rng, BROWN, 0.55), texture, accent, shade=shade)


def boxes_on_floor(rng: Random, pose: Pose) -> list[Part]:
    """Stack one to four boxes, each slightly rotated and no larger than the one below."""
    parts: list[Part] = []
    side = rng.uniform(0.45, 0.85)
    for _ in range(rng.choice((1, 1, 2, 2, 3, 4))):
        size = (side, side * rng.uniform(0.6, 1.1), side * rng.uniform(0.45, 0.9))
        turned = pose.at(rng.uniform(-0.05, 0.05), rng.uniform(-0.05, 0.05), 0, rng.gauss(0, 0.2))
        parts.append(Block(turned, size, box_paint(rng)))
        pose, side = pose.at(up=size[2]), side * rng.uniform(0.75, 1)
    return parts


def pallet(rng: Random, pose: Pose, base: Color, shade: float = 1.0) -> list[Part]:
    """Build a pallet of single boards, its long side along x."""
    sx, sy, _ = PALLET
    plain = Paint(SceneClass.PALLET, base, 'wood', shade=shade)
    parts: list[Part] = []
    for ahead in (-sy / 2 + 0.06, 0, sy / 2 - 0.06):
        parts.append(Block(pose.at(ahead=ahead), (sx, 0.1, 0.022), plain))
        for right in (-sx / 2 + 0.08, 0, sx / 2 - 0.08):
            parts.append(Block(pose.at(right, ahead, 0.022), (0.15, 0.11, 0.08), plain))
        parts.append(Block(pose.at(ahead=ahead, up=0.1), (sx, 0.12, 0.02), plain))
    for i in range(7):
        board = pose.at(sx * (i - 3) / 6.7, 0, 0.12)
        parts.append(Block(board, (0.13, sy, 0.025), plain))
    return parts


def plain_pallet(pose: Pose, base: Color, shade: float = 1.0) -> list[Part]:
    """Build a pallet as one block whose texture shows the boards: for stacks and distance."""
    paint = Paint(SceneClass.PALLET, base, 'stringers', top='slats', shade=shade)
    return [Block(pose, PALLET, paint)]


def load(rng: Random, pose: Pose, height: float, shade: float = 1.0) -> list[Part]:
    """Stack boxes of one or several kinds on a pallet's deck, `height` meters high at most."""
    sx, sy, _ = PALLET
    if rng.random() < 0.45:
        paint = box_paint(rng, shade, ('cartons_1', 'cartons_2'))
        tall = height * rng.uniform(0.5, 1)
        return [Block(pose, (sx * rng.uniform(0.85, 1), sy * rng.uniform(0.9, 1), tall), paint)]
    parts: list[Part] = []
    across = rng.choice((1, 2, 2, 3))
    same = box_paint(rng, shade) if rng.random() < 0.5 else None
    for i in range(across):
        level, wide = 0.0, sx / across
        while level < height - 0.25 and rng.random() < 0.8:
            tall = min(rng.uniform(0.25, 0.6), height - level)
            size = (wide * rng.uniform(0.8, 0.97), sy * rng.uniform(0.6, 0.98), tall)
            at = pose.at((i + 0.5) * wide - sx / 2, rng.uniform(-0.04, 0.04), level)
            parts.append(Block(at, size, same or box_paint(rng, shade)))
            level += tall
    return parts


def pallet_on_floor(rng: Random, pose: Pose) -> list[Part]:
    """Place a pallet on the floor: empty, loaded, or a stack of empty ones."""
    base, choice = draw(rng, BROWN, 0.55), rng.random()
    if choice < 0.35:
        stack = range(rng.randint(2, 8))
        turns = (rng.gauss(0, 0.03) for _ in stack)
        return [
            p
            for i, t in zip(stack, turns, strict=True)
            for p in plain_pallet(pose.at(up=i * PALLET[2], turn=t), base)
        ]
    parts = pallet(rng, pose, base)
    if choice < 0.75:
        parts += load(rng, pose.at(up=PALLET[2]), rng.uniform(0.4, 1.3))
    return parts


@dataclass(frozen=True)
class RackPlan:
    """The dimensions, in meters, and colors of a row of racks."""

    bays: int
    bay: float
    depth: float
    level: float
    levels: int
    uprights: Color
    beams: Color
    decked: bool
    fill: float


def draw_rack(rng: Random, hall_height: float) -> RackPlan:
    """Draw the plan of all rows of one hall."""
    level = rng.uniform(1.25, 1.75)
    most = max(2, min(4, int((hall_height - 0.6) / level)))
    return RackPlan(
        bays=1,
        bay=rng.choice((1.85, 2.7, 2.7)),
        depth=rng.uniform(0.9, 1.15),
        level=level,
        levels=rng.randint(2, most),
        uprights=draw(rng, VIVID, 0.5),
        beams=draw(rng, VIVID, 0.5),
        decked=rng.random() < 0.6,
        fill=rng.uniform(0.45, 0.9),
    )


def rack(rng: Random, pose: Pose, plan: RackPlan) -> list[Part]:
    """
    Build a row of bays with goods along the pose's x, its front towards -y.

    Farther than DETAIL meters from the camera there are no braces and fewer boxes.
    """
    parts: list[Part] = []
    start = -plan.bays * plan.bay / 2
    for i in range(plan.bays + 1):
        parts += _frame(pose.at(start + i * plan.bay), plan)
    for i in range(plan.bays):
        bay = pose.at(start + (i + 0.5) * plan.bay)
        near = math.hypot(bay.x, bay.y) < DETAIL
        parts += _bay(bay, plan)
        for level in range(plan.levels):
            parts += _goods(rng, bay.at(up=level * plan.level), plan, near, level > 0)
    return parts


def _frame(pose: Pose, plan: RackPlan) -> list[Part]:
    """Build two uprights with their struts and diagonal braces."""
    tall = (plan.levels - 1) * plan.level + 1.0
    post = Paint(SceneClass.RACK, plan.uprights, 'steel', end='slotted')
    strut = Paint(SceneClass.RACK, plan.uprights, shade=0.85)
    half = plan.depth / 2 - 0.05
    parts: list[Part] = [Block(pose.at(0, s * half), (0.12, 0.1, tall), post) for s in (-1, 1)]
    side = pose.at(turn=1.5708)
    parts += [
        Block(side.at(0, 0, z), (2 * half, 0.05, 0.07), strut)
        for z in (0.25, 0.25 + plan.level, tall - 0.2)
    ]
    near = math.hypot(pose.x, pose.y) < DETAIL
    for i in range(plan.levels - 1 if near else 0):
        sign = 1 if i % 2 else -1
        foot = side.at(-sign * half, 0, 0.3 + i * plan.level)
        size = (0.07, 0.05, plan.level - 0.1)
        parts.append(Block(foot, size, strut, 1.0, sign * 2 * half))
    return parts


def _bay(pose: Pose, plan: RackPlan) -> list[Part]:
    """Build the beams and decks of one bay."""
    beam = Paint(SceneClass.RACK, plan.beams)
    deck = Paint(SceneClass.RACK, (0.6, 0.6, 0.6), 'steel', top='mesh', shade=0.8)
    parts: list[Part] = []
    for level in range(1, plan.levels):
        at = pose.at(up=level * plan.level - 0.15)
        half = plan.depth / 2 - 0.04
        parts += [Block(at.at(0, s * half), (plan.bay - 0.1, 0.06, 0.14), beam) for s in (-1, 1)]
        if plan.decked:
            parts.append(Block(at.at(up=0.1), (plan.bay - 0.1, 2 * half, 0.045), deck))
    return parts


def _goods(rng: Random, pose: Pose, plan: RackPlan, near: bool, raised: bool) -> list[Part]:
    """Fill one level of one bay with pallets and boxes; goods under a deck are in shade."""
    slots = 2 if plan.bay > 2.2 else 1
    shade = rng.uniform(0.62, 0.8) if pose.z < (plan.levels - 1.5) * plan.level else 0.95
    parts: list[Part] = []
    for i in range(slots):
        if rng.random() > plan.fill:
            continue
        at = pose.at((i + 0.5 - slots / 2) * 1.3 + rng.gauss(0, 0.02), rng.gauss(0, 0.03))
        headroom = plan.level - PALLET[2] - 0.4
        base = draw(rng, BROWN, 0.55)
        if rng.random() < 0.12:
            parts += [
                p
                for k in range(rng.randint(2, 4))
                for p in plain_pallet(at.at(up=k * PALLET[2]), base, shade)
            ]
            continue
        parts += plain_pallet(at, base, shade)
        goods = load(rng, at.at(up=PALLET[2]), headroom * rng.uniform(0.6, 1), shade)
        parts += goods if near else goods[:2]
    return parts
