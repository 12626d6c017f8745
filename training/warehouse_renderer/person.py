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

"""People, modeled as hulls of balls."""

from dataclasses import dataclass
import math
from random import Random

from training.warehouse_renderer.geometry import Pose
from training.warehouse_renderer.palette import BROWN, DARK, draw, jitter, SKIN
from training.warehouse_renderer.parts import Block, Hull, Paint, Part, SceneClass
from training.warehouse_renderer.storage import box_paint

BRIGHT = ((222, 226, 60), (236, 120, 34), (226, 92, 40))
Joint = tuple[float, float, float]


@dataclass(frozen=True)
class Clothes:
    """The paints of one person."""

    top: Paint
    sleeve: Paint
    legs: Paint
    shoes: Paint
    skin: Paint
    head: Paint
    helmet: bool


def draw_clothes(rng: Random) -> Clothes:
    """Draw the clothes of a person; half of the people wear a safety vest."""

    def paint(color: tuple[float, float, float], texture: str) -> Paint:
        return Paint(SceneClass.PERSON, color, texture, (0.88, 0.9, 0.88))

    vest = rng.random() < 0.5
    shirt, legs = draw(rng), draw(rng, DARK, 0.4)
    skin = jitter(rng, rng.choice(SKIN))
    helmet = rng.random() < 0.5
    return Clothes(
        top=paint(draw(rng, BRIGHT, 0.8) if vest else shirt, 'vest' if vest else 'cloth'),
        sleeve=paint(shirt, 'cloth'),
        legs=paint(legs, 'cuff' if vest and rng.random() < 0.5 else 'cloth'),
        shoes=paint(jitter(rng, rng.choice(DARK)), 'cloth'),
        skin=paint(skin, 'ball'),
        head=paint(draw(rng) if helmet else draw(rng, DARK + BROWN, 0.85), 'ball'),
        helmet=helmet,
    )


def limb(pose: Pose, paint: Paint, *balls: tuple[Joint, float]) -> Hull:
    """Return the hull of balls, each ((right, ahead, up) from the pose, radius)."""
    return Hull(tuple((pose.at(*joint), radius) for joint, radius in balls), paint)


def bend(start: Joint, length: float, swing: float, spread: float = 0.0) -> Joint:
    """Return the end of a bone hanging from `start`, swung ahead and spread aside (radians)."""
    x, y, z = start
    down = length * math.cos(swing) * math.cos(spread)
    return (x + length * math.sin(spread), y + length * math.sin(swing), z - down)


def walking(rng: Random, pose: Pose) -> list[Part]:
    """Build a person who stands or walks, in some scenes carrying a box or reaching out."""
    clothes, stride = draw_clothes(rng), rng.choice((0.05, 0.3, 0.45)) * rng.choice((-1, 1))
    # The front leg carries the weight: long strides lower the hips.
    wide = abs(stride)
    pose = pose.at(up=0.43 * math.cos(wide) + 0.42 * math.cos(0.4 * wide) - 0.85)
    carries = rng.random() < 0.2
    parts: list[Part] = []
    for side in (-1, 1):
        swing = side * stride
        parts += _leg(pose, clothes, (side * 0.1, 0, 0.92), swing, swing - 0.6 * wide)
        upper = 0.35 if carries else -swing * 0.8 + rng.gauss(0, 0.08)
        fore = 1.45 if carries else upper + rng.choice((0.1, 0.35, 0.35, 1.3))
        parts += _arm(pose, clothes, side, 1.42, upper, fore, rng.uniform(0.05, 0.22))
    if carries:
        size = (rng.uniform(0.35, 0.5), rng.uniform(0.3, 0.4), rng.uniform(0.25, 0.4))
        parts.append(Block(pose.at(0, 0.42, 1.0), size, box_paint(rng)))
    return parts + _trunk(pose, clothes)


