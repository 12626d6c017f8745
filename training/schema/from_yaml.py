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

"""Load YAML and convert its values to dataclasses and keyword arguments, strictly."""

from collections.abc import Callable, Mapping
from dataclasses import field, fields, is_dataclass, make_dataclass, MISSING
import inspect
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints, TypeVar
import warnings

import dacite
from swiftnet_ros.errors import InvalidValueError, UnknownNameError
from swiftnet_ros.system.json_text import not_finite
from swiftnet_ros.system.yaml_reader import read_yaml

T = TypeVar('T')
# Longer values, in characters, are shown in messages by their type only.
_MAX_SHOWN = 60
# YAML has lists only, writes 1 for 1.0, and reads 1e-3 as text.
_CASTS = dacite.Config(cast=[tuple, float])
_OLD_KEY = 'old_key'


def load_mapping(path: Path, what: str) -> dict[str, Any]:
    """
    Return the mapping in a YAML file.

    Raise an error of `read_yaml`, which calls the file `what`, or InvalidValueError.
    """
    tree = read_yaml(path, what)
    if not isinstance(tree, dict):
        raise InvalidValueError(str(path), type(tree).__name__, 'a YAML mapping')
    return tree


def renamed_from(old_key: str, **arguments: Any) -> Any:
    """
    Return a dataclass field whose key in YAML files was called `old_key` in earlier versions.

    The old key is still read, with a FutureWarning. `arguments` are those of dataclasses.field.
    """
    return field(metadata={_OLD_KEY: old_key}, **arguments)


def dataclass_from_tree(kind: type[T], tree: Any, prefix: str = '') -> T:
    """
    Return a dataclass made from nested dictionaries; `prefix` names the section in messages.

    Raises UnknownNameError for an unknown key and InvalidValueError for a missing or wrong value.
    """
    section = prefix.rstrip('.') or 'the configuration'
    if not isinstance(tree, dict):
        raise InvalidValueError(section, tree, 'a mapping')
    assert is_dataclass(kind)
    hints = get_type_hints(kind)
    tree = _with_current_keys(kind, tree, prefix)
    for key in tree:
        if key not in hints:
            raise UnknownNameError(f'key in {section}', key, hints)
    for item in fields(kind):
        required = item.default is MISSING and item.default_factory is MISSING
        if required and item.name not in tree:
            raise InvalidValueError(prefix + item.name, 'missing', _type_name(hints[item.name]))
    return kind(**{key: convert(prefix + key, item, hints[key]) for key, item in tree.items()})


def _with_current_keys(kind: Any, tree: dict[Any, Any], prefix: str) -> dict[Any, Any]:
    """Return the tree with old keys replaced by their new names; of two the later one counts."""
    new_keys = {item.metadata[_OLD_KEY]: item.name for item in fields(kind) if item.metadata}
    for key in tree:
        if key in new_keys:
            message = f'{prefix}{key} is now called {prefix}{new_keys[key]}'
            warnings.warn(message, FutureWarning, stacklevel=2)
    return {new_keys.get(key, key): value for key, value in tree.items()}


def convert(name: str, value: Any, hint: Any) -> Any:
    """
    Return a value as the type of an annotation; raise InvalidValueError if it does not fit.

    A dataclass, an optional one, and those in a list or mapping are made by `dataclass_from_tree`.
    """
    kinds: list[Any] = [kind for kind in (hint, *get_args(hint)) if is_dataclass(kind)]
    origin = get_origin(hint)
    if kinds and origin is Mapping:
        items = convert(name, value, dict[str, Any]).items()
        return {key: dataclass_from_tree(kinds[0], tree, f'{name}.{key}.') for key, tree in items}
    if kinds and origin is list:
        trees = convert(name, value, list[Any])
        return [
            dataclass_from_tree(kinds[0], tree, f'{name}.{i}.') for i, tree in enumerate(trees)
        ]
    if kinds and (origin is None or (origin is UnionType and value is not None)):
        return dataclass_from_tree(kinds[0], value, f'{name}.')
    # bool is a subclass of int, but true is not a number to a user.
    if isinstance(value, bool) and not {bool, Any} & {hint, *get_args(hint)}:
        raise InvalidValueError(name, value, _type_name(hint))
    holder = make_dataclass('holder', [('value', hint)])
    try:
        converted: Any = dacite.from_dict(holder, {'value': value}, _CASTS).value
    except (dacite.DaciteError, ValueError, TypeError) as error:
        shown = value if len(repr(value)) <= _MAX_SHOWN else type(value).__name__
        raise InvalidValueError(name, shown, _type_name(hint)) from error
    # Text such as 1e999 becomes infinite only when it is converted.
    for keys, number in not_finite(converted):
        raise InvalidValueError('.'.join((name, *keys)), number, 'a finite number')
    return converted


def checked_options(
    what: str, function: Callable[..., Any], given: int, options: Mapping[str, Any]
) -> dict[str, Any]:
    """
    Return options converted to the annotations of the function's keyword arguments.

    The first `given` parameters are passed by the caller and are not options.
    """
    known = list(inspect.signature(function).parameters)[given:]
    for key in options:
        if key not in known:
            raise UnknownNameError(f'option of {what}', key, known)
    hints = get_type_hints(function)
    return {
        key: convert(f'option {key} of {what}', value, hints.get(key, Any))
        for key, value in options.items()
    }


def _type_name(hint: Any) -> str:
    return hint.__name__ if isinstance(hint, type) and not get_args(hint) else str(hint)
