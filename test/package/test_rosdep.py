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

"""The rosdep keys and constraints of pip packages agree with package.xml and setup.py."""

import re

from helpers.checkout import ROOT
import pytest
import yaml

KEYS = yaml.safe_load((ROOT / 'config' / 'rosdep.yaml').read_text())
VARIABLE = 'SWIFTNET_ROS_ENGINE'
NO_CATKIN = 'colcon is not installed here: scripts/test.sh brings it'


def _pip_package(key: str) -> str:
    (name,) = KEYS[key]['ubuntu']['pip']['packages']
    return name


def _pip_dependencies(engine: str) -> set:
    """Return the keys for pip among the dependencies of package.xml, as rosdep reads it."""
    package_module = pytest.importorskip('catkin_pkg.package', reason=NO_CATKIN)
    package = package_module.parse_package(str(ROOT / 'package.xml'))
    package.evaluate_conditions({VARIABLE: engine} if engine else {})
    found = {item.name for item in package.exec_depends if item.evaluated_condition}
    return {name for name in found if name.endswith('-pip')}


@pytest.mark.parametrize('key', KEYS)
def test_a_key_names_one_package_without_a_range(key):
    """With a range rosdep installs the package and then does not find it."""
    assert set(KEYS[key]) == {'debian', 'ubuntu'}
    assert KEYS[key]['debian'] == KEYS[key]['ubuntu']
    name = _pip_package(key)
    assert key == f'python3-{name}-pip' and re.fullmatch('[a-z]+', name)


def test_constraints_are_the_ranges_of_setup_py():
    lines = (ROOT / 'config' / 'pip_constraints.txt').read_text().splitlines()
    ranges = dict(
        re.fullmatch(r'([a-z]+)(\S+)', line).groups()
        for line in lines
        if not line.startswith('#')
        if line
    )
    assert set(ranges) == {'numpy', *map(_pip_package, KEYS)}
    setup = (ROOT / 'setup.py').read_text()
    # cv_bridge of ROS is built with NumPy 1.
    assert ranges.pop('numpy') == '>=1.21,<2' and "'numpy>=1.21,<3'" in setup
    for name, given in ranges.items():
        assert f"'{name}{given}'" in setup


@pytest.mark.parametrize(
    ('engine', 'packages'),
    [('', []), ('openvino', ['onnx', 'openvino']), ('tensorrt', ['onnx', 'pycuda'])],
)
def test_package_xml_needs_these_keys_only_for_an_engine(engine, packages):
    assert _pip_dependencies(engine) == {f'python3-{name}-pip' for name in packages}
    assert _pip_dependencies(engine) <= set(KEYS)
