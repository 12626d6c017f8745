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

"""Which parameters of the segmentation node may be set at which moment, and why not."""

from dataclasses import fields
from typing import Callable, List

from rcl_interfaces.msg import SetParametersResult
from rclpy.node import Node
from rclpy.parameter import Parameter
from swiftnet_ros.errors import SwiftnetError
from swiftnet_ros.model_spec.find_model import find_model
from swiftnet_ros.parameters import LIVE, NodeParameters, RELOAD, UNCONFIGURED

_CHANGES = {item.name: item.metadata['changes'] for item in fields(NodeParameters)}


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
