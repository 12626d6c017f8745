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
Differences between the ROS releases from Humble to Rolling.

"Remove with X" is a function that is not needed once release X is no longer supported.
"""

from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from typing import Iterator, Optional, Tuple

from rclpy.node import Node
from rclpy.parameter import Parameter
from swiftnet_ros.errors import RosArgumentsError

PROFILE_VARIABLES = ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE')
# Major versions of rclpy.
_IRON, _KILTED = 4, 9
_WRITE_VALUES = "write an empty list as [''], and leave out what has no value"


def rclpy_major() -> Optional[int]:
    """Return the major version of rclpy: 3 of Humble, 7 of Jazzy; None if it is unknown."""
    try:
        return int(version('rclpy').split('.')[0])
    except (PackageNotFoundError, ValueError):
        return None


def needs_localhost_only() -> bool:
    """
    Return whether ROS_LOCALHOST_ONLY is needed to limit discovery to this machine.

    Newer releases warn about it and read ROS_AUTOMATIC_DISCOVERY_RANGE. Remove with Humble.
    """
    major = rclpy_major()
    return major is not None and major < _IRON


def profile_variables() -> Tuple[str, ...]:
    """
    Return the PROFILE_VARIABLES that the installed release reads; both if it is unknown.

    Kilted and newer warn about the first, older releases read only it. Remove with Jazzy.
    """
    major = rclpy_major()
    if major is None:
        return PROFILE_VARIABLES
    return PROFILE_VARIABLES[1:] if major >= _KILTED else PROFILE_VARIABLES[:1]


@contextmanager
def reject_empty_values() -> Iterator[None]:
    """Raise RosArgumentsError if Jazzy or newer rejects a parameter without a value, as []."""
    try:
        yield
    except ValueError as error:
        raise RosArgumentsError(f'{error}: {_WRITE_VALUES}') from error


def check_values(node: Node) -> None:
    """
    Raise RosArgumentsError if a declared parameter of a node has no value.

    Humble accepts it, where newer releases raise before. Remove with Humble.
    """
    for name, parameter in node.get_parameters_by_prefix('').items():
        if getattr(parameter, 'type_', None) == Parameter.Type.NOT_SET:
            raise RosArgumentsError(f'parameter {name} has no value: {_WRITE_VALUES}')
