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
A stub of the TensorRT module with exactly the public names of a real version.

`make_stub('tensorrt-8.5.2.2')` creates the module from `tensorrt_names/tensorrt-8.5.2.2.json`.
Reading or setting a name which that version lacks is an AttributeError, as with the real module;
reading one that the stub does not implement is a NotImplementedError.
"""

from enum import IntEnum
import json
from pathlib import Path
from types import ModuleType
from typing import Any, Dict, List

from helpers.fake_tensorrt_builder import BUILDER_CLASSES

NAMES = Path(__file__).with_name('tensorrt_names')
VERSIONS = sorted(path.stem for path in NAMES.glob('*.json'))


def names_of(version: str) -> Dict[str, Any]:
    """Return the public names of a version, as `scripts/tensorrt_names.py` wrote them."""
    return json.loads((NAMES / f'{version}.json').read_text())


def make_stub(version: str, implementations: Dict[str, Any] = BUILDER_CLASSES) -> ModuleType:
    """Return a stub module; `implementations` maps the name of a class to its behavior."""
    names = names_of(version)
    module = ModuleType(names['module'])
    module.__version__ = names['version']
    for name, values in names['enums'].items():
        if '.' not in name:
            setattr(module, name, _enum(name, values))
    for name, members in names['classes'].items():
        kind = _class(name, members, module, implementations.get(name, object))
        inner = [item for item in names['enums'] if item.startswith(f'{name}.')]
        for item in inner:
            enum = item.partition('.')[2]
            type.__setattr__(kind, enum, _enum(enum, names['enums'][item]))
        setattr(module, name, kind)
    return module


def _enum(name: str, values: List[str]) -> Any:
    return IntEnum(name, values, start=0)


def _class(name: str, members: List[str], module: ModuleType, behavior: Any) -> Any:
    """Return a class with the members of the real one, as far as `behavior` implements them."""
    known = {item: getattr(behavior, item, _NotImplemented(f'{name}.{item}')) for item in members}
    private = {item: value for item, value in vars(behavior).items() if item.startswith('_')}
    private.pop('__dict__', None)
    private.pop('__weakref__', None)

    def set_known(self: Any, item: str, value: Any) -> None:
        # A Python subclass may have members of its own.
        is_subclass = type(self) is not kind
        if item not in members and not item.startswith('_') and not is_subclass:
            raise AttributeError(f'{name} has no {item}')
        object.__setattr__(self, item, value)

    kind = type(name, (), {**private, **known, '__setattr__': set_known, 'trt_module': module})
    return kind


class _NotImplemented:
    """A member that the stub does not implement: it can be set but not read."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, owner: Any, kind: Any) -> Any:
        if owner is None:
            return self
        raise NotImplementedError(f'the stub does not implement {self._name}')
