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

"""Read YAML within limits: plain values only, and aliases that do not multiply."""

from pathlib import Path
from typing import Any, Dict, List, Tuple, Union

from swiftnet_ros.errors import InvalidTextError
from swiftnet_ros.system.file_reader import read_content
from swiftnet_ros.system.json_reader import check_unique, MAX_DEPTH, TOO_DEEP
import yaml

# The parser reads about 150 kB/s.
MAX_BYTES = 128 << 10
# Characters and values of a document in which every alias is replaced by what it stands for.
MAX_EXPANDED = 1 << 18
# What YAML calls int, by which a user hardly means one: 010 is 8, 1_0 is 10 and 1:30 is 90.
_ODD_NUMBERS = ('_', ':')
_HIGHEST = 2**64
_TAG = 'tag:yaml.org,2002:'
_REFUSED_TAGS = ('timestamp', 'binary', 'omap', 'pairs', 'set', 'value')
# PyYAML raises them, besides its own errors, for values that do not have their explicit tag.
_ERRORS = (yaml.YAMLError, ValueError, LookupError, AttributeError, TypeError, ArithmeticError)


def read_yaml(path: Path, what: str) -> Any:
    """
    Return the value in a YAML file, which messages call `what`.

    Raise FileMissingError, UnreadableFileError or InvalidTextError.
    """
    return parse_yaml(read_content(path, what, MAX_BYTES), f'{what} {path}')


def parse_yaml(text: Union[str, bytes], name: str) -> Any:
    """
    Return the plain value of a YAML text, UTF-8 if it is bytes; `name` names it in the message.

    Raise InvalidTextError for everything else: nesting deeper than MAX_DEPTH, aliases that
    multiply to more than MAX_EXPANDED, keys that occur twice, dates, unusual numbers, tags.
    """
    try:
        content = text.decode('utf-8-sig') if isinstance(text, bytes) else text
        loader = _BoundedLoader(content)
        try:
            node = loader.get_single_node()
            if node is None:
                return None
            _check_extent(node)
            return loader.construct_document(node)
        finally:
            loader.dispose()
    except RecursionError as error:
        raise InvalidTextError(name, TOO_DEEP, 'valid YAML') from error
    except _ERRORS as error:
        raise InvalidTextError(name, error, 'valid YAML') from error


class _BoundedLoader(yaml.SafeLoader):
    """The safe loader without dates, sets and bytes, and with limits."""

    _depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ValueError(TOO_DEEP)
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def construct_mapping(self, node: Any, deep: bool = False) -> Dict[Any, Any]:
        if isinstance(node, yaml.MappingNode):
            check_unique(key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode))
        mapping: Dict[Any, Any] = super().construct_mapping(node, deep)
        return mapping

    def construct_int(self, node: yaml.ScalarNode) -> int:
        text = str(self.construct_scalar(node))
        digits = text.lstrip('+-')
        is_octal = len(digits) > 1 and digits[0] == '0' and digits.isdigit()
        if is_octal or any(mark in text for mark in _ODD_NUMBERS):
            raise ValueError(f'{text[:40]!r} is an unusual number; write it plainly or in quotes')
        value: int = self.construct_yaml_int(node)
        if abs(value) >= _HIGHEST:
            raise ValueError(f'{text[:20]} is beyond 64 bits')
        return value

    def construct_float(self, node: yaml.ScalarNode) -> float:
        text = str(self.construct_scalar(node))
        if any(mark in text for mark in _ODD_NUMBERS):
            raise ValueError(f'{text[:40]!r} is an unusual number; write it plainly or in quotes')
        value: float = self.construct_yaml_float(node)
        if value != value or value in (float('inf'), float('-inf')):
            raise ValueError(f'{text[:40]!r} is not a finite number')
        return value

    def refuse_tag(self, node: yaml.Node) -> None:
        """Raise ValueError for a date or another value that is not plain."""
        kind = node.tag.rpartition(':')[2]
        shown = f' {node.value[:40]!r}' if isinstance(node.value, str) else ''
        raise ValueError(f'it contains a {kind}{shown}; write text in quotes')


_BoundedLoader.add_constructor(f'{_TAG}int', _BoundedLoader.construct_int)
_BoundedLoader.add_constructor(f'{_TAG}float', _BoundedLoader.construct_float)
for _kind in _REFUSED_TAGS:
    _BoundedLoader.add_constructor(_TAG + _kind, _BoundedLoader.refuse_tag)


def _check_extent(root: yaml.Node) -> None:
    """Raise ValueError for aliases that multiply to too much, or that contain themselves."""
    waiting: List[Tuple[yaml.Node, int]] = [(root, 0)]
    extent = 0
    while waiting:
        node, depth = waiting.pop()
        extent += 1 + (len(node.value) if isinstance(node, yaml.ScalarNode) else 0)
        if extent > MAX_EXPANDED:
            raise ValueError(f'its aliases expand to more than {MAX_EXPANDED} values')
        if depth > MAX_DEPTH:
            raise ValueError(TOO_DEEP)
        if isinstance(node, yaml.SequenceNode):
            waiting.extend((child, depth + 1) for child in node.value)
        elif isinstance(node, yaml.MappingNode):
            waiting.extend((child, depth + 1) for pair in node.value for child in pair)
