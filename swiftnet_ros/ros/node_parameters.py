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

"""The parameters of the segmentation node, and when each of them may be set."""

from dataclasses import dataclass
from typing import Callable, List, Tuple

from rcl_interfaces.msg import SetParametersResult
from rclpy.node import Node
from rclpy.parameter import Parameter
from swiftnet_ros.backends.options import BackendOptions
from swiftnet_ros.errors import SwiftnetError
from swiftnet_ros.model_spec.find_model import find_model
from swiftnet_ros.ros.parameters import declared_fields, LIVE, parameter, RELOAD, UNCONFIGURED


@dataclass(frozen=True)
class NodeParameters(BackendOptions):
    """The options of the backend, and everything else that a user can set."""

    model: str = parameter(
        'warehouse', 'an .onnx file, or the name of a shipped model', changes=RELOAD
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
        'names are ignored, and without any the single camera is image',
        changes=UNCONFIGURED,
    )
    image_transport: str = parameter(
        'raw', 'raw, or compressed: JPEG and PNG from image/compressed', changes=UNCONFIGURED
    )
    max_decoded_pixels: int = parameter(
        7680 * 4320,
        'compressed frames of more pixels are dropped as bad',
        (1, 2**28),
        changes=UNCONFIGURED,
    )
    output_size: str = parameter(
        'camera', 'size of all outputs: camera, network, or WIDTHxHEIGHT', changes=UNCONFIGURED
    )
    always_infer: bool = parameter(
        False, 'segment frames even while nobody listens to any output', changes=UNCONFIGURED
    )
    overlay_opacity: float = parameter(
        0.5,
        'how much the class colours cover the picture in ~/overlay',
        (0.0, 1.0),
        changes=LIVE,
    )
    max_rate: float = parameter(
        0.0, 'answers per second of each camera at most; 0.0 is no limit', (0.0, 1e3), changes=LIVE
    )
    max_age: float = parameter(
        0.0,
        'seconds after which a frame is too old to be segmented; 0.0 is never',
        (0.0, 3600.0),
        changes=LIVE,
    )
    confidence_threshold: float = parameter(
        0.0, 'pixels of less confidence get the unlabeled id', (0.0, 1.0), changes=LIVE
    )


_CHANGES = {
    name: item.metadata.get('changes', UNCONFIGURED)
    for name, item in declared_fields(NodeParameters).items()
}


def guard_parameters(node: Node, is_configured: Callable[[], bool]) -> None:
    """
    Refuse what may not be set now, with the reason; types and ranges ROS holds itself.

    What is accepted is read from the node when it is next needed.
    """

    def check(changed: List[Parameter]) -> SetParametersResult:
        for item in changed:
            # What is being declared is not being changed.
            reason = _refusal(item, is_configured()) if node.has_parameter(item.name) else ''
            if reason:
                return SetParametersResult(successful=False, reason=reason)
        return SetParametersResult(successful=True)

    node.add_on_set_parameters_callback(check)


def _refusal(item: Parameter, is_configured: bool) -> str:
    """Say why a parameter may not be set to a value now; empty if it may."""
    default = UNCONFIGURED if item.name.startswith('qos_overrides.') else LIVE
    changes = _CHANGES.get(item.name, default)
    if changes == UNCONFIGURED and is_configured:
        return (
            f'{item.name} is read when the node is configured: deactivate it and clean it up '
            'first (ros2 lifecycle set), or give it at the start'
        )
    if changes == RELOAD and is_configured:
        try:
            find_model(item.value)
        except SwiftnetError as error:
            return str(error)
    return ''
