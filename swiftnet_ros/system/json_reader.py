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

"""Read JSON within limits, so that no damaged or hostile text can exhaust memory."""

import json
from pathlib import Path
import re
import sys
from typing import Any, Dict, Iterable, List, Mapping, NoReturn, Set, Tuple, Type, Union

from swiftnet_ros.errors import InvalidTextError
from swiftnet_ros.system.file_reader import MAX_BYTES, read_content

Kinds = Union[Type[Any], Tuple[Type[Any], ...]]
NUMBER = (int, float)

MAX_DEPTH = 64
TOO_DEEP = f'it is nested deeper than {MAX_DEPTH} levels'
# 64 bits, with or without a sign.
_LOWEST, _HIGHEST = -(2**63), 2**64 - 1
_LONGEST_INTEGER = 20
# Brackets, and strings, whose brackets do not count.
_TOKENS = re.compile(r'[\[\]{}]|"(?:[^"\\]|\\.)*"', re.DOTALL)


def read_json(path: Path, what: str, max_bytes: int = MAX_BYTES) -> Any:
    """Return the value in a JSON file; raise as `read_content` and `parse_json` do."""
    return parse_json(read_content(path, what, max_bytes), f'{what} {path}')


def read_json_object(path: Path, what: str, max_bytes: int = MAX_BYTES) -> Dict[str, Any]:
    """Return the object in a JSON file; raise as `read_json` does, or if it is another value."""
    tree = read_json(path, what, max_bytes)
    if not isinstance(tree, dict):
        name = f'{what} {path}'
        raise InvalidTextError(name, f'it is of type {type(tree).__name__}', 'a JSON object')
    return tree


def check_kinds(
    tree: Mapping[str, Any],
    kinds: Mapping[str, Kinds],
    name: str,
    expected: str = 'what this package wrote',
) -> None:
    """Raise InvalidTextError, which names `name`, for a key that is missing or of another type."""
    for key, kind in kinds.items():
        if not isinstance(tree.get(key, ...), kind):
            reason = f'{key} is missing or of another type'
            raise InvalidTextError(name, reason, expected)


def parse_json(text: Union[str, bytes], name: str) -> Any:
    """
    Return the value of a JSON text, UTF-8 if it is bytes; `name` names it in the message.

    Raise InvalidTextError for everything else: nesting deeper than MAX_DEPTH, a key that occurs
    twice in an object, integers beyond 64 bits, NaN and infinity.
    """
    try:
        content = text.decode('utf-8-sig') if isinstance(text, bytes) else text
        # Python 3.8 can abort at a RecursionError.
        if sys.version_info < (3, 10) and _nests_too_deep(content):
            raise RecursionError
        tree = json.loads(
            content,
            object_pairs_hook=_unique,
            parse_int=_integer,
            parse_float=_number,
            parse_constant=_not_a_number,
        )
        _check_depth(tree)
    except RecursionError as error:
        raise InvalidTextError(name, TOO_DEEP, 'valid JSON') from error
    except ValueError as error:
        raise InvalidTextError(name, error, 'valid JSON') from error
    return tree


def _nests_too_deep(text: str) -> bool:
    """Return whether more brackets than MAX_DEPTH are open at once."""
    depth = 0
    for token in _TOKENS.finditer(text):
        first = token.group()[0]
        depth += (first in '[{') - (first in ']}')
        if depth > MAX_DEPTH:
            return True
    return False


def check_unique(keys: Iterable[str]) -> None:
    """Raise ValueError if a key occurs twice."""
    found: Set[str] = set()
    for key in keys:
        if key in found:
            raise ValueError(f'the key {key[:40]!r} occurs twice')
        found.add(key)


def _unique(pairs: List[Tuple[str, Any]]) -> Dict[str, Any]:
    tree = dict(pairs)
    if len(tree) < len(pairs):
        check_unique(key for key, _ in pairs)
    return tree


def _integer(text: str) -> int:
    if len(text) > _LONGEST_INTEGER or not _LOWEST <= int(text) <= _HIGHEST:
        raise ValueError(f'{text[:_LONGEST_INTEGER]} is beyond 64 bits')
    return int(text)


def _number(text: str) -> float:
    value = float(text)
    if value in (float('inf'), float('-inf')):
        raise ValueError(f'{text[:_LONGEST_INTEGER]} is beyond a float')
    return value


def _not_a_number(text: str) -> NoReturn:
    raise ValueError(f'it contains {text}')


def _check_depth(tree: Any) -> None:
    level = [tree] if isinstance(tree, (dict, list)) else []
    for _ in range(MAX_DEPTH):
        level = [
            child
            for item in level
            for child in (item.values() if isinstance(item, dict) else item)
            if isinstance(child, (dict, list))
        ]
    if level:
        raise ValueError(TOO_DEEP)
