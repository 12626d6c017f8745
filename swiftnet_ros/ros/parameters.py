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
Every parameter of the nodes, declared once with its range and description.

A node's parameters are a frozen dataclass whose fields are made by `parameter`; `declare` turns
such a class into declared ROS parameters, `current` gives their values of this moment.
"""

from contextlib import contextmanager
from dataclasses import Field, field, fields
from typing import Any, cast, Dict, Iterator, Tuple, Type, TypeVar, Union

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.exceptions import InvalidParameterTypeException, InvalidParameterValueException
from rclpy.node import Node
from swiftnet_ros.errors import InvalidValueError, RosArgumentsError, UnknownNameError

Parameters = TypeVar('Parameters')
Range = Union[Tuple[int, int], Tuple[float, float], Tuple[()]]

# What ROS itself declares or reads from the same place.
_ROS_NAMES = ('use_sim_time', 'start_type_description_service')
_ROS_PREFIXES = ('qos_overrides.', 'diagnostic_updater.')
_KINDS = {
    str: 'text',
    bool: 'true or false',
    int: 'a whole number',
    float: 'a number with a decimal point',
    tuple: 'a list of text such as [front, rear]',
}

# When a parameter may be set, and what ROS tools say of it.
NEVER, UNCONFIGURED, RELOAD, LIVE = 'never', 'unconfigured', 'reload', 'live'
_CONSTRAINTS = {
    NEVER: 'read once, at the start',
    UNCONFIGURED: 'can be set while the node is unconfigured',
    RELOAD: 'can be set to a model that is there; ~/reload, or configuring, applies it',
    LIVE: 'can be set at any time',
}


def parameter(default: Any, description: str, limits: Range = (), changes: str = NEVER) -> Any:
    """Make a dataclass field that says everything about one parameter."""
    told = {'description': description, 'limits': limits, 'changes': changes}
    return field(default=default, metadata=told)


@contextmanager
def values_required() -> Iterator[None]:
    """Say what to do where rclpy makes a node from a parameter without a value: [] has no type."""
    try:
        yield
    except ValueError as error:
        reason = f"{error}: an empty list is written [''], and what has no value is left out"
        raise RosArgumentsError(reason) from error


def declare(node: Node, kind: Type[Parameters]) -> Parameters:
    """
    Declare the fields of `kind` and give the values that the user set.

    The node was made with `automatically_declare_parameters_from_overrides`, so that a name
    that nobody knows is an error here and not silently without effect.
    """
    known = declared_fields(kind)
    for name in node.get_parameters_by_prefix(''):
        if name not in known and name not in _ROS_NAMES and not name.startswith(_ROS_PREFIXES):
            raise UnknownNameError('parameter', name, known)
    for item in known.values():
        _declare_one(node, item)
    return current(node, kind)


def current(node: Node, kind: Type[Parameters]) -> Parameters:
    """Read the values of declared parameters as they are now."""
    return kind(**{name: _read(node, item) for name, item in declared_fields(kind).items()})


def declared_fields(kind: Any) -> Dict[str, 'Field[Any]']:
    """Return the fields of a class of parameters that are declared, by name."""
    declared = fields(cast(Any, kind))
    return {item.name: item for item in declared if item.metadata.get('parameter', True)}


def descriptor(item: 'Field[Any]') -> ParameterDescriptor:
    """Describe a parameter to ROS; its range is in the type of its default."""
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


def _read(node: Node, item: 'Field[Any]') -> Any:
    value = node.get_parameter(item.name).value
    return tuple(value) if isinstance(item.default, tuple) else value


def _declare_one(node: Node, item: 'Field[Any]') -> None:
    given = None
    if node.has_parameter(item.name):
        given = node.get_parameter(item.name).value
        node.undeclare_parameter(item.name)
    default = list(item.default) if isinstance(item.default, tuple) else item.default
    try:
        node.declare_parameter(item.name, default, descriptor(item))
    except (InvalidParameterTypeException, InvalidParameterValueException) as error:
        raise InvalidValueError(f'parameter {item.name}', given, _expected(item)) from error


def _expected(item: 'Field[Any]') -> str:
    limits = item.metadata['limits']
    kind = _KINDS[type(item.default)]
    return f'{kind} of {limits[0]} to {limits[1]}' if limits else kind
