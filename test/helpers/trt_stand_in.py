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
A TensorRT that builds nothing but has exactly the names of a real one.

`stand_in('tensorrt-8.5.2.2')` makes a module from `trt_names/tensorrt-8.5.2.2.json`. A name that
this version lacks is an AttributeError, to read and to set, as in the module itself; a name that
it has and the stand-in does nothing for is a NotImplementedError. The engine that it "builds" is
JSON of all that the builder was told: `Told`.
"""

from enum import IntEnum
import json
from pathlib import Path
from types import ModuleType
from typing import Any, Dict, List

from helpers.trt_doings import DOINGS

NAMES = Path(__file__).with_name('trt_names')
VERSIONS = sorted(path.stem for path in NAMES.glob('*.json'))


def names_of(version: str) -> Dict[str, Any]:
    """Read the names of a version, as `scripts/trt_names.py` wrote them."""
    return json.loads((NAMES / f'{version}.json').read_text())


def stand_in(version: str, doings: Dict[str, Any] = DOINGS) -> ModuleType:
    """Make the module; `doings` are what its classes do."""
    names = names_of(version)
    module = ModuleType(names['module'])
    module.__version__ = names['version']
    for name, values in names['enums'].items():
        if '.' not in name:
            setattr(module, name, _enum(name, values))
    for name, members in names['classes'].items():
        kind = _class(name, members, module, doings.get(name, object))
        inner = [item for item in names['enums'] if item.startswith(f'{name}.')]
        for item in inner:
            enum = item.partition('.')[2]
            type.__setattr__(kind, enum, _enum(enum, names['enums'][item]))
        setattr(module, name, kind)
    return module


def _enum(name: str, values: List[str]) -> Any:
    return IntEnum(name, values, start=0)


def _class(name: str, members: List[str], module: ModuleType, doing: Any) -> Any:
    """Make a class that has what the real one has: of it, what `doing` can do."""
    known = {item: getattr(doing, item, _Unused(f'{name}.{item}')) for item in members}
    special = {item: value for item, value in vars(doing).items() if item.startswith('_')}
    special.pop('__dict__', None)
    special.pop('__weakref__', None)

    def only_known(self: Any, item: str, value: Any) -> None:
        # Python's own classes may be derived from these, with members of their own.
        foreign = type(self) is not kind
        if item not in members and not item.startswith('_') and not foreign:
            raise AttributeError(f'{name} has no {item}')
        object.__setattr__(self, item, value)

    content = {**special, **known, '__setattr__': only_known, 'trt_': module}
    kind = type(name, (), content)
    return kind


class _Unused:
    """A member that the stand-in does nothing for: writing is fine, reading is not."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, owner: Any, kind: Any) -> Any:
        if owner is None:
            return self
        raise NotImplementedError(f'the stand-in does nothing for {self._name}')
