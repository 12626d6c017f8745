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

"""
The procedural textures.

A painter takes a seed and returns two planes in 0..1 [TEXTURE_SIZE, TEXTURE_SIZE]: the shade (0.5
keeps the color as it is) and the weight of the accent color. Planes are over (u, v) in 0..1, u to
the right and v downwards, and composed of noise, rectangles, joints and edges.
"""

import cv2
import numpy as np
from training.warehouse_renderer.geometry import FloatArray

TEXTURE_SIZE = 256
Planes = tuple[FloatArray, FloatArray]

_axis = (np.arange(TEXTURE_SIZE, dtype=np.float32) + 0.5) / TEXTURE_SIZE
U: FloatArray = np.tile(_axis, (TEXTURE_SIZE, 1))
V: FloatArray = U.T.copy()
NO_ACCENT: FloatArray = np.zeros((TEXTURE_SIZE, TEXTURE_SIZE), np.float32)


def fractal(seed: int, power: float = 1.2, stretch: tuple[float, float] = (1, 1)) -> FloatArray:
    """Return periodic noise of mean 0 and deviation 1; `stretch` is along u and v."""
    white = np.random.default_rng(seed).standard_normal((TEXTURE_SIZE, TEXTURE_SIZE))
    fu = np.fft.rfftfreq(TEXTURE_SIZE)[None] * stretch[0]
    fv = np.fft.fftfreq(TEXTURE_SIZE)[:, None] * stretch[1]
    falloff = np.maximum(np.hypot(fu, fv), 1 / TEXTURE_SIZE) ** -power
    falloff[0, 0] = 0
    noise = np.fft.irfft2(np.fft.rfft2(white) * falloff, (TEXTURE_SIZE, TEXTURE_SIZE))
    return np.asarray(noise / noise.std(), np.float32)


def rect(u0: float, v0: float, u1: float, v1: float) -> FloatArray:
    """Return 1 inside a rectangle and 0 outside."""
    return np.asarray((u0 <= U) & (u1 > U) & (v0 <= V) & (v1 > V), np.float32)


def joints(columns: float, rows: float, width: float) -> FloatArray:
    """Return 1 on the lines of a grid of cells; width is a fraction of the cell."""
    return np.asarray(((U * columns) % 1 < width) | ((V * rows) % 1 < width), np.float32)


def border() -> FloatArray:
    """Return 1 at the edges of the face, decreasing to 0 within a few hundredths."""
    distance = np.minimum(np.minimum(U, 1 - U), np.minimum(V, 1 - V))
    return np.asarray(np.exp(-distance / 0.02), np.float32)


def concrete(seed: int) -> Planes:
    """Paint poured concrete with stains and trowel marks."""
    cracks = np.exp(-np.abs(fractal(seed + 50, 1.8)) * 90) * (fractal(seed + 51, 2) > 0.8)
    noise = 0.035 * fractal(seed, 1.1) + 0.02 * fractal(seed + 1, 0.3)
    return 0.5 + noise - 0.12 * cracks, NO_ACCENT


def tiles(seed: int) -> Planes:
    """Paint slabs with joints."""
    slab = np.kron(np.random.default_rng(seed).normal(0, 0.03, (2, 2)), np.ones((128, 128)))
    return 0.5 + 0.025 * fractal(seed, 1) + slab - 0.15 * joints(2, 2, 0.025), NO_ACCENT


def corrugated(seed: int) -> Planes:
    """Paint trapezoidal metal sheet with upright ribs."""
    ribs = np.clip(np.sin(U * 10 * np.pi) * 2, -1, 1)
    light = np.gradient(ribs, axis=1) * TEXTURE_SIZE / 50
    return 0.5 + 0.04 * ribs + 0.15 * light + 0.015 * fractal(seed, 1, (0.5, 4)), NO_ACCENT


def masonry(seed: int) -> Planes:
    """Paint courses of blocks in a running bond."""
    row = np.floor(V * 4)
    shifted = (U * 2 + 0.5 * (row % 2)) % 1
    mortar = ((shifted < 0.03) | ((V * 4) % 1 < 0.06)).astype(np.float32)
    tone = np.random.default_rng(seed).normal(0, 0.03, 16)
    block = (row * 2 + np.floor((U * 2 + 0.5 * (row % 2)) % 2)).astype(int) % 16
    return 0.5 + tone[block] - 0.12 * mortar + 0.03 * fractal(seed, 0.7), NO_ACCENT


def panels(seed: int) -> Planes:
    """Paint smooth wall panels with thin joints and a colored band at their foot."""
    return 0.5 + 0.015 * fractal(seed, 1.5) - 0.14 * joints(3, 1, 0.02), NO_ACCENT


