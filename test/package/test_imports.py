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

"""Whether the imports of both trees keep to the order of the rooms."""

from graphlib import CycleError, TopologicalSorter
import sys

from package import rooms
from package.rooms import room_of
from package.source_files import imported_modules, Module, modules, TREES
import pytest

EVERY_MODULE = [module for tree in TREES for module in modules(tree)]


def _own(module: Module) -> set:
    return {name for name in module.imports if name.split('.')[0] in TREES}


def _libraries(module: Module) -> set:
    roots = {name.split('.')[0] for name in module.imports}
    return roots - set(TREES) - set(sys.stdlib_module_names)


@pytest.mark.parametrize('module', EVERY_MODULE, ids=lambda module: module.name)
def test_every_module_has_a_room_and_imports_only_rooms_above_it(module):
    own = room_of(module.name)
    assert own, f'{module.name} has no room: give it a line in test/package/rooms.py'
    runtime = module.name.startswith('swiftnet_ros')
    table = rooms.RUNTIME_TABLE if runtime else rooms.TRAINING_TABLE
    for name in _own(module):
        room = room_of(name)
        assert room in table, f'{module.name} must not import {name} at all'
        below = table.index(room) > table.index(own)
        assert not below, f'{module.name} imports {name}, a room below its own'


@pytest.mark.parametrize('tree', TREES)
def test_no_modules_import_each_other_in_a_circle(tree):
    graph = {module.name: _own(module) - {module.name} for module in modules(tree)}
    try:
        list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(' -> '.join(error.args[1]))


@pytest.mark.parametrize('module', modules('swiftnet_ros'), ids=lambda module: module.name)
def test_a_room_of_the_runtime_uses_only_its_libraries(module):
    allowed = rooms.PURE_LIBRARIES | rooms.ENGINE_LIBRARIES.get(module.name, set())
    if room_of(module.name) in rooms.ROS_ROOMS:
        allowed = allowed | rooms.ROS_LIBRARIES
    assert _libraries(module) <= allowed


@pytest.mark.parametrize('module', modules('training'), ids=lambda module: module.name)
def test_training_never_imports_ros(module):
    assert not _libraries(module) & rooms.ROS_LIBRARIES


@pytest.mark.parametrize('table', [rooms.RUNTIME_TABLE, rooms.TRAINING_TABLE])
def test_the_table_has_no_room_without_modules(table):
    used = {room_of(module.name) for module in EVERY_MODULE}
    assert set(table) <= used


def test_imports_are_found_wherever_they_stand():
    source = """
import os.path
from swiftnet_ros import errors, __doc__
def late():
    from torch.nn import Module
"""
    expected = {'os.path', 'swiftnet_ros.errors', 'swiftnet_ros', 'torch.nn'}
    assert set(imported_modules(source)) == expected
