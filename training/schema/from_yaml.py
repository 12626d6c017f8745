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


"""Values from YAML, checked against the annotations of a dataclass or of a function."""

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, make_dataclass, MISSING
import inspect
from typing import Any, get_args, get_type_hints, TypeVar

import dacite
from swiftnet_ros.errors import InvalidValueError, UnknownNameError

T = TypeVar('T')
# The longest value, in characters, that stands in a message as it is.
_SHOWN = 60
# YAML has lists only, writes 1 for 1.0, and takes 1e-3 for text.
_CASTS = dacite.Config(cast=[tuple, float])


def dataclass_from_tree(kind: type[T], tree: Any, prefix: str = '') -> T:
    """Make a dataclass from plain dictionaries; `prefix` names the section in messages."""
    if not isinstance(tree, dict):
        raise InvalidValueError(prefix.rstrip('.') or 'the configuration', tree, 'a mapping')
    assert is_dataclass(kind)
    hints = get_type_hints(kind)
    for key in tree:
        if key not in hints:
            where = prefix.rstrip('.') or 'the configuration'
            raise UnknownNameError(f'key in {where}', key, hints)
    for item in fields(kind):
        required = item.default is MISSING and item.default_factory is MISSING
        if required and item.name not in tree:
            raise InvalidValueError(prefix + item.name, 'missing', _words(hints[item.name]))
    values = {
        key: dataclass_from_tree(hints[key], value, f'{prefix}{key}.')
        if is_dataclass(hints[key])
        else convert(prefix + key, value, hints[key])
        for key, value in tree.items()
    }
    return kind(**values)


def convert(name: str, value: Any, hint: Any) -> Any:
    """Give a value as the type of an annotation; refuse what is none."""
    # To Python true is 1, to a user it is not.
    if isinstance(value, bool) and not {bool, Any} & {hint, *get_args(hint)}:
        raise InvalidValueError(name, value, _words(hint))
    holder = make_dataclass('holder', [('value', hint)])
    try:
        return dacite.from_dict(holder, {'value': value}, _CASTS).value
    except (dacite.DaciteError, ValueError, TypeError) as error:
        raise InvalidValueError(name, _shown(value), _words(hint)) from error


def checked_options(
    what: str, function: Callable[..., Any], given: int, options: Mapping[str, Any]
) -> dict[str, Any]:
    """Check keyword arguments of a function whose first `given` parameters come from elsewhere."""
    known = list(inspect.signature(function).parameters)[given:]
    for key in options:
        if key not in known:
            raise UnknownNameError(f'option of {what}', key, known)
    hints = get_type_hints(function)
    return {
        key: convert(f'option {key} of {what}', value, hints.get(key, Any))
        for key, value in options.items()
    }


def _shown(value: Any) -> Any:
    """Give a short value itself and the type of a long one."""
    return value if len(repr(value)) <= _SHOWN else type(value).__name__


def _words(hint: Any) -> str:
    return hint.__name__ if isinstance(hint, type) and not get_args(hint) else str(hint)
