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
Poses in the world and the pinhole camera.

World: meters, x right, y ahead, z up, the floor at z = 0. Camera: x right, y down, z ahead.
"""

from dataclasses import dataclass
from functools import cached_property
import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]


class Pose(NamedTuple):
    """A position in the world in meters and a rotation about z in radians."""

    x: float
    y: float
    z: float = 0.0
    yaw: float = 0.0

    def at(self, right: float = 0, ahead: float = 0, up: float = 0, turn: float = 0) -> 'Pose':
        """Return the pose at an offset in this pose's frame."""
        c, s = math.cos(self.yaw), math.sin(self.yaw)
        x = self.x + c * right - s * ahead
        y = self.y + s * right + c * ahead
        return Pose(x, y, self.z + up, self.yaw + turn)


@dataclass(frozen=True)
class PinholeCamera:
    """
    A pinhole camera above the world's origin.

    Height in meters, angles in radians (yaw to the left, pitch down, roll to the right), focal
    length in image widths.
    """

    height: float
    yaw: float
    pitch: float
    roll: float
    focal: float

    @cached_property
    def rotation(self) -> FloatArray:
        """Return the camera's axes in the world, one per row [3, 3]."""
        cy, sy = math.cos(self.yaw), math.sin(self.yaw)
        cp, sp = math.cos(self.pitch), math.sin(self.pitch)
        right = np.array([cy, sy, 0.0])
        ahead = np.array([-sy * cp, cy * cp, -sp])
        down = np.cross(ahead, right)
        cr, sr = math.cos(self.roll), math.sin(self.roll)
        axes = np.stack([cr * right + sr * down, cr * down - sr * right, ahead])
        return np.asarray(axes, np.float32)

    def to_camera(self, points: FloatArray) -> FloatArray:
        """Return world points [..., 3] in camera coordinates [..., 3]."""
        origin = np.array([0.0, 0.0, self.height], np.float32)
        return np.asarray((points - origin) @ self.rotation.T, np.float32)

    def pixels_to_rays(self, height: int, width: int) -> FloatArray:
        """Return the matrix [3, 3] from (column, row, 1) to a ray of depth 1."""
        f = self.focal * width
        u0, v0 = width / 2 - 0.5, height / 2 - 0.5
        return np.array([[1 / f, 0, -u0 / f], [0, 1 / f, -v0 / f], [0, 0, 1]], np.float32)
