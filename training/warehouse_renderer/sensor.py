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

"""The simulated camera sensor: exposure, color temperature, vignetting, blur, noise."""

from functools import lru_cache
from random import Random

import cv2
import numpy as np
from numpy.typing import NDArray
from training.warehouse_renderer.geometry import FloatArray

GRAIN_SIZE = 512


def simulate_sensor(rng: Random, image: FloatArray) -> NDArray[np.uint8]:
    """Return the camera image, uint8 RGB [H, W, 3], of light [H, W, 3]."""
    height, width = image.shape[:2]
    warmth, tint = rng.gauss(0, 0.07), rng.gauss(0, 0.025)
    gain = _gain(rng, image[::8, ::8])
    drift = _vignette(rng, height, width) * np.float32(gain)
    tones = [drift * np.float32(k) for k in (1 + warmth, 1 + tint, 1 - warmth)]
    image = np.asarray(cv2.multiply(image, cv2.merge(tones)), np.float32)
    image = _blur(rng, image, width)
    grain = rng.uniform(0.8, 2.2) / 255 * (1 if rng.random() < 0.8 else 2.5)
    _add_noise(rng, image, grain)
    curve = _curve(rng.uniform(0.85, 1.2), rng.uniform(0.0, 0.04))
    return np.asarray(cv2.LUT(cv2.convertScaleAbs(np.maximum(image, 0), alpha=255), curve))


def _gain(rng: Random, sample: FloatArray) -> float:
    """Return the exposure for a random mean brightness, limited by the brightest regions."""
    wanted = rng.uniform(0.32, 0.5) / max(float(sample.mean()), 0.02)
    most = 1.0 / max(float(np.percentile(sample, 97)), 0.1)
    return min(max(wanted, 0.6), most, 2.5)


def _curve(gamma: float, haze: float) -> NDArray[np.uint8]:
    """Return the tone curve as a table [256]."""
    level = np.linspace(0, 1, 256) ** gamma
    return ((haze + (1 - haze) * level) * 255 + 0.5).astype(np.uint8)


def _vignette(rng: Random, height: int, width: int) -> FloatArray:
    """Return a gain [H, W] that decreases towards the corners and drifts across the image."""
    x = np.linspace(-1, 1, width, dtype=np.float32)
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    fall, drift = rng.uniform(0, 0.16), rng.uniform(-0.12, 0.12)
    return np.asarray(1 + drift * x - fall * (x * x + y * y), np.float32)


def _blur(rng: Random, image: FloatArray, width: int) -> FloatArray:
    """Blur some images by defocus or motion, in proportion to their width."""
    choice, amount = rng.random(), rng.uniform(0.4, 1.0) * width / 640
    if choice < 0.25 and amount > 0.3:
        return np.asarray(cv2.GaussianBlur(image, (0, 0), amount), np.float32)
    length = int(4 * amount)
    if choice < 0.4 and length > 1:
        return np.asarray(cv2.blur(image, (length, 1)), np.float32)
    return image


@lru_cache(maxsize=1)
def _grain() -> FloatArray:
    """Return fixed sensor noise [GRAIN_SIZE, GRAIN_SIZE, 3], mostly equal in all channels."""
    rng = np.random.default_rng(0)
    shared = rng.standard_normal((GRAIN_SIZE, GRAIN_SIZE, 1))
    return (0.8 * shared + 0.6 * rng.standard_normal((GRAIN_SIZE, GRAIN_SIZE, 3))).astype(
        np.float32
    )


def _add_noise(rng: Random, image: FloatArray, amount: float) -> None:
    """Add noise, random cutouts of the grain, to an image [H, W, 3] in place."""
    step = GRAIN_SIZE // 2
    for top in range(0, image.shape[0], step):
        for left in range(0, image.shape[1], step):
            tile = image[slice(top, top + step), slice(left, left + step)]
            y, x = rng.randrange(step), rng.randrange(step)
            grain = _grain()[slice(y, y + tile.shape[0]), slice(x, x + tile.shape[1])]
            cv2.scaleAdd(grain, amount, tile, tile)