def sitting(rng: Random, pose: Pose) -> list[Part]:
    """Build a driver whose seat is at the pose's height."""
    clothes = draw_clothes(rng)
    parts: list[Part] = []
    for side in (-1, 1):
        parts += _leg(pose.at(up=-0.74), clothes, (side * 0.12, 0, 0.92), 1.35, 0.2)
        parts += _arm(pose.at(up=-0.78), clothes, side, 1.42, 0.5, 1.35, 0.1)
    return parts + _trunk(pose.at(up=-0.76), clothes)


def _leg(pose: Pose, clothes: Clothes, hip: Joint, thigh: float, shin: float) -> list[Part]:
    """Build one leg and its shoe; angles ahead of the vertical."""
    knee = bend(hip, 0.43, thigh)
    ankle = bend(knee, 0.42, shin)
    toe = (ankle[0], ankle[1] + 0.15, ankle[2] - 0.02)
    return [
        limb(pose, clothes.legs, (hip, 0.095), (knee, 0.065)),
        limb(pose, clothes.legs, (knee, 0.066), (ankle, 0.052)),
        limb(pose, clothes.shoes, (ankle, 0.055), (toe, 0.042)),
    ]


def _arm(
    pose: Pose, clothes: Clothes, side: int, up: float, upper: float, fore: float, spread: float
) -> list[Part]:
    """Build one arm with its hand; angles ahead of the vertical and aside."""
    shoulder = (side * 0.2, 0.0, up)
    elbow = bend(shoulder, 0.29, upper, side * spread)
    wrist = bend(elbow, 0.25, fore, side * spread * 0.3)
    return [
        limb(pose, clothes.sleeve, (shoulder, 0.066), (elbow, 0.05)),
        limb(pose, clothes.sleeve, (elbow, 0.05), (wrist, 0.038)),
        limb(pose, clothes.skin, (wrist, 0.042), (bend(wrist, 0.08, fore), 0.036)),
    ]


def _trunk(pose: Pose, clothes: Clothes) -> list[Part]:
    """Build torso, hips, neck and head."""
    shoulders = [((side * 0.135, 0.0, 1.41), 0.08) for side in (-1, 1)]
    waist = [((side * 0.08, 0.0, 1.02), 0.095) for side in (-1, 1)]
    hips = [((side * 0.075, 0.0, 0.93), 0.1) for side in (-1, 1)]
    crown, chin = (0.0, 0.01, 1.69), (0.0, 0.03, 1.6)
    hair = [((0.0, -0.025, 1.725), 0.1), ((0.0, -0.035, 1.66), 0.095)]
    cap = [((side * 0.03, y, 1.755), 0.064) for y in (0.02, -0.04) for side in (-1, 1)]
    shell = [((0.0, -0.01, 1.75), 0.115), ((0.0, 0.0, 1.715), 0.122), ((0.0, 0.12, 1.7), 0.02)]
    return [
        limb(pose, clothes.legs, waist[0], waist[1], *hips),
        Hull(_ordered(pose, shoulders + waist), clothes.top, 0.01),
        limb(pose, clothes.skin, ((0.0, 0.0, 1.52), 0.055), ((0.0, 0.0, 1.46), 0.06)),
        limb(pose, clothes.skin, (crown, 0.098), (chin, 0.072)),
        limb(pose, clothes.head, *(shell if clothes.helmet else cap))._replace(lift=0.07),
        limb(pose, clothes.head, *hair),
    ]


def _ordered(pose: Pose, balls: list[tuple[Joint, float]]) -> tuple[tuple[Pose, float], ...]:
    """Add balls on the midline at both ends, so that the texture's axis runs through it."""
    (top, _), (low, _) = balls[0], balls[-1]
    ends = ((0.0, top[1], top[2]), 0.05), ((0.0, low[1], low[2]), 0.05)
    return tuple((pose.at(*joint), radius) for joint, radius in (ends[0], *balls, ends[1]))
