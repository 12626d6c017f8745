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

"""The --help of a node: its parameters with their defaults, and an example."""

from dataclasses import Field
from typing import Any, Optional, Sequence, Type

from swiftnet_ros.ros.parameters import declared_fields
from swiftnet_ros.system.command_line import complete, ExampleParser
from swiftnet_ros.system.json_text import to_json


def node_parser(module_doc: str, cls: Type[Any]) -> ExampleParser:
    """
    Return a parser that knows --help only; all else is for ROS.

    The docstring of the node's module has a description, and an example in its last line. `cls`
    has the parameters.
    """
    description, _, example = module_doc.strip().rpartition('\n')
    lines = [_line(name, item) for name, item in declared_fields(cls).items()]
    text = '\n'.join([description.strip(), '', 'parameters, with their defaults:', *lines])
    module = example.split()[2]
    usage = f'python -m {module} [--help] [--ros-args -p NAME:=VALUE -r TOPIC:=TOPIC ...]'
    parser = ExampleParser(module.rpartition('.')[2], text, example.strip())
    parser.usage = usage
    return parser


def print_help_if_asked(parser: ExampleParser, args: Optional[Sequence[str]]) -> None:
    """Print the help, or completions for the shell, and exit, if that is asked for."""
    complete(parser)
    parser.parse_known_args(args)


def _line(name: str, item: 'Field[Any]') -> str:
    default = list(item.default) if isinstance(item.default, tuple) else item.default
    limits = item.metadata.get('limits', ())
    span = f' ({limits[0]} to {limits[1]})' if limits else ''
    return f'  {name}:={to_json(default)}  {item.metadata["description"]}{span}'
