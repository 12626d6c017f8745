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

"""The parameters of the segmentation node, and a cache of their values for every frame."""

from dataclasses import dataclass, replace
from typing import Callable, List, Optional, Tuple

from rcl_interfaces.msg import SetParametersResult
from rclpy.node import Node
from rclpy.parameter import Parameter
from swiftnet_ros.backends.options import BackendOptions
from swiftnet_ros.backends.registry import check_model_path
from swiftnet_ros.errors import SwiftnetError
from swiftnet_ros.image_formats.decode import DEFAULT_MAX_PIXELS
from swiftnet_ros.model_spec.find_model import find_model
from swiftnet_ros.ros.parameters import (
    declare_parameters,
    declared_fields,
    from_ros,
    LIVE,
    parameter,
    RELOAD,
    UNCONFIGURED,
)


@dataclass(frozen=True)
class NodeParameters(BackendOptions):
    """The parameters of the segmentation node with their defaults; those of the backend too."""

    model: str = parameter(
        'indoor', 'path of an .onnx file, or name of a shipped model', changes=RELOAD
    )
    build_only: bool = parameter(
        False, 'build the engine, check it, and end: exit code 0, or 1 with one line'
    )
    autostart: bool = parameter(
        True, 'configure and activate at the start; false leaves that to a lifecycle manager'
    )
    cameras: Tuple[str, ...] = parameter(
        ('',),
        'names of cameras: front is segmented from front/image to ~/front/label_image; empty '
        'names are ignored, and with no name the single camera is image',
        changes=UNCONFIGURED,
    )
    image_transport: str = parameter(
        'raw', 'raw, or compressed: JPEG and PNG from image/compressed', changes=UNCONFIGURED
    )
    max_decoded_pixels: int = parameter(
        DEFAULT_MAX_PIXELS,
        'compressed frames with more pixels are dropped as bad',
        (1, 2**28),
        changes=UNCONFIGURED,
    )
    output_size: str = parameter(
        'camera', 'size of all outputs: camera, network, or WIDTHxHEIGHT', changes=UNCONFIGURED
    )
    always_infer: bool = parameter(
        False, 'segment frames even if no output has a subscriber', changes=UNCONFIGURED
    )
    overlay_opacity: float = parameter(
        0.5, 'opacity of the class colors over the image in ~/overlay', (0.0, 1.0), changes=LIVE
    )
    max_rate: float = parameter(
        0.0,
        'highest rate at which each camera is segmented, in Hz; 0.0 means no limit',
        (0.0, 1e3),
        changes=LIVE,
    )
    max_age: float = parameter(
        0.0,
        'age in seconds above which a frame is dropped; 0.0 means no limit',
        (0.0, 3600.0),
        changes=LIVE,
    )
    confidence_threshold: float = parameter(
        0.0, 'pixels with a lower confidence get the unlabeled id', (0.0, 1.0), changes=LIVE
    )


_CHANGES = {
    name: item.metadata.get('changes', UNCONFIGURED)
    for name, item in declared_fields(NodeParameters).items()
}


class NodeSettings:
    """
    The current values of the node's parameters, without asking ROS.

    Changes that are not allowed now are rejected with the reason; ROS itself checks types and
    ranges. Read `current` once for a frame, from any thread.
    """

    def __init__(self, node: Node, is_configured: Callable[[], bool]) -> None:
        """Declare the parameters; `is_configured` returns whether the node is configured."""
        self._node = node
        self._is_configured = is_configured
        self.current = declare_parameters(node, NodeParameters)
        node.add_on_set_parameters_callback(self._on_set)

    def _on_set(self, parameters: List[Parameter]) -> SetParametersResult:
        """Check changes that are set together, and take all of them or none."""
        for item in parameters:
            # Declaring a parameter, as topics do with their QoS, is not a change.
            is_change = self._node.has_parameter(item.name)
            reason = _reason_to_reject(item, self._is_configured()) if is_change else None
            if reason is not None:
                return SetParametersResult(successful=False, reason=reason)
        changed = {item.name: from_ros(item.value) for item in parameters if item.name in _CHANGES}
        try:
            self.current = replace(self.current, **changed)
        except SwiftnetError as error:
            return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)


def _reason_to_reject(item: Parameter, is_configured: bool) -> Optional[str]:
    """Return why a parameter may not be set to a value now, None if it may."""
    default = UNCONFIGURED if item.name.startswith('qos_overrides.') else LIVE
    changes = _CHANGES.get(item.name, default)
    if changes == UNCONFIGURED and is_configured:
        return (
            f'{item.name} is read when the node is configured: deactivate it and clean it up '
            'first (ros2 lifecycle set), or set it at the start'
        )
    if changes == RELOAD and is_configured:
        try:
            check_model_path(find_model(item.value))
        except SwiftnetError as error:
            return str(error)
    return None
