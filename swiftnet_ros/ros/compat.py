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
from typing import Any, Callable, Dict, Iterator, Optional, Tuple

from rclpy.exceptions import ParameterException
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
def parameter_errors() -> Iterator[None]:
    """Raise RosArgumentsError if a node is created with a wrong value of a parameter of ROS."""
    try:
        yield
    except ParameterException as error:
        raise RosArgumentsError(error) from error


def parameter_overrides(node: Node) -> Dict[str, Any]:
    """
    Return the values that the user set, by parameter, whether or not a node declares it.

    rclpy shows only what is declared, and from Jazzy on cannot declare a parameter without a
    value, which may be for another node.
    """
    given: Dict[str, Parameter] = node._parameter_overrides
    return {name: parameter.value for name, parameter in given.items()}


def check_value(name: str, value: Any) -> None:
    """Raise RosArgumentsError if a parameter was set to no value, such as an empty list."""
    if value is None:
        raise RosArgumentsError(f'parameter {name} has no value: {_WRITE_VALUES}')


def guard_clock(node: Node, is_time: Callable[[Any], bool]) -> None:
    """
    Let a node take only those messages of /clock as its time for which `is_time` returns True.

    It may already be subscribed, or may be later, when use_sim_time is set.
    """
    source: Any = node._time_source
    set_time = source.clock_callback

    def guarded(message: Any) -> None:
        if is_time(message):
            set_time(message)

    source.clock_callback = guarded
    if source._clock_sub is not None:
        source._clock_sub.callback = guarded
