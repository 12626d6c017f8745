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

"""package.xml, setup.py and CHANGELOG.rst agree with each other and with the imports."""

import re
import subprocess
import sys
from xml.etree import ElementTree

from helpers.checkout import ROOT
from package.source_files import imported_modules, python_files
import pytest
import yaml

ENTRY = re.compile(r'^(Forthcoming|(\d+\.\d+\.\d+) \((\d{4}-\d\d-\d\d)\))\n-+$', re.MULTILINE)
CHANGELOG = (ROOT / 'CHANGELOG.rst').read_text(encoding='utf-8')
PACKAGE = ElementTree.parse(ROOT / 'package.xml').getroot()
# The rosdep keys of modules that have another name than their package.
ROSDEP_KEYS = {
    'PIL': 'python3-pil',
    'cv2': 'python3-opencv',
    'numpy': 'python3-numpy',
    'yaml': 'python3-yaml',
}
# Without a rosdep key: pip installs them, google.protobuf as a dependency of onnx.
# Used where they are installed: completion in the shell, progress bars.
OPTIONAL = {'argcomplete', 'tqdm'}
FROM_PIP = {'google', 'onnx', 'openvino', 'pycuda', 'tensorrt'}


def _setup(field: str) -> str:
    command = [sys.executable, 'setup.py', '--quiet', f'--{field}']
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return result.stdout.strip()


def _dependencies(kind: str) -> set:
    return {element.text for element in PACKAGE.findall(kind)}


def _imported_packages() -> set:
    paths = python_files('swiftnet_ros', 'launch')
    roots = {name.split('.')[0] for path in paths for name in imported_modules(path)}
    return roots - set(sys.stdlib_module_names) - {'swiftnet_ros'}


def test_package_xml_lists_every_imported_package():
    keys = {ROSDEP_KEYS.get(name, name) for name in _imported_packages() - FROM_PIP - OPTIONAL}
    assert keys <= _dependencies('exec_depend')


def test_package_xml_is_an_ament_python_package_of_format_3():
    assert PACKAGE.get('format') == '3'
    assert PACKAGE.find('export/build_type').text == 'ament_python'
    assert PACKAGE.find('license').text == 'Apache-2.0'


@pytest.mark.parametrize('field', ['name', 'version'])
def test_package_xml_and_setup_py_agree(field):
    assert PACKAGE.find(field).text == _setup(field)


def test_newest_changelog_entry_is_this_version_or_the_next():
    newest = ENTRY.search(CHANGELOG)
    assert newest, 'no entry has a heading that catkin reads'
    assert newest[2] in (None, _setup('version'))


def test_citation_is_of_this_version_and_its_date():
    citation = yaml.safe_load((ROOT / 'CITATION.cff').read_text(encoding='utf-8'))
    # What version 1.2.0 of the format requires, and what changes with a release.
    assert {'cff-version', 'message', 'title', 'authors'} <= set(citation)
    assert (citation['cff-version'], citation['version']) == ('1.2.0', _setup('version'))
    dates = {entry[2]: entry[3] for entry in ENTRY.finditer(CHANGELOG) if entry[2]}
    assert dates.get(_setup('version'), citation['date-released']) == citation['date-released']
    assert citation['license'] == [item.text for item in PACKAGE.findall('license')]
