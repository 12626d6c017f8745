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

"""Whom the parameters in ROS arguments are for: this node by its name, or all nodes."""

from dataclasses import dataclass
from typing import FrozenSet, Iterator, List, Optional, Sequence, Set, Tuple

from swiftnet_ros.system.file_reader import read_regular
import yaml

_PARAMETERS = 'ros__parameters'


@dataclass(frozen=True)
class ParameterSources:
    """
    The names of parameters, by whom they are for.

    `this_node` are said to the node by its name, `all_nodes` below a wildcard such as `/**`, or
    by a launch file. `unaddressed` are those of `-p NAME:=VALUE` on a user's command line.
    Not complete if a parameter file cannot be read again, such as the pipe of `<(...)`.
    """

    this_node: FrozenSet[str]
    all_nodes: FrozenSet[str]
    unaddressed: FrozenSet[str]
    is_complete: bool = True


def parameter_sources(arguments: Sequence[str], node_name: str) -> ParameterSources:
    """Return whom the parameters in the arguments of a process, which ROS accepted, are for."""
    this_node: Set[str] = set()
    all_nodes: Set[str] = set()
    unaddressed: Set[str] = set()
    is_complete = True
    words = list(_ros_arguments(arguments))
    for option, value in zip(words, words[1:]):
        if option in ('-p', '--param'):
            node, colon, name = value.partition(':=')[0].rpartition(':')
            if not colon:
                unaddressed.add(name)
            elif node.rpartition('/')[2] == node_name:
                this_node.add(name)
        elif option == '--params-file':
            tree = _composed(value)
            is_complete = is_complete and tree is not None
            for pattern, names in _sections(tree, ''):
                last = pattern.rpartition('/')[2]
                if last in ('*', '**'):
                    all_nodes.update(names)
                elif last == node_name:
                    this_node.update(names)
    # launch_ros names the node, and passes what SetParameter sets for every node by -p.
    if any(word.startswith('__node:=') for word in words):
        all_nodes |= unaddressed
        unaddressed = set()
    return ParameterSources(
        frozenset(this_node), frozenset(all_nodes), frozenset(unaddressed), is_complete
    )


def _ros_arguments(arguments: Sequence[str]) -> Iterator[str]:
    is_for_ros = False
    for word in arguments:
        if word == '--ros-args':
            is_for_ros = True
        elif word == '--':
            is_for_ros = False
        elif is_for_ros:
            yield word


def _composed(path: str) -> Optional[yaml.Node]:
    """Return the tree of a parameter file, None if it is empty or cannot be read again."""
    try:
        # Bytes, for ROS reads UTF-16 too.
        return yaml.compose(read_regular(path), yaml.SafeLoader)
    # ROS read it with another parser, or from a pipe.
    except (OSError, yaml.YAMLError, RecursionError):
        return None


def _sections(node: Optional[yaml.Node], pattern: str) -> Iterator[Tuple[str, List[str]]]:
    """Yield each pattern of node names, of nested namespaces too, and its parameters."""
    for key, value in _items(node):
        if key == _PARAMETERS:
            yield pattern, list(_names(value, ''))
        else:
            yield from _sections(value, f'{pattern}/{key}')


def _names(node: yaml.Node, prefix: str) -> Iterator[str]:
    for key, value in _items(node):
        if isinstance(value, yaml.MappingNode):
            yield from _names(value, f'{prefix}{key}.')
        else:
            yield f'{prefix}{key}'


def _items(node: Optional[yaml.Node]) -> Iterator[Tuple[str, yaml.Node]]:
    # Keys may occur twice, and values need not be what YAML takes them for: ROS reads them.
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield str(key.value), value