def banded(seed: int) -> Planes:
    """Paint plaster, its lowest third in the accent color."""
    return 0.5 + 0.025 * fractal(seed, 1.3), rect(0, 0.6, 1, 1)


def steel(seed: int) -> Planes:
    """Paint lacquered steel with scratches."""
    worn = (fractal(seed + 1, 0.7, (0.6, 2)) > 2.7) * 0.35
    return 0.5 + 0.025 * fractal(seed, 1.2) - 0.05 * worn, worn.astype(np.float32)


def slotted(seed: int) -> Planes:
    """Paint the perforated face of a rack's upright."""
    holes = rect(0.3, 0.2, 0.42, 0.6) + rect(0.58, 0.2, 0.7, 0.6)
    fold = 0.08 * (np.abs(U - 0.5) < 0.08)
    return (0.5 + fold + 0.03 * fractal(seed, 1)) * (1 - 0.75 * holes), NO_ACCENT


def mesh(seed: int) -> Planes:
    """Paint a wire deck over darkness."""
    return 0.14 + 0.36 * joints(4, 4, 0.25) + 0.02 * fractal(seed), NO_ACCENT


def wood(seed: int) -> Planes:
    """Paint the grain of planks that run along u."""
    grain = np.sin(fractal(seed, 2, (2.5, 0.3)) * 5 + V * 80)
    return 0.5 + 0.025 * grain + 0.035 * fractal(seed + 1, 1.2, (3, 0.4)), NO_ACCENT


def slats(seed: int) -> Planes:
    """Paint a pallet's deck: boards along u with dark gaps."""
    gaps = ((V * 6.82 + 0.001) % 1.136 > 0.86).astype(np.float32)
    tone = np.random.default_rng(seed).normal(0, 0.05, 8)[np.floor(V * 6).astype(int)]
    nails = joints(1, 1, 0) + np.isin((U * 40).astype(int), (2, 20, 37)) * ((V * 48) % 4 < 1)
    return (wood(seed)[0] + tone - 0.1 * nails) * (1 - 0.85 * gaps), NO_ACCENT


def stringers(seed: int) -> Planes:
    """Paint a pallet's side: two boards, three feet and the dark openings between."""
    feet = (np.abs(U - 0.5) < 0.07) | (np.abs(U - 0.5) > 0.4)
    solid = feet | (V < 0.24) | (V > 0.82)
    seam = (np.abs(V - 0.24) < 0.03) | (np.abs(V - 0.82) < 0.03)
    return (wood(seed)[0] - 0.12 * seam) * np.where(solid, 1, 0.12), NO_ACCENT


def carton(seed: int) -> Planes:
    """Paint a cardboard box: tape, a label, printed marks, worn edges."""
    rng = np.random.default_rng(seed)
    shade = 0.5 + 0.02 * fractal(seed, 1, (0.3, 2)) - 0.14 * border()
    at, u, v = rng.uniform(0.4, 0.6), *rng.uniform(0.12, 0.55, 2)
    tape = rect(0, at - 0.05, 1, at + 0.05) if seed % 2 else rect(at - 0.05, 0, at + 0.05, 1)
    label = rect(u, v, u + 0.3, v + 0.2)
    lines = label * ((V * 40) % 2 < 0.8) * rect(u + 0.04, v + 0.03, u + 0.24, v + 0.17)
    print_at = rect(0.75, 0.68, 0.9, 0.9) * ((U * 26) % 2 < 1)
    accent = np.maximum(0.45 * tape, label)
    return shade + 0.04 * tape - 0.3 * lines - 0.22 * print_at * (1 - label), accent


def cartons(seed: int) -> Planes:
    """Paint a wall of many boxes, each with its tape."""
    columns, rows = 2 + seed % 3, 2 + seed % 2
    tone = np.random.default_rng(seed).normal(0, 0.05, (rows, columns))
    cell = tone[np.floor(V * rows).astype(int), np.floor(U * columns).astype(int)]
    seams = joints(columns, rows, 0.04)
    tape = (np.abs((U * columns) % 1 - 0.5) < 0.06) * (1 - seams)
    label = (np.abs((U * columns) % 1 - 0.75) < 0.14) & (np.abs((V * rows) % 1 - 0.7) < 0.14)
    return 0.5 + cell - 0.25 * seams + 0.03 * fractal(seed), np.maximum(0.4 * tape, 0.9 * label)


def crate(seed: int) -> Planes:
    """Paint the ribs and the grip hole of a plastic crate."""
    ribs = 0.12 * (joints(6, 1, 0.2) - joints(6, 3, 0.08))
    grip = rect(0.36, 0.12, 0.64, 0.26)
    return (0.5 + ribs - 0.15 * border()) * (1 - 0.8 * grip), rect(0.1, 0.55, 0.35, 0.85)


