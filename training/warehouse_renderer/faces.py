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

"""The visible faces of a scene: convex polygons of its parts, clipped and projected."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from training.warehouse_renderer.atlas import INDEX
from training.warehouse_renderer.geometry import FloatArray, PinholeCamera
from training.warehouse_renderer.parts import Block, Disc, Hull, Paint, Part

CORNERS = 14
NEAR_PLANE = 0.1
# The corners (bit 0: right, 1: ahead, 2: top) of a block's faces, clockwise from their top left.
BLOCK_FACES = np.array(
    [[5, 7, 3, 1], [6, 4, 0, 2], [7, 6, 2, 3], [4, 5, 1, 0], [6, 7, 5, 4], [0, 1, 3, 2]]
)
FACE_TEXTURES = np.array([0, 0, 1, 1, 2, 2])
_bits = np.arange(8)[:, None] >> np.arange(3) & 1
_turn = np.arange(CORNERS) * 2 * np.pi / CORNERS
DIRECTIONS = np.stack([np.cos(_turn), np.sin(_turn)], -1).astype(np.float32)


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


class Polygons(NamedTuple):
    """
    F polygons with their texture frames and appearance.

    corners [F, CORNERS, 3]; frame [F, 3, 3], rows: the texture's origin, u axis and v axis;
    color [F, 2, 3], rows: base and accent; class_id [F]; texture [F].
    """

    corners: FloatArray
    frame: FloatArray
    color: FloatArray
    class_id: NDArray[np.uint8]
    texture: NDArray[np.intp]


def project(parts: Sequence[Part], camera: PinholeCamera) -> Faces:
    """Return the faces that are turned to the camera, the nearest first."""
    groups = [
        from_blocks([p for p in parts if isinstance(p, Block)], camera),
        from_discs([p for p in parts if isinstance(p, Disc)], camera),
        from_hulls([p for p in parts if isinstance(p, Hull)], camera),
    ]
    every = Polygons._make(np.concatenate(column) for column in zip(*groups, strict=True))
    seen = _visible(every, 0.5 / camera.focal)
    return _faces(Polygons._make(column[seen] for column in every), camera)


def _visible(every: Polygons, slope: float) -> NDArray[np.intp]:
    """
    Return the indices of the polygons that are turned to the camera, the nearest first.

    Those entirely left or right of the field of view (|x| > slope z) are left out.
    """
    x, z = every.corners[..., 0], every.corners[..., 2]
    in_view = (x < slope * z).any(1) & (x > -slope * z).any(1)
    in_view &= (z > NEAR_PLANE).any(1)
    order = np.argsort(z.mean(1), kind='stable')
    return np.asarray(order[(is_facing(every.frame) & in_view)[order]])


def _faces(seen: Polygons, camera: PinholeCamera) -> Faces:
    """Return the faces of visible polygons."""
    corners = clip_near(seen.corners)
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


def from_blocks(blocks: Sequence[Block], camera: PinholeCamera) -> Polygons:
    """Return the faces of all blocks that are turned to the camera."""
    corners = camera.to_camera(block_corners(blocks))[:, BLOCK_FACES].reshape(-1, 4, 3)
    frame = corners[:, [0, 1, 3]]
    frame[:, 1:] -= frame[:, :1]
    color, class_id, texture = _appearance([b.paint for b in blocks])
    seen = np.flatnonzero(is_facing(frame))
    block, face = np.divmod(seen, 6)
    padded = corners[seen][:, np.minimum(np.arange(CORNERS), 3)]
    return Polygons(
        padded, frame[seen], color[block], class_id[block], texture[block, FACE_TEXTURES[face]]
    )


def is_facing(frame: FloatArray) -> NDArray[np.bool_]:
    """Return which polygons, given by texture frames [F, 3, 3], are turned to the camera: [F]."""
    away = np.cross(frame[:, 1], frame[:, 2])
    return np.asarray((away * frame[:, 0]).sum(1) > 1e-7)


def block_corners(blocks: Sequence[Block]) -> FloatArray:
    """Return the corners [N, 8, 3] of blocks in the world, the four of their bases first."""
    rows = np.array([(*b.pose, *b.size, b.taper, b.lean) for b in blocks], np.float32)
    x, y, z, yaw, sx, sy, sz, taper, lean = rows.T[..., None]
    top = _bits[:, 2]
    scale = 1 + (taper - 1) * top
    right = (_bits[:, 0] - 0.5) * sx * scale + lean * top
    ahead = (_bits[:, 1] - 0.5) * sy * scale
    c, s = np.cos(yaw), np.sin(yaw)
    world = (x + c * right - s * ahead, y + s * right + c * ahead, z + sz * top)
    return np.asarray(np.stack(world, -1), np.float32)


def from_discs(discs: Sequence[Disc], camera: PinholeCamera) -> Polygons:
    """Return one polygon per disc, whatever its direction."""
    world = np.array([_disc_frame(d) for d in discs], np.float32).reshape(-1, 3, 3)
    frame = camera.to_camera(world)
    frame[:, 1:] -= frame[:, :1]
    u, v = (DIRECTIONS.T[..., None] + 1) / 2
    corners = frame[:, :1] + u * frame[:, 1:2] + v * frame[:, 2:]
    color, class_id, texture = _appearance([d.paint for d in discs])
    return Polygons(corners, frame, color, class_id, texture[:, 0])


def _disc_frame(disc: Disc) -> list[tuple[float, float, float]]:
    """Return three corners of the square around a disc: top left, top right, bottom left."""
    r = disc.radius
    corners = disc.center.at(0, -r, r), disc.center.at(0, r, r), disc.center.at(0, -r, -r)
    return [pose[:3] for pose in corners]


def from_hulls(hulls: Sequence[Hull], camera: PinholeCamera) -> Polygons:
    """Return each hull's outline as a polygon parallel to the image; skip those too near."""
    most = max((len(hull.balls) for hull in hulls), default=1)
    rows = [[(*p[:3], r) for p, r in (h.balls * most)[: most - 1] + h.balls[-1:]] for h in hulls]
    balls = np.array(rows, np.float32).reshape(-1, most, 4)
    seen = camera.to_camera(balls[..., :3])
    kept = seen[..., 2].min(1) > 5 * NEAR_PLANE
    flat = np.concatenate([seen[..., :2], balls[..., 3:]], -1)[kept] / seen[kept][..., 2:]
    lift = np.array([hull.lift for hull in hulls], np.float32)[kept]
    depth = (seen[kept][..., 2].mean(1) - lift)[:, None, None]
    outline = _outline(flat)
    color, class_id, texture = _appearance(
        [h.paint for h, keep in zip(hulls, kept, strict=True) if keep]
    )
    ones = np.ones_like(outline[..., :1])
    corners = np.concatenate([outline, ones], -1) * depth
    return Polygons(corners, _frame(flat, outline) * depth, color, class_id, texture[:, 0])


