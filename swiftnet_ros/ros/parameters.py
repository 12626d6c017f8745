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
ROS parameters from a frozen dataclass: names, defaults, ranges and descriptions in one place.

Its fields are made by `parameter`; `declare_parameters` declares them and returns their values.
"""

from contextlib import contextmanager
from dataclasses import Field, field, fields
from difflib import get_close_matches
import sys
from typing import Any, cast, Dict, Iterable, Iterator, Tuple, Type, TypeVar, Union

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.exceptions import InvalidParameterTypeException, InvalidParameterValueException
from rclpy.node import Node
from swiftnet_ros.errors import InvalidValueError, UnknownNameError
from swiftnet_ros.ros.compat import check_value, parameter_overrides
from swiftnet_ros.ros.parameter_sources import parameter_sources
from swiftnet_ros.text import safe_text

ParametersT = TypeVar('ParametersT')
Limits = Union[Tuple[int, int], Tuple[float, float], Tuple[()]]

# Parameters that ROS and its libraries declare themselves.
_ROS_NAMES = ('use_sim_time', 'start_type_description_service')
_ROS_PREFIXES = ('qos_overrides.', 'diagnostic_updater.')
# How alike, from 0 to 1, a mistyped name is to the right one.
_TYPO = 0.8
NUMBER = 'a number with a decimal point'
_TYPE_NAMES = {
    str: 'text',
    bool: 'true or false',
    int: 'a whole number',
    float: NUMBER,
    tuple: 'a list of text such as [front, rear]',
}

# When a parameter may be set, and the constraint that ROS tools show.
NEVER, UNCONFIGURED, RELOAD, LIVE = 'never', 'unconfigured', 'reload', 'live'
_CONSTRAINTS = {
    NEVER: 'read once, at the start',
    UNCONFIGURED: 'can be set while the node is unconfigured',
    RELOAD: 'can be set at any time, to an existing model; takes effect on ~/reload or configure',
    LIVE: 'can be set at any time',
}


def parameter(default: Any, description: str, limits: Limits = (), changes: str = NEVER) -> Any:
    """Return a dataclass field that describes one parameter; `changes` is when it may be set."""
    metadata = {'description': description, 'limits': limits, 'changes': changes}
    return field(default=default, metadata=metadata)


def declare_parameters(node: Node, cls: Type[ParametersT]) -> ParametersT:
    """
    Declare the fields of `cls` and return the values that the user set.

    A name that `cls` does not have raises UnknownNameError, where ROS would ignore it, unless it
    was set for all nodes: then it is a warning. Raise InvalidValueError for a value of the wrong
    type or out of range.
    """
    known = declared_fields(cls)
    _check_names(node, known)
    for item in known.values():
        _declare(node, item)
    return read_parameters(node, cls)


def read_parameters(node: Node, cls: Type[ParametersT]) -> ParametersT:
    """Return the current values of the declared parameters."""
    values = {name: node.get_parameter(name).value for name in declared_fields(cls)}
    return cls(**{name: from_ros(value) for name, value in values.items()})


def declared_fields(cls: Any) -> Dict[str, 'Field[Any]']:
    """Return the fields of `cls` that are parameters, by name."""
    items = fields(cast(Any, cls))
    return {item.name: item for item in items if item.metadata.get('parameter', True)}


def from_ros(value: Any) -> Any:
    """Return a parameter's value as a frozen dataclass has it: a tuple for a list."""
    return tuple(value) if isinstance(value, list) else value


def descriptor(item: 'Field[Any]') -> ParameterDescriptor:
    """Return the descriptor of a field; its range is in the type of its default."""
    changes = item.metadata.get('changes', UNCONFIGURED)
    described = ParameterDescriptor(
        description=item.metadata['description'],
        additional_constraints=_CONSTRAINTS[changes],
        read_only=changes == NEVER,
    )
    if item.metadata['limits']:
        low, high = item.metadata['limits']
        if isinstance(item.default, float):
            span = FloatingPointRange(from_value=low, to_value=high)
            described.floating_point_range = [span]
        else:
            described.integer_range = [IntegerRange(from_value=low, to_value=high, step=1)]
    return described


@contextmanager
def undeclared(node: Node, name: str, expected: str) -> Iterator[None]:
    """
    Undeclare a parameter that rclpy declared from the user's value; the block declares it.

    Raise InvalidValueError if the block does not accept that value.
    """
    override = parameter_overrides(node).get(name)
    if node.has_parameter(name):
        node.undeclare_parameter(name)
    try:
        yield
    except (InvalidParameterTypeException, InvalidParameterValueException) as error:
        raise InvalidValueError(f'parameter {name}', override, expected) from error


def _check_names(node: Node, known: Iterable[str]) -> None:
    unknown = []
    for name, value in parameter_overrides(node).items():
        is_of_ros = name.startswith(_ROS_PREFIXES)
        if name in known or is_of_ros:
            check_value(name, value)
        elif name not in _ROS_NAMES:
            unknown.append(name)
        # ROS itself would declare them read-only.
        if is_of_ros and not node.has_parameter(name):
            node.declare_parameter(name, value, ignore_override=True)
    if not unknown:
        return
    sources = parameter_sources(sys.argv, node.get_name())
    for name in unknown:
        near = get_close_matches(name, list(known), 1, _TYPO)
        is_unclear = name in sources.unaddressed or not sources.is_complete
        is_for_all = name in sources.all_nodes or (is_unclear and not near)
        if name in sources.this_node or not is_for_all:
            raise UnknownNameError('parameter', name, known)
        hint = f'; did you mean {near[0]}?' if near else ''
        node.get_logger().warning(
            f'parameter {safe_text(name)} is set for all nodes, but not one of this node{hint}'
        )


def _declare(node: Node, item: 'Field[Any]') -> None:
    default = list(item.default) if isinstance(item.default, tuple) else item.default
    with undeclared(node, item.name, _expected(item)):
        node.declare_parameter(item.name, default, descriptor(item))


def _expected(item: 'Field[Any]') -> str:
    limits = item.metadata['limits']
    name = _TYPE_NAMES[type(item.default)]
    return f'{name} of {limits[0]} to {limits[1]}' if limits else name
