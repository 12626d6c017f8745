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

"""Colour every pixel from the face that it sees: texture, light, soft edges."""

import cv2
import numpy as np
from training.warehouse_renderer.atlas import atlas, INDEX, LEVELS, PERIODS
from training.warehouse_renderer.faces import Faces
from training.warehouse_renderer.geometry import FloatArray, PinholeCamera
from training.warehouse_renderer.lighting import Light, SIZE
from training.warehouse_renderer.parts import SceneClass
from training.warehouse_renderer.patterns import CELL
from training.warehouse_renderer.raster import IntArray

STRIP = 48


def shade(
    faces: Faces,
    light: Light,
    camera: PinholeCamera,
    matrix: FloatArray,
    face: IntArray,
    near: FloatArray,
) -> FloatArray:
    """
    Return the image [H, W, 3] in 0..1 and somewhat above.

    matrix [F, 3, 3] takes (column, row, 1) to (u, v, 1) over depth; face and near [H, W].
    """
    height, width = face.shape
    table = _table(faces, matrix, light, camera, width)
    ground = _ground(light, camera, camera.pixels_to_rays(height, width))
    image = np.empty((height, width, 3), np.float32)
    for top in range(0, height, STRIP):
        rows = slice(top, top + STRIP)
        image[rows] = _strip(table, ground, light.maps, face[rows], near[rows], top)
    return _soften(image, face)


def _table(
    faces: Faces, matrix: FloatArray, light: Light, camera: PinholeCamera, width: int
) -> list[FloatArray]:
    """Return, per face, what a pixel needs: six coefficients, cell, size, floor row, colors."""
    period = PERIODS[faces.texture]
    repeats = np.where(period[:, None] > 0, faces.extent / np.maximum(period, 0.1)[:, None], 1)
    texels = CELL * np.sqrt((repeats / np.maximum(faces.extent, 1e-3)).prod(1))
    zoom = texels * faces.depth / (camera.focal * width)
    level = np.clip(np.rint(np.log2(np.maximum(zoom, 1e-3))), 0, LEVELS - 1).astype(np.intp)
    size = (CELL >> level).astype(np.float32)
    uv = matrix[:, :2] * repeats[:, :, None]
    lit = np.where(faces.texture == INDEX['lamp'], 1.6, light.factor)[:, None]
    base, accent = faces.color[:, 0] * lit, faces.color[:, 1] * lit
    on_floor = np.where(faces.kind == SceneClass.FLOOR, SIZE, 0)
    pages = atlas()
    columns = [*uv.reshape(-1, 6).T, pages.left[level] - 0.5, pages.top[faces.texture] - 0.5]
    columns += [size, on_floor, *base.T, *(accent - base).T]
    return [np.ascontiguousarray(column, np.float32) for column in columns]


def _ground(
    light: Light, camera: PinholeCamera, to_ray: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """
    Return [3, 3], (column, row, 1) to the place seen per metre of depth, and its offset [3].

    A place is the column and row in the light map and the height in metres.
    """
    axes = camera.rotation.T @ to_ray
    axes[:2] *= light.scale[:, None]
    return axes, np.array([*light.shift, camera.height], np.float32)


def _strip(
    table: list[FloatArray],
    ground: tuple[FloatArray, FloatArray],
    maps: FloatArray,
    face: IntArray,
    near: FloatArray,
    top: int,
) -> FloatArray:
    """Shade some rows of the image [h, W, 3]."""
    index = face.astype(np.intp)
    column = np.arange(face.shape[1], dtype=np.float32)
    row = np.arange(top, top + len(face), dtype=np.float32)[:, None]
    depth = 1 / near

    def of_face(k: int) -> FloatArray:
        return np.take(table[k], index)

    u = (of_face(0) * column + of_face(1) * row + of_face(2)) * depth
    v = (of_face(3) * column + of_face(4) * row + of_face(5)) * depth
    size = of_face(8)
    at_u = (u - np.floor(u)) * size + of_face(6)
    at_v = (v - np.floor(v)) * size + of_face(7)
    texel = cv2.remap(atlas().planes, at_u, at_v, cv2.INTER_LINEAR)
    axes, shift = ground
    x = (axes[0, 0] * column + axes[0, 1] * row + axes[0, 2]) * depth + shift[0]
    y = (axes[1, 0] * column + axes[1, 1] * row + axes[1, 2]) * depth + shift[1]
    y = np.clip(y, 0, SIZE - 1) + of_face(9)
    light = cv2.remap(maps, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    # What stands on the floor is darker at its foot: less light comes from below.
    z = (axes[2, 0] * column + axes[2, 1] * row + axes[2, 2]) * depth + shift[2]
    foot = 0.72 + 0.28 * np.clip(z, 0, 1)
    bright = light * foot * texel[..., 0] * np.float32(2 / 255)
    weight = texel[..., 1] * np.float32(1 / 255)
    tones = [(of_face(10 + k) + of_face(13 + k) * weight) * bright for k in range(3)]
    return np.asarray(cv2.merge(tones), np.float32)


def _soften(image: FloatArray, face: IntArray) -> FloatArray:
    """Blur where faces meet, as a lens would; the inside of faces stays sharp."""
    edge = np.zeros(face.shape, np.uint8)
    across, along = face[:, 1:] != face[:, :-1], face[1:] != face[:-1]
    edge[:, 1:] |= across
    edge[:, :-1] |= across
    edge[1:] |= along
    edge[:-1] |= along
    blurred = cv2.GaussianBlur(image, (3, 3), 0.7)
    cv2.copyTo(blurred, edge, image)
    return image
