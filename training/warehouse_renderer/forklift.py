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

"""A counterbalanced forklift truck."""

from random import Random

from training.warehouse_renderer.geometry import Pose
from training.warehouse_renderer.palette import BROWN, DARK, draw, jitter, VIVID
from training.warehouse_renderer.parts import Block, Color, Disc, Paint, Part, SceneClass
from training.warehouse_renderer.person import sitting
from training.warehouse_renderer.storage import load, PALLET, pallet

WIDTH = 1.15


def forklift(rng: Random, pose: Pose) -> list[Part]:
    """Build a truck facing y, in some scenes with a driver or a loaded pallet."""
    base = draw(rng, VIVID, 0.6)
    dark = jitter(rng, rng.choice(DARK))
    parts = _body(pose, base, dark) + _guard(pose, draw(rng, DARK, 0.6)) + _wheels(pose, rng)
    lifted = rng.choice((0.06, 0.06, 0.1, 0.5, 1.2))
    parts += _mast(pose.at(ahead=1.02), draw(rng, DARK, 0.6), lifted, rng.uniform(2.0, 2.4))
    if rng.random() < 0.5:
        parts += sitting(rng, pose.at(0, -0.22, 0.78))
    if rng.random() < 0.35:
        goods = pose.at(0, 1.75, lifted + 0.03)
        parts += pallet(rng, goods, draw(rng, BROWN, 0.6))
        parts += load(rng, goods.at(up=PALLET[2]), 0.8)
    return parts


def _body(pose: Pose, base: Color, dark: Color) -> list[Part]:
    """Build chassis, counterweight, engine cover, cowl, seat and steering wheel."""
    cover = Paint(SceneClass.FORKLIFT, base, 'bodywork', (0.9, 0.9, 0.88), top='steel')
    weight = Paint(SceneClass.FORKLIFT, base, 'steel', end='bodywork')
    black = Paint(SceneClass.FORKLIFT, dark)
    return [
        Block(pose.at(0, 0.05, 0.18), (WIDTH - 0.12, 1.75, 0.28), black),
        Block(pose.at(0, -0.1, 0.4), (WIDTH - 0.02, 1.1, 0.22), cover),
        Block(pose.at(0, -0.85, 0.22), (WIDTH, 0.5, 0.72), weight, 0.9),
        Block(pose.at(0, -0.35, 0.6), (0.86, 0.75, 0.22), cover, 0.95),
        Block(pose.at(0, -0.3, 0.82), (0.5, 0.45, 0.08), black),
        Block(pose.at(0, -0.52, 0.86), (0.48, 0.1, 0.45), black, 0.85),
        Block(pose.at(0, 0.72, 0.4), (WIDTH - 0.1, 0.28, 0.62), cover, 0.85),
        Block(pose.at(0, 0.5, 0.95), (0.07, 0.07, 0.25), black),
        Block(pose.at(0, 0.45, 1.18), (0.34, 0.3, 0.03), black),
        Block(pose.at(0, -0.62, 0.94), (0.6, 0.34, 0.3), weight, 0.9),
    ]


def _guard(pose: Pose, color: Color) -> list[Part]:
    """Build the four posts and the barred roof over the driver."""
    paint = Paint(SceneClass.FORKLIFT, color)
    parts: list[Part] = []
    for side in (-0.47, 0.47):
        parts.append(Block(pose.at(side, 0.72, 1.0), (0.06, 0.07, 1.1), paint))
        parts.append(Block(pose.at(side, -0.7, 0.9), (0.06, 0.07, 1.2), paint))
        parts.append(Block(pose.at(side, 0.0, 2.08), (0.07, 1.5, 0.07), paint))
    for ahead in (-0.72, -0.45, -0.18, 0.09, 0.36, 0.72):
        parts.append(Block(pose.at(0, ahead, 2.1), (0.95, 0.07, 0.05), paint))
    return parts


def _mast(pose: Pose, color: Color, lifted: float, tall: float) -> list[Part]:
    """Build the rails, cylinders, carriage and forks at a lift height in meters."""
    rail = Paint(SceneClass.FORKLIFT, color)
    bare = Paint(SceneClass.FORKLIFT, (0.42, 0.42, 0.44), shade=0.8)
    parts: list[Part] = []
    for side in (-1, 1):
        parts.append(Block(pose.at(side * 0.36, 0, 0.08), (0.1, 0.16, tall), rail))
        parts.append(Block(pose.at(side * 0.25, 0.02, 0.1), (0.06, 0.1, tall - 0.3), bare))
        parts.append(Block(pose.at(side * 0.25, 0.16, lifted), (0.12, 0.05, 0.62), bare))
        parts.append(Block(pose.at(side * 0.25, 0.72, lifted), (0.12, 1.1, 0.05), bare))
    for level in (0.3, tall * 0.6, tall):
        parts.append(Block(pose.at(0, -0.03, level), (0.72, 0.08, 0.09), rail))
    for up in (0.12, 0.42, 0.95):
        parts.append(Block(pose.at(0, 0.12, lifted + up), (0.92, 0.05, 0.08), rail))
    for right in (-0.42, -0.14, 0.14, 0.42):
        parts.append(Block(pose.at(right, 0.12, lifted + 0.5), (0.035, 0.04, 0.5), rail))
    return parts


def _wheels(pose: Pose, rng: Random) -> list[Part]:
    """Build four wheels, each a disc on the outside of a tread."""
    tire = Paint(SceneClass.FORKLIFT, jitter(rng, DARK[0]), 'wheel', draw(rng))
    tread = Paint(SceneClass.FORKLIFT, jitter(rng, DARK[0]))
    parts: list[Part] = []
    for ahead, radius in ((0.62, 0.32), (-0.72, 0.25)):
        for side in (-1, 1):
            hub = pose.at(side * (WIDTH / 2 + 0.02), ahead, radius, 0.0 if side > 0 else 3.14159)
            parts.append(Disc(hub, radius, tire))
            inner = pose.at(side * (WIDTH / 2 - 0.09), ahead)
            parts.append(Block(inner, (0.2, 1.5 * radius, 1.6 * radius), tread))
    return parts
