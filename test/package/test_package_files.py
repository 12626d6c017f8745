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

"""Whether package.xml, setup.py and CHANGELOG.rst agree with each other and with the imports."""

import re
import subprocess
import sys
from xml.etree import ElementTree

from helpers.checkout import ROOT
from package.rooms import ROS_LIBRARIES
from package.source_files import imported_modules, modules
import pytest

PACKAGE = ElementTree.parse(ROOT / 'package.xml').getroot()
# Where the name of a module is not the name of what brings it.
ROSDEP_KEYS = {'cv2': 'python3-opencv', 'numpy': 'python3-numpy', 'yaml': 'python3-yaml'}
# These have no rosdep key; setup.py brings them, as onnx brings google.protobuf.
BY_PIP = {'google', 'onnx', 'openvino', 'pycuda', 'tensorrt'}


def _setup(question: str) -> str:
    command = [sys.executable, 'setup.py', '--quiet', f'--{question}']
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _dependencies(kind: str) -> set:
    return {element.text for element in PACKAGE.findall(kind)}


def _imported_by_the_package() -> set:
    names = set().union(*(module.imports for module in modules('swiftnet_ros')))
    for path in (ROOT / 'launch').glob('*.launch.py'):
        names.update(imported_modules(path.read_text()))
    roots = {name.split('.')[0] for name in names}
    return roots - set(sys.stdlib_module_names) - {'swiftnet_ros'}


def test_package_xml_names_everything_that_the_package_imports():
    needed = {ROSDEP_KEYS.get(name, name) for name in _imported_by_the_package() - BY_PIP}
    assert needed <= _dependencies('exec_depend')


def test_every_ros_library_that_a_room_may_import_is_in_package_xml():
    assert _dependencies('exec_depend') >= ROS_LIBRARIES


def test_package_xml_is_an_ament_python_package_of_format_3():
    assert PACKAGE.get('format') == '3'
    assert PACKAGE.find('export/build_type').text == 'ament_python'
    assert PACKAGE.find('license').text == 'Apache-2.0'


@pytest.mark.parametrize('field', ['name', 'version'])
def test_package_xml_and_setup_py_agree(field):
    assert PACKAGE.find(field).text == _setup(field)


def test_the_newest_entry_of_the_changelog_is_this_version_or_the_next():
    entry = re.compile(r'^(Forthcoming|(\d+\.\d+\.\d+) \(\d{4}-\d\d-\d\d\))\n-+$', re.MULTILINE)
    newest = entry.search((ROOT / 'CHANGELOG.rst').read_text())
    assert newest, 'no entry is headed as catkin reads it'
    assert newest[2] in (None, _setup('version'))
