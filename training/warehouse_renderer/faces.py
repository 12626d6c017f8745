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

"""The visible faces of a scene, projected to the camera."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from training.warehouse_renderer import polygons
from training.warehouse_renderer.geometry import FloatArray, PinholeCamera
from training.warehouse_renderer.parts import Block, Disc, Hull, Part
from training.warehouse_renderer.polygons import Polygons


@dataclass(frozen=True)
class Faces:
    """
    F faces, independent of the image's size.

    outline [F, CORNERS, 2] in the plane of depth 1; matrix [F, 3, 3], from a ray of depth 1 to
    (u / depth, v / depth, 1 / depth); extent [F, 2] meters along u and v; normal [F, 3] in the
    world; depth [F] meters; color [F, 2, 3]; class_id and texture [F].
    """

    outline: FloatArray
    matrix: FloatArray
    extent: FloatArray
    normal: FloatArray
    depth: FloatArray
    color: FloatArray
    class_id: NDArray[np.uint8]
    texture: NDArray[np.intp]


def project(parts: Sequence[Part], camera: PinholeCamera) -> Faces:
    """Return the faces that are turned to the camera, the nearest first."""
    groups = [
        polygons.from_blocks([p for p in parts if isinstance(p, Block)], camera),
        polygons.from_discs([p for p in parts if isinstance(p, Disc)], camera),
        polygons.from_hulls([p for p in parts if isinstance(p, Hull)], camera),
    ]
    every = Polygons._make(np.concatenate(column) for column in zip(*groups, strict=True))
    seen = _visible(every, 0.5 / camera.focal)
    return _faces(Polygons._make(column[seen] for column in every), camera)


def _visible(every: Polygons, slope: float) -> NDArray[np.intp]:
    """
    Return the indices of the polygons that are turned to the camera, the nearest first.

    Those entirely left or right of the field of view (|x| > slope z) are left out.
    """
    is_facing = polygons.is_facing(every.frame)
    x, z = every.corners[..., 0], every.corners[..., 2]
    in_view = (x < slope * z).any(1) & (x > -slope * z).any(1)
    in_view &= (z > polygons.NEAR_PLANE).any(1)
    order = np.argsort(z.mean(1), kind='stable')
    return np.asarray(order[(is_facing & in_view)[order]])


def _faces(seen: Polygons, camera: PinholeCamera) -> Faces:
    """Return the faces of visible polygons."""
    corners = polygons.clip_near(seen.corners)
    origin, u, v = seen.frame.transpose(1, 0, 2)
    away = np.cross(u, v)
    normal = -away / np.linalg.norm(away, axis=1, keepdims=True)
    return Faces(
        outline=corners[..., :2] / corners[..., 2:],
        matrix=np.linalg.inv(np.stack([u, v, origin], -1)),
        extent=np.linalg.norm(seen.frame[:, 1:], axis=2),
        normal=normal @ camera.rotation,
        depth=corners[..., 2].mean(1),
        color=seen.color,
        class_id=seen.class_id,
        texture=seen.texture,
    )