def _outline(flat: FloatArray) -> FloatArray:
    """
    Return the corners [N, CORNERS, 2] of hulls of circles [N, n, (x, y, radius)].

    Each corner is the farthest point in one of CORNERS directions.
    """
    reach = flat[..., :2] @ DIRECTIONS.T + flat[..., 2:]
    farthest = reach.argmax(1)
    circle = np.take_along_axis(flat, farthest[..., None], 1)
    return np.asarray(circle[..., :2] + circle[..., 2:] * DIRECTIONS, np.float32)


def _frame(flat: FloatArray, outline: FloatArray) -> FloatArray:
    """Return texture frames [N, 3, 3] at depth 1 around outlines, v from first to last circle."""
    down = flat[:, -1, :2] - flat[:, 0, :2] + np.array([0, 1e-6], np.float32)
    down /= np.linalg.norm(down, axis=1, keepdims=True)
    axes = np.stack([np.stack([down[:, 1], -down[:, 0]], -1), down], 1)
    along = outline @ axes.transpose(0, 2, 1)
    low, span = along.min(1), np.ptp(along, 1)
    frame = np.zeros((len(flat), 3, 3), np.float32)
    frame[:, 0, :2] = (low[:, None] @ axes)[:, 0]
    frame[:, 1:, :2] = axes * span[..., None]
    frame[:, 0, 2] = 1
    return frame


def _appearance(paints: Sequence[Paint]) -> tuple[FloatArray, NDArray[np.uint8], NDArray[np.intp]]:
    """Return colors [N, 2, 3], classes [N] and textures [N, 3: side, end, top]."""
    color = np.array([(p.base, p.accent) for p in paints], np.float32).reshape(-1, 2, 3)
    color *= np.array([p.shade for p in paints], np.float32)[:, None, None]
    class_id = np.array([p.class_id for p in paints], np.uint8)
    names = [(p.texture, p.end or p.texture, p.top or p.texture) for p in paints]
    texture = np.array([[INDEX[n] for n in row] for row in names], np.intp).reshape(-1, 3)
    return color, class_id, texture


def clip_near(corners: FloatArray) -> FloatArray:
    """Clip polygons [F, CORNERS, 3] at the near plane; those entirely nearer become points."""
    crossing = np.flatnonzero((corners[..., 2] < NEAR_PLANE).any(1))
    clipped = corners.copy()
    for i in crossing:
        clipped[i] = _clip(corners[i])
    return clipped


def _clip(polygon: FloatArray) -> FloatArray:
    """Clip one polygon [CORNERS, 3] at the near plane (Sutherland and Hodgman)."""
    kept: list[FloatArray] = []
    for a, b in zip(polygon, np.roll(polygon, -1, 0), strict=True):
        if a[2] >= NEAR_PLANE:
            kept.append(a)
        if (a[2] < NEAR_PLANE) != (b[2] < NEAR_PLANE):
            kept.append(a + (b - a) * (NEAR_PLANE - a[2]) / (b[2] - a[2]))
    if not kept:
        return np.full_like(polygon, NEAR_PLANE)
    return np.stack((kept + [kept[-1]] * CORNERS)[:CORNERS])
