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

"""Shading: the color of each pixel from its face's texture and light, with soft edges."""

from typing import NamedTuple

import cv2
import numpy as np
from training.warehouse_renderer.atlas import atlas, INDEX, MIP_LEVELS, PERIODS
from training.warehouse_renderer.faces import Faces
from training.warehouse_renderer.geometry import FloatArray, PinholeCamera
from training.warehouse_renderer.lighting import Light, MAP_SIZE
from training.warehouse_renderer.painters import TEXTURE_SIZE
from training.warehouse_renderer.parts import SceneClass
from training.warehouse_renderer.raster import IntArray

STRIP_ROWS = 48


class FaceColumns(NamedTuple):
    """
    What shading needs from the faces, each an array [F].

    A texture coordinate is (column * u_column + row * u_row + u_offset) * depth in repeats of the
    texture. The color of a texel is base + weight * accent, in red, green and blue.
    """

    u_column: FloatArray
    u_row: FloatArray
    u_offset: FloatArray
    v_column: FloatArray
    v_row: FloatArray
    v_offset: FloatArray
    atlas_left: FloatArray
    atlas_top: FloatArray
    texture_size: FloatArray
    light_map_row: FloatArray
    base_red: FloatArray
    base_green: FloatArray
    base_blue: FloatArray
    accent_red: FloatArray
    accent_green: FloatArray
    accent_blue: FloatArray


def shade(
    faces: Faces,
    light: Light,
    camera: PinholeCamera,
    matrix: FloatArray,
    face_index: IntArray,
    inverse_depth: FloatArray,
) -> FloatArray:
    """
    Return the shaded image [H, W, 3], RGB of about 0..1.

    matrix [F, 3, 3] maps (column, row, 1) to (u, v, 1) over depth; face_index and inverse_depth
    are [H, W].
    """
    height, width = face_index.shape
    columns = _columns(faces, matrix, light, camera, width)
    ground = _ground(light, camera, camera.pixels_to_rays(height, width))
    image = np.empty((height, width, 3), np.float32)
    for top in range(0, height, STRIP_ROWS):
        rows = slice(top, top + STRIP_ROWS)
        strip = _strip(columns, ground, light.maps, face_index[rows], inverse_depth[rows], top)
        image[rows] = strip
    return _soften(image, face_index)


def _columns(
    faces: Faces, matrix: FloatArray, light: Light, camera: PinholeCamera, width: int
) -> FaceColumns:
    period = PERIODS[faces.texture]
    repeats = np.where(period[:, None] > 0, faces.extent / np.maximum(period, 0.1)[:, None], 1)
    texels = TEXTURE_SIZE * np.sqrt((repeats / np.maximum(faces.extent, 1e-3)).prod(1))
    zoom = texels * faces.depth / (camera.focal * width)
    level = np.clip(np.rint(np.log2(np.maximum(zoom, 1e-3))), 0, MIP_LEVELS - 1).astype(np.intp)
    size = (TEXTURE_SIZE >> level).astype(np.float32)
    uv = matrix[:, :2] * repeats[:, :, None]
    lit = np.where(faces.texture == INDEX['lamp'], 1.6, light.factor)[:, None]
    base, accent = faces.color[:, 0] * lit, faces.color[:, 1] * lit
    on_floor = np.where(faces.class_id == SceneClass.FLOOR, MAP_SIZE, 0)
    pages = atlas()
    left, top = pages.left[level] - 0.5, pages.top[faces.texture] - 0.5
    columns = [*uv.reshape(-1, 6).T, left, top, size, on_floor, *base.T, *(accent - base).T]
    return FaceColumns(*(np.ascontiguousarray(column, np.float32) for column in columns))


def _ground(
    light: Light, camera: PinholeCamera, to_ray: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """
    Return the matrix [3, 3] from (column, row, 1) to ground coordinates per depth, and offset [3].

    Ground coordinates are column and row in the light map and the height in meters.
    """
    axes = camera.rotation.T @ to_ray
    axes[:2] *= light.scale[:, None]
    return axes, np.array([*light.shift, camera.height], np.float32)


def _strip(
    columns: FaceColumns,
    ground: tuple[FloatArray, FloatArray],
    maps: FloatArray,
    face_index: IntArray,
    inverse_depth: FloatArray,
    top: int,
) -> FloatArray:
    """Return the shaded rows [h, W, 3] of a strip of the image."""
    index = face_index.astype(np.intp)
    column = np.arange(face_index.shape[1], dtype=np.float32)
    row = np.arange(top, top + len(face_index), dtype=np.float32)[:, None]
    depth = 1 / inverse_depth

    def per_pixel(values: FloatArray) -> FloatArray:
        return np.take(values, index)

    u = per_pixel(columns.u_column) * column + per_pixel(columns.u_row) * row
    u = (u + per_pixel(columns.u_offset)) * depth
    v = per_pixel(columns.v_column) * column + per_pixel(columns.v_row) * row
    v = (v + per_pixel(columns.v_offset)) * depth
    size = per_pixel(columns.texture_size)
    at_u = (u - np.floor(u)) * size + per_pixel(columns.atlas_left)
    at_v = (v - np.floor(v)) * size + per_pixel(columns.atlas_top)
    texel = cv2.remap(atlas().planes, at_u, at_v, cv2.INTER_LINEAR)
    axes, shift = ground
    x = (axes[0, 0] * column + axes[0, 1] * row + axes[0, 2]) * depth + shift[0]
    y = (axes[1, 0] * column + axes[1, 1] * row + axes[1, 2]) * depth + shift[1]
    y = np.clip(y, 0, MAP_SIZE - 1) + per_pixel(columns.light_map_row)
    light = cv2.remap(maps, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    # Objects are darker near the floor, where less light comes from below.
    z = (axes[2, 0] * column + axes[2, 1] * row + axes[2, 2]) * depth + shift[2]
    ambient_occlusion = 0.72 + 0.28 * np.clip(z, 0, 1)
    luminance = light * ambient_occlusion * texel[..., 0] * np.float32(2 / 255)
    weight = texel[..., 1] * np.float32(1 / 255)
    base = (columns.base_red, columns.base_green, columns.base_blue)
    accent = (columns.accent_red, columns.accent_green, columns.accent_blue)
    rgb = [
        (per_pixel(base_channel) + per_pixel(accent_channel) * weight) * luminance
        for base_channel, accent_channel in zip(base, accent, strict=True)
    ]
    return np.asarray(cv2.merge(rgb), np.float32)


def _soften(image: FloatArray, face_index: IntArray) -> FloatArray:
    """Blur the edges between faces in place, as a lens does."""
    edge = np.zeros(face_index.shape, np.uint8)
    across, along = face_index[:, 1:] != face_index[:, :-1], face_index[1:] != face_index[:-1]
    edge[:, 1:] |= across
    edge[:, :-1] |= across
    edge[1:] |= along
    edge[:-1] |= along
    blurred = cv2.GaussianBlur(image, (3, 3), 0.7)
    cv2.copyTo(blurred, edge, image)
    return image
