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

"""A small set of images with labels: blocks of the tiny model's colors with noise."""

import cv2
from helpers.tiny_model import COLORS
import numpy as np


def write_rendered_set(folder, count=5, height=60, width=80):
    """Write `images` and `labels` of five classes into a folder; the first rows are unlabeled."""
    for name in ('images', 'labels'):
        (folder / name).mkdir(parents=True)
    random = np.random.default_rng(11)
    for index in range(count):
        coarse = random.integers(0, len(COLORS), (5, 7), dtype=np.uint8)
        ids = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_NEAREST)
        noise = random.integers(-60, 61, (height, width, 3))
        rgb = np.clip(np.asarray(COLORS)[ids] + noise, 0, 255).astype(np.uint8)
        ids[:4] = 255
        bgr = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
        cv2.imwrite(str(folder / 'images' / f'{index:02}.png'), bgr)
        cv2.imwrite(str(folder / 'labels' / f'{index:02}.png'), ids)
