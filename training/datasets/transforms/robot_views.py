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

"""Changes of the scene as robots' cameras see it: tilted views, reflections in polished floors."""

from collections.abc import Sequence
import math
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from swiftnet_ros.errors import UnknownNameError
import torch
from torchvision import tv_tensors
from torchvision.transforms import v2
from training.datasets.class_table import UNLABELED
from training.schema.config import AugmentationConfig

# Focal length of the assumed camera relative to the image's width: 58 degrees of view.
_FOCAL_LENGTH = 0.9
# The opacity of a reflection, and the height of its vertical blur as fractions of the crop's.
_OPACITY = (0.1, 0.5)
_BLUR = (0.01, 0.08)


def reflecting_class(config: AugmentationConfig, names: Sequence[str]) -> int | None:
    """Return the id of the class that reflects, None without reflections."""
    if not config.reflection:
        return None
    if config.reflection_class not in names:
        what = 'value of augmentation.reflection_class'
        raise UnknownNameError(what, config.reflection_class, names)
    return list(names).index(config.reflection_class)


class RandomTilt(v2.Transform):  # type: ignore[misc]
    """Turn the camera about its axis (roll) and up or down (pitch), at random in degrees."""

    def __init__(self, roll: float, pitch: float, fill: Sequence[int]) -> None:
        super().__init__()
        self.roll, self.pitch, self.fill = roll, pitch, tuple(fill)

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """Draw the angles and return the homography of the image's pixels."""
        height, width = flat_inputs[0].shape[-2:]
        roll, pitch = (2 * torch.rand(2) - 1).tolist()
        return {'homography': tilt_homography(
            height, width, math.radians(self.roll * roll), math.radians(self.pitch * pitch)
        )}  # fmt: skip

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """Return the image or label as the turned camera would see it."""
        is_label = isinstance(inpt, tv_tensors.Mask)
        pixels = np.ascontiguousarray(inpt.numpy().transpose(1, 2, 0))
        height, width = pixels.shape[:2]
        warped = cv2.warpPerspective(
            pixels,
            params['homography'],
            (width, height),
            flags=cv2.INTER_NEAREST if is_label else cv2.INTER_LINEAR,
            borderValue=(UNLABELED,) if is_label else self.fill,
        ).reshape(pixels.shape)
        return tv_tensors.wrap(torch.from_numpy(warped).permute(2, 0, 1), like=inpt)


def tilt_homography(height: int, width: int, roll: float, pitch: float) -> npt.NDArray[np.float64]:
    """Return the homography [3, 3] of a camera's pixels when it turns, angles in radians."""
    focal = _FOCAL_LENGTH * width
    camera = np.array([[focal, 0, (width - 1) / 2], [0, focal, (height - 1) / 2], [0, 0, 1]])
    turn = (
        cv2.Rodrigues(np.array([0.0, 0.0, roll]))[0]
        @ cv2.Rodrigues(np.array([pitch, 0.0, 0.0]))[0]
    )
    return np.asarray(camera @ turn @ np.linalg.inv(camera))


class RandomReflection(v2.Transform):  # type: ignore[misc]
    """Mirror what stands above the upper edge of a class faintly into its pixels."""

    def __init__(self, class_id: int) -> None:
        super().__init__()
        self.class_id = class_id

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """Draw opacity and blur; find the pixels that reflect, and what they reflect."""
        label = next(item for item in flat_inputs if isinstance(item, tv_tensors.Mask))[0]
        opacity, blur = torch.rand(2).tolist()
        rows, visible = mirrored_rows(label.numpy() == self.class_id)
        low, high = _BLUR
        return {
            'rows': rows,
            'visible': visible,
            'opacity': _OPACITY[0] + (_OPACITY[1] - _OPACITY[0]) * opacity,
            'blur': 1 + 2 * round((low + (high - low) * blur) * len(rows) / 2),
        }

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """Change an image uint8 [3, H, W]; a label is returned as it is."""
        if isinstance(inpt, tv_tensors.Mask) or not params['visible'].any():
            return inpt
        image = np.ascontiguousarray(inpt.numpy().transpose(1, 2, 0))
        blurred = cv2.blur(image, (3, params['blur']))
        columns = np.arange(image.shape[1], dtype=np.float32)
        across = np.repeat(columns[None], len(image), 0)
        mirrored = cv2.remap(blurred, across, params['rows'], cv2.INTER_NEAREST)
        opacity = params['opacity']
        mixed = cv2.addWeighted(image, 1 - opacity, mirrored, opacity, 0)
        changed = np.asarray(cv2.copyTo(mixed, params['visible'], image), np.uint8)
        return tv_tensors.wrap(torch.from_numpy(changed).permute(2, 0, 1), like=inpt)


def mirrored_rows(
    mask: npt.NDArray[np.bool_],
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8]]:
    """
    Return the row that each pixel of a mask [H, W] mirrors, and 1 where there is one, else 0.

    A pixel mirrors the row as far above the upper edge of its run of the mask as it is below it.
    """
    own = np.arange(len(mask), dtype=np.int16)[:, None]
    starts = mask.copy()
    starts[1:] &= ~mask[:-1]
    edges = np.maximum.accumulate(starts * own, axis=0)
    rows = 2 * edges - 1 - own
    visible = mask & (rows >= 0)
    return rows.astype(np.float32), visible.astype(np.uint8)
