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

"""CameraInfo and LabelInfo messages: calibrations of cameras, and the names of class ids."""

from importlib.util import find_spec
from math import radians, tan
from typing import Any

import numpy as np
from sensor_msgs.msg import CameraInfo
from swiftnet_ros.errors import InvalidFrameError
from swiftnet_ros.model_spec import ModelSpec

AVAILABLE = find_spec('vision_msgs') is not None
"""Whether vision_msgs is installed, which LabelInfo comes from."""


def pinhole(width: int, height: int, horizontal_fov: float, header: Any) -> CameraInfo:
    """Return the calibration of an ideal camera; `horizontal_fov` is in degrees."""
    focal_length = width / 2 / tan(radians(horizontal_fov) / 2)
    x, y = (width - 1) / 2, (height - 1) / 2
    return CameraInfo(
        header=header,
        width=width,
        height=height,
        distortion_model='plumb_bob',
        d=[0.0] * 5,
        k=[focal_length, 0.0, x, 0.0, focal_length, y, 0.0, 0.0, 1.0],
        r=[1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0],
        p=[focal_length, 0.0, x, 0.0, 0.0, focal_length, y, 0.0, 0.0, 0.0, 1.0, 0.0],
    )


def scaled(info: CameraInfo, width: int, height: int) -> CameraInfo:
    """
    Return the calibration of the same camera whose image is resized to `width` x `height`.

    Pixel centers have integer coordinates, and images are resized as in `core.frames`, with
    half-pixel centers: x becomes (x + 0.5) * scale - 0.5. K and P absorb a region of interest and
    binning, as the resized image shows the region alone; D and R do not depend on the size.
    Raise InvalidFrameError if the calibration has no image size.
    """
    region = info.roi
    full_width, full_height = region.width or info.width, region.height or info.height
    if not full_width or not full_height:
        raise InvalidFrameError('camera_info has width or height 0; set them in its driver')
    scale_x, scale_y = width / full_width, height / full_height
    resize = np.array(
        [
            [scale_x, 0.0, 0.5 * scale_x - 0.5 - region.x_offset * scale_x],
            [0.0, scale_y, 0.5 * scale_y - 0.5 - region.y_offset * scale_y],
            [0.0, 0.0, 1.0],
        ]
    )
    # A calibration may hold any numbers; NumPy would warn about some of them.
    with np.errstate(all='ignore'):
        k, p = resize @ np.reshape(info.k, (3, 3)), resize @ np.reshape(info.p, (3, 4))
    return CameraInfo(
        header=info.header,
        width=width,
        height=height,
        distortion_model=info.distortion_model,
        d=info.d,
        k=k.ravel(),
        r=info.r,
        p=p.ravel(),
    )


def size_fault(info: CameraInfo, width: int, height: int) -> str:
    """
    Return that a calibration is not for images of this size, empty if it is.

    A region of interest and binning make images smaller than its size.
    """
    region = info.roi
    wide = (region.width or info.width) // max(info.binning_x, 1)
    high = (region.height or info.height) // max(info.binning_y, 1)
    if (wide, high) == (width, height):
        return ''
    return (
        f'camera_info is for images of {wide}x{high}, these are {width}x{height}: calibrate the '
        'camera at this size'
    )


def label_info(spec: ModelSpec, header: Any) -> Any:
    """
    Return the names of the class ids as a LabelInfo; only if vision_msgs is AVAILABLE.

    The unlabeled id is left out: Nav2's segmentation layer ignores ids without a name and logs an
    error for names without a cost.
    """
    from vision_msgs.msg import LabelInfo, VisionClass

    classes = [
        VisionClass(class_id=index, class_name=name) for index, name in enumerate(spec.class_names)
    ]
    return LabelInfo(header=header, class_map=classes, threshold=0.0)
