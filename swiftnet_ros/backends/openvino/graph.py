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

"""Rewrite a network for the kernels of OpenVINO's CPU plugin: the same values, in less time."""

from typing import Any

import numpy as np

try:
    from openvino import opset8
except ImportError:  # before 2025
    from openvino.runtime import opset8

REVISION = 1
"""To be raised with every change of what this module does; cached networks depend on it."""

_MOST_CHANNELS = 4
_HALVING = {'kernel': [2, 2], 'strides': [2, 2], 'pads_begin': [0, 0], 'pads_end': [0, 0]}


def halve_images_by_convolution(network: Any) -> int:
    """
    Replace means of 2x2 pixels of images by convolutions, and return how many.

    For its pooling kernel OpenVINO pads the three channels of an image to 16, which takes much
    longer. A quarter of each pixel is exact in floating point, so only the order of the sum could
    make a difference.
    """
    images = [node for node in network.get_ordered_ops() if _halves_an_image(node)]
    for node in images:
        channels = node.get_output_partial_shape(0)[1].get_length()
        quarter = opset8.constant(np.full((channels, 1, 1, 2, 2), 0.25, np.float32))
        convolution = opset8.group_convolution(
            node.input_value(0), quarter, [2, 2], [0, 0], [0, 0], [1, 1]
        )
        convolution.set_friendly_name(node.get_friendly_name())
        node.output(0).replace(convolution.output(0))
    return len(images)


def _halves_an_image(node: Any) -> bool:
    if node.get_type_name() != 'AvgPool':
        return False
    found, shape = node.get_attributes(), node.get_output_partial_shape(0)
    is_image = len(shape) == 4 and shape[1].is_static and shape[1].get_length() <= _MOST_CHANNELS
    is_float = node.get_output_element_type(0).get_type_name() == 'f32'
    return (
        is_image and is_float and all(found.get(key) == value for key, value in _HALVING.items())
    )
