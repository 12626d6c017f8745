#!/usr/bin/env python3
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
Write the public names of an installed TensorRT as JSON, for the stub in the tests.

    tensorrt_names.py MODULE > test/helpers/tensorrt_names/X.json

MODULE is tensorrt, tensorrt_rtx or tensorrt_bindings; no GPU is needed. The bindings alone
(`pip install --no-deps tensorrt-cu12-bindings`) have the same names: they can be imported with
empty libraries, in a folder on LD_LIBRARY_PATH, in place of TensorRT's own.

Needs nothing but Python 3.8 or newer. Classes are listed with members, enumerations with values.
"""

from importlib import import_module
import json
import sys


def members(kind):
    """Return the public names of a class, without those that every enumeration has."""
    names = sorted(name for name in dir(kind) if not name.startswith('_'))
    return [name for name in names if name not in ('name', 'value')] if is_enum(kind) else names


def is_enum(kind):
    """Return whether a class is an enumeration of pybind11."""
    return hasattr(kind, '__members__')


def describe(module):
    """Return the version of a module and the names of its classes, enumerations and functions."""
    public = {name: getattr(module, name) for name in dir(module) if not name.startswith('_')}
    classes = {name: item for name, item in public.items() if isinstance(item, type)}
    own = {name: item for name, item in classes.items() if item.__module__.startswith('tensorrt')}
    for outer in list(own.values()):
        own.update(inner_enums(outer))
    return {
        'module': 'tensorrt_rtx' if 'rtx' in module.__name__ else 'tensorrt',
        'version': module.__version__,
        'functions': sorted(name for name, item in public.items() if is_function(item)),
        'enums': {name: members(item) for name, item in own.items() if is_enum(item)},
        'classes': {name: members(item) for name, item in own.items() if not is_enum(item)},
    }


def inner_enums(kind):
    """Return the enumerations inside a class, such as ILogger.Severity."""
    inner = {name: getattr(kind, name) for name in members(kind)}
    enums = {
        name: item for name, item in inner.items() if isinstance(item, type) and is_enum(item)
    }
    return {f'{kind.__name__}.{name}': item for name, item in enums.items()}


def is_function(item):
    """Return whether an object is callable and not a class."""
    return callable(item) and not isinstance(item, type)


def to_json(tree):
    """Return JSON with one class per line, for readable diffs."""
    items = []
    for key, value in tree.items():
        text = json.dumps(value)
        if isinstance(value, dict):
            inner = [f'  {json.dumps(name)}: {json.dumps(value[name])}' for name in sorted(value)]
            text = '{\n' + ',\n'.join(inner) + '\n }'
        items.append(f' {json.dumps(key)}: {text}')
    return '{\n' + ',\n'.join(items) + '\n}'


if __name__ == '__main__':
    print(to_json(describe(import_module(sys.argv[1]))))
