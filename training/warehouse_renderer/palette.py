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

"""The palette: all classes draw from the same colors, so that color does not give them away."""

from random import Random

from training.warehouse_renderer.parts import Color

NEUTRAL = ((200, 198, 192), (150, 150, 148), (112, 114, 118), (232, 230, 224), (84, 84, 86))
BROWN = ((172, 130, 88), (150, 110, 70), (188, 152, 108), (126, 88, 58), (205, 178, 140))
VIVID = (
    (186, 42, 36),
    (214, 100, 28),
    (222, 178, 40),
    (44, 116, 72),
    (36, 82, 156),
    (104, 150, 186),
    (30, 44, 78),
    (206, 214, 60),
    (120, 50, 60),
    (58, 140, 140),
)
DARK = ((34, 34, 36), (48, 50, 58), (60, 50, 44))
SKIN = ((224, 180, 150), (190, 140, 106), (140, 96, 70), (92, 62, 48))
ANY = NEUTRAL + BROWN + VIVID + DARK


def jitter(rng: Random, color: tuple[int, int, int], amount: float = 0.1) -> Color:
    """Return a color (0..255) with random brightness, tint and fading, as RGB in 0..1."""
    gain, faded = rng.uniform(1 - 2 * amount, 1 + amount) / 255, rng.uniform(0.05, 0.45)
    gray, low, high = faded * sum(color) / 3, 1 - amount, 1 + amount
    r, g, b = (gain * (gray + (1 - faded) * c * rng.uniform(low, high)) for c in color)
    return r, g, b


def draw(
    rng: Random, likely: tuple[tuple[int, int, int], ...] = (), probability: float = 0.5
) -> Color:
    """Draw one of the `likely` colors with that probability, else any color."""
    table = likely if likely and rng.random() < probability else ANY
    return jitter(rng, rng.choice(table))
