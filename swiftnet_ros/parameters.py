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
Every parameter of the segmentation node, declared once with its range and description.

A node's parameters are a frozen dataclass whose fields are made by `parameter`; `declare` turns
such a class into declared ROS parameters and gives their values.
"""

from dataclasses import dataclass, Field, field, fields
from typing import Any, cast, Dict, Tuple, Type, TypeVar, Union

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.exceptions import InvalidParameterTypeException, InvalidParameterValueException
from rclpy.node import Node
from swiftnet_ros.errors import InvalidValueError, UnknownNameError

Parameters = TypeVar('Parameters')
Range = Union[Tuple[int, int], Tuple[float, float], Tuple[()]]

# What ROS itself declares or reads from the same place.
_ROS_NAMES = ('use_sim_time', 'start_type_description_service')
_ROS_PREFIX = 'qos_overrides.'
_KINDS = {
    str: 'text',
    bool: 'true or false',
    int: 'a whole number',
    float: 'a number with a decimal point',
}


def parameter(default: Any, description: str, limits: Range = ()) -> Any:
    """Make a dataclass field that says everything about one parameter."""
    return field(default=default, metadata={'description': description, 'limits': limits})


@dataclass(frozen=True)
class NodeParameters:
    """What the segmentation node is told at its start."""

    model: str = parameter('warehouse', 'an .onnx file, or the name of a shipped model')
    engine: str = parameter('auto', 'what runs the model: auto, or the name of an engine')
    precision: str = parameter(
        'auto', 'auto, fp32 or bf16; auto is bf16 where the CPU computes in it, else fp32'
    )
    threads: int = parameter(
        0, 'CPU threads of the engine; 0 takes every CPU that the process may use', (0, 256)
    )
    overlay_opacity: float = parameter(
        0.5, 'how much the class colours cover the picture in ~/overlay', (0.0, 1.0)
    )


def declare(node: Node, kind: Type[Parameters]) -> Parameters:
    """
    Declare the fields of `kind`, read-only, and give the values that the user set.

    The node was made with `automatically_declare_parameters_from_overrides`, so that a name
    that nobody knows is an error here and not silently without effect.
    """
    known: Dict[str, Field[Any]] = {item.name: item for item in fields(cast(Any, kind))}
    given = node.get_parameters_by_prefix('')
    for name in given:
        if name not in known and name not in _ROS_NAMES and not name.startswith(_ROS_PREFIX):
            raise UnknownNameError('parameter', name, known)
    return kind(**{name: _declare_one(node, item) for name, item in known.items()})


def descriptor(item: 'Field[Any]') -> ParameterDescriptor:
    """Describe a parameter to ROS; its range is in the type of its default."""
    described = ParameterDescriptor(description=item.metadata['description'], read_only=True)
    if item.metadata['limits']:
        low, high = item.metadata['limits']
        if isinstance(item.default, float):
            span = FloatingPointRange(from_value=low, to_value=high)
            described.floating_point_range = [span]
        else:
            described.integer_range = [IntegerRange(from_value=low, to_value=high, step=1)]
    return described


def _declare_one(node: Node, item: 'Field[Any]') -> Any:
    given = None
    if node.has_parameter(item.name):
        given = node.get_parameter(item.name).value
        node.undeclare_parameter(item.name)
    try:
        return node.declare_parameter(item.name, item.default, descriptor(item)).value
    except (InvalidParameterTypeException, InvalidParameterValueException) as error:
        raise InvalidValueError(f'parameter {item.name}', given, _expected(item)) from error


def _expected(item: 'Field[Any]') -> str:
    limits = item.metadata['limits']
    kind = _KINDS[type(item.default)]
    return f'{kind} of {limits[0]} to {limits[1]}' if limits else kind