def roller(seed: int) -> Planes:
    """Paint the lamellae of a roller door."""
    wave = (V * 4) % 1
    return 0.44 + 0.14 * np.sin(wave * np.pi) - 0.2 * (wave < 0.12) + 0.015 * fractal(
        seed
    ), NO_ACCENT


def leaf(seed: int) -> Planes:
    """Paint a hinged door: a window or panels, a handle, a kick plate."""
    window = rect(0.3, 0.1, 0.7, 0.38) if seed % 2 else rect(0.55, 0.12, 0.75, 0.5)
    handle = rect(0.82, 0.5, 0.95, 0.54) + rect(0.86, 0.46, 0.92, 0.6)
    frame = cv2.GaussianBlur(window, (0, 0), 3) - window
    shade = 0.5 + 0.015 * fractal(seed) - 0.2 * np.abs(frame) - 0.15 * border() - 0.35 * handle
    return shade - 0.1 * window, np.maximum(window, 0.7 * rect(0.06, 0.86, 0.94, 0.97))


def opening(seed: int) -> Planes:
    """Paint what an open dock door shows: the ribbed inside of a trailer."""
    depth = np.maximum(np.abs(U - 0.5), np.abs(V - 0.5)) * 2
    inside = np.where(depth < 0.45, 0.32, 0.12 + 0.3 * depth)
    return inside + 0.02 * np.sin(30 / (depth + 0.2)) + 0.01 * fractal(seed), NO_ACCENT


def cloth(seed: int) -> Planes:
    """Paint creased fabric around a limb."""
    across = 2 * U - 1
    folds = 0.05 * fractal(seed, 1.8, (1, 0.7))
    return 0.53 - 0.22 * across**2 - 0.06 * across + folds, NO_ACCENT


def vest(seed: int) -> Planes:
    """Paint a safety vest: reflective bands around the body and over the shoulders."""
    bands = rect(0, 0.5, 1, 0.58) + rect(0, 0.7, 1, 0.78)
    braces = rect(0.22, 0, 0.31, 0.5) + rect(0.69, 0, 0.78, 0.5)
    return cloth(seed)[0] + 0.04, np.clip(bands + braces, 0, 1)


def cuff(seed: int) -> Planes:
    """Paint a sleeve or trouser leg with one reflective band."""
    return cloth(seed)[0], rect(0, 0.62, 1, 0.76)


def ball(seed: int) -> Planes:
    """Paint a round thing: a head or a helmet."""
    radius = (2 * U - 1) ** 2 + (2 * V - 1) ** 2
    shine = np.exp(-((U - 0.4) ** 2 + (V - 0.25) ** 2) * 40)
    return 0.53 - 0.16 * radius + 0.08 * shine + 0.015 * fractal(seed), NO_ACCENT


def wheel(seed: int) -> Planes:
    """Paint a tire around a rim with bolts, the rim in the accent color."""
    radius, angle = np.hypot(U - 0.5, V - 0.5) * 2, np.arctan2(V - 0.5, U - 0.5)
    rim = radius < 0.6
    bolts = (np.abs(radius - 0.35) < 0.07) & (np.cos(angle * 6) > 0.5)
    ring = 0.2 * (np.abs(radius - 0.6) < 0.06) + 0.25 * bolts
    return 0.5 - ring + 0.02 * fractal(seed), rim.astype(np.float32)


def bodywork(seed: int) -> Planes:
    """Paint a machine's cover: panel lines, vents, a name plate."""
    line = rect(0.03, 0.46, 0.97, 0.48) + rect(0.6, 0.05, 0.615, 0.95)
    vents = rect(0.66, 0.58, 0.93, 0.88) * ((V * 32) % 2 < 1)
    shade = 0.52 - 0.06 * V + 0.02 * fractal(seed) - 0.2 * line - 0.3 * vents - 0.12 * border()
    return shade, rect(0.1, 0.15, 0.5, 0.34)


def hazard(seed: int) -> Planes:
    """Paint diagonal warning stripes."""
    stripe = ((U + V) * 2) % 1 < 0.5
    return 0.5 + 0.03 * fractal(seed), stripe.astype(np.float32)


def sign(seed: int) -> Planes:
    """Paint a notice: a frame, a symbol, lines of text."""
    text = rect(0.1, 0.65, 0.9, 0.92) * ((V * 22) % 2 < 1)
    symbol = (np.hypot(U - 0.5, V - 0.35) < 0.22).astype(np.float32)
    return 0.5 - 0.1 * border() + 0.01 * fractal(seed), np.clip(text + symbol, 0, 1)


def lamp(seed: int) -> Planes:
    """Paint a light tube: as bright as shade goes."""
    return np.full_like(U, 1.0), NO_ACCENT
