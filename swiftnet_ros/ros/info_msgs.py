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

"""Calibration messages: of an ideal pinhole camera, and of one whose picture was stretched."""

from importlib.util import find_spec
from math import radians, tan
from typing import Any

import numpy as np
from sensor_msgs.msg import CameraInfo
from swiftnet_ros.errors import InvalidFrameError
from swiftnet_ros.model_spec import ModelSpec

AVAILABLE = find_spec('vision_msgs') is not None
"""Whether vision_msgs is installed."""


def label_info(spec: ModelSpec, header: Any) -> Any:
    """
    Name the ids of a label image; only where vision_msgs is AVAILABLE.

    The id of unlabeled pixels is left out: Nav2's segmentation layer skips ids without a name
    and complains of names without a cost.
    """
    from vision_msgs.msg import LabelInfo, VisionClass

    classes = [
        VisionClass(class_id=index, class_name=name) for index, name in enumerate(spec.class_names)
    ]
    return LabelInfo(header=header, class_map=classes, threshold=0.0)


def pinhole(width: int, height: int, horizontal_fov: float, header: Any) -> CameraInfo:
    """Describe a camera without distortion; the field of view is in degrees across the width."""
    focal = width / 2 / tan(radians(horizontal_fov) / 2)
    x, y = (width - 1) / 2, (height - 1) / 2
    return CameraInfo(
        header=header,
        width=width,
        height=height,
        distortion_model='plumb_bob',
        d=[0.0] * 5,
        k=[focal, 0.0, x, 0.0, focal, y, 0.0, 0.0, 1.0],
        r=[1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0],
        p=[focal, 0.0, x, 0.0, 0.0, focal, y, 0.0, 0.0, 0.0, 1.0, 0.0],
    )


def scaled(info: CameraInfo, width: int, height: int) -> CameraInfo:
    """
    Describe the same camera with its picture stretched to `width` x `height`.

    Pixel centres lie at whole numbers, and pictures are stretched as in `frames`, by half-pixel
    centres: x becomes (x + 0.5) * scale - 0.5. A region of interest and binning go into K and P,
    for the new picture is all there is. D and R do not depend on the size. InvalidFrameError
    where the message does not say how large its picture is.
    """
    region = info.roi
    full_width, full_height = region.width or info.width, region.height or info.height
    if not full_width or not full_height:
        raise InvalidFrameError('camera_info has width or height 0; set them in its driver')
    scale_x, scale_y = width / full_width, height / full_height
    stretch = np.array(
        [
            [scale_x, 0.0, 0.5 * scale_x - 0.5 - region.x_offset * scale_x],
            [0.0, scale_y, 0.5 * scale_y - 0.5 - region.y_offset * scale_y],
            [0.0, 0.0, 1.0],
        ]
    )
    return CameraInfo(
        header=info.header,
        width=width,
        height=height,
        distortion_model=info.distortion_model,
        d=info.d,
        k=(stretch @ np.reshape(info.k, (3, 3))).ravel(),
        r=info.r,
        p=(stretch @ np.reshape(info.p, (3, 4))).ravel(),
    )
