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
The patterns that textures are composed of: periodic noise, rectangles, joints and edges.

All are planes [TEXTURE_SIZE, TEXTURE_SIZE] over (u, v) in 0..1, u to the right and v downwards.
"""

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
