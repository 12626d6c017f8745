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

"""The stubs in `typings/` have only names that some version of TensorRT has."""

import ast
from collections.abc import Iterator
import importlib
import json
import subprocess
import sys

from helpers.checkout import ROOT
from helpers.tensorrt_stub import names_of, VERSIONS
import pytest

STUBS = ROOT / 'typings'
TYPED = {'tensorrt-11.4.0.106', 'tensorrt_rtx-1.7.1.116'}
BEFORE_10 = {'tensorrt-8.5.2.2', 'tensorrt-8.6.1'}
ONLY_RTX = set(VERSIONS) - {'tensorrt_rtx-1.7.1.116'}
# name -> the versions that lack it; the code checks for each with hasattr.
LACKING = {
    'BuilderFlag.FP16': TYPED,
    'BuilderFlag.INT8': TYPED,
    'BuilderFlag.OBEY_PRECISION_CONSTRAINTS': TYPED,
    'ComputeCapability': ONLY_RTX,
    'ComputeCapability.CURRENT': ONLY_RTX,
    'DataType.INT64': BEFORE_10,
    'IBuilderConfig.int8_calibrator': TYPED,
    'ICudaEngine.device_memory_size': TYPED,
    'ICudaEngine.device_memory_size_v2': BEFORE_10,
    'IBuilderConfig.num_compute_capabilities': ONLY_RTX,
    'IBuilderConfig.progress_monitor': BEFORE_10,
    'IBuilderConfig.set_compute_capability': ONLY_RTX,
    'IInt8EntropyCalibrator2': TYPED,
    'IInt8MinMaxCalibrator': TYPED,
    'ILayer.precision': TYPED,
    'IProgressMonitor': BEFORE_10,
    'ITensor.set_dynamic_range': TYPED,
    'LayerType.FULLY_CONNECTED': set(VERSIONS) - BEFORE_10,
    'NetworkDefinitionCreationFlag.EXPLICIT_BATCH': TYPED,
    'NetworkDefinitionCreationFlag.STRONGLY_TYPED': BEFORE_10,
}
NO_RTX = 'tensorrt_rtx is not installed here: scripts/test.sh brings it'


def stub_names(module: str) -> set[str]:
    """Return the classes and functions of a stub, and Class.member for each member."""
    tree = ast.parse((STUBS / module / '__init__.pyi').read_text())
    return set(_names(tree.body, ''))


def _names(body: list[ast.stmt], before: str) -> Iterator[str]:
    for node in body:
        if isinstance(node, ast.ClassDef):
            yield f'{before}{node.name}'
            yield from _names(node.body, f'{before}{node.name}.')
        elif isinstance(node, ast.FunctionDef):
            yield f'{before}{node.name}'
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield f'{before}{node.target.id}'
        elif isinstance(node, ast.ImportFrom) and node.module == 'tensorrt':
            yield from (alias.name for alias in node.names)


def real_names(version: str) -> set[str]:
    """Return the same names of a real module."""
    tree = names_of(version)
    kinds = {**tree['enums'], **tree['classes']}
    members = {f'{kind}.{name}' for kind, names in kinds.items() for name in names}
    return {*kinds, *members, *tree['functions']}


def without_dunders(names: set[str]) -> set[str]:
    """Return names without dunder names."""
    return {name for name in names if not name.endswith('__')}


def test_names_of_the_stub_exist_in_the_expected_versions():
    missing = {name: set() for name in without_dunders(stub_names('tensorrt'))}
    for version in VERSIONS:
        for name in set(missing) - real_names(version):
            missing[name].add(version)
    assert {name: gaps for name, gaps in missing.items() if gaps} == LACKING


def test_names_of_the_rtx_stub_exist():
    names = without_dunders(stub_names('tensorrt_rtx'))
    assert names
    assert names <= real_names('tensorrt_rtx-1.7.1.116')
    assert names <= stub_names('tensorrt')


def test_the_installed_module_has_the_names_of_its_stub():
    module = pytest.importorskip('tensorrt_rtx', reason=NO_RTX)
    lacking = {name for name, gaps in LACKING.items() if 'tensorrt_rtx-1.7.1.116' in gaps}
    for name in without_dunders(stub_names('tensorrt')) - lacking:
        found = module
        for part in name.split('.'):
            assert hasattr(found, part), name
            found = getattr(found, part)


def test_the_script_writes_the_stored_names():
    pytest.importorskip('tensorrt_rtx', reason=NO_RTX)
    words = [sys.executable, str(ROOT / 'scripts' / 'tensorrt_names.py'), 'tensorrt_rtx']
    written = json.loads(subprocess.run(words, check=True, capture_output=True).stdout)
    version = f'tensorrt_rtx-{importlib.import_module("tensorrt_rtx").__version__}'
    assert set(written) == {'module', 'version', 'functions', 'enums', 'classes'}
    # Another release may have other names.
    if version in VERSIONS:
        assert written == names_of(version)
    assert 'STRONGLY_TYPED' in written['enums']['NetworkDefinitionCreationFlag']
