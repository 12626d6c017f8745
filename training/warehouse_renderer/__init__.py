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
A procedural renderer of warehouse scenes with exact labels, reproducible by seed.

`render(seed, height, width)` lays out a hall with racks, pallets, boxes, forklifts, people and
doors (`layout`), splits it into flat faces (`faces`), finds the visible face of each pixel
(`raster`) and computes its color (`lighting`, `shading`, `sensor`). All classes draw their colors
from the same palette.
"""

from dataclasses import dataclass
from random import Random

import numpy as np
from numpy.typing import NDArray
from training.warehouse_renderer.faces import project
from training.warehouse_renderer.layout import draw_scene
from training.warehouse_renderer.lighting import illuminate
from training.warehouse_renderer.parts import SceneClass
from training.warehouse_renderer.raster import rasterize
from training.warehouse_renderer.sensor import simulate_sensor
from training.warehouse_renderer.shading import shade

__all__ = ['RenderedImage', 'SceneClass', 'render']


@dataclass(frozen=True)
class RenderedImage:
    """A rendered image, RGB uint8 [H, W, 3], and the class id of each pixel, uint8 [H, W]."""

    image: NDArray[np.uint8]
    label: NDArray[np.uint8]


def render(seed: int, height: int, width: int) -> RenderedImage:
    """
    Return the scene of a seed; equal seeds and sizes give equal bits.

    Raise ValueError for a size that is not a positive integer.
    """
    for name, value in (('height', height), ('width', width)):
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise ValueError(f'{name} must be a positive integer of pixels, not {value!r}')
    scene = draw_scene(Random(seed))
    faces = project(scene.parts, scene.camera)
    light = illuminate(Random(seed + 1), scene, faces)
    to_ray = scene.camera.pixels_to_rays(height, width)
    focal, center = scene.camera.focal * width, np.array([width / 2, height / 2], np.float32)
    matrix = faces.matrix @ to_ray
    outline = faces.outline * np.float32(focal) + (center - 0.5)
    face_index, inverse_depth = rasterize(outline, matrix[:, 2], height, width)
    image = shade(faces, light, scene.camera, matrix, face_index, inverse_depth)
    return RenderedImage(simulate_sensor(Random(seed + 2), image), faces.class_id[face_index])
