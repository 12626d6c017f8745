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

"""Every file has a license whose text is there, and each model the one that it states itself."""

import importlib.util
import json
import re
import subprocess
import sys
from xml.etree import ElementTree

from helpers.checkout import ROOT
import pytest
from swiftnet_ros.model_spec import read_spec

NO_REUSE = 'reuse is not installed here: licenses are checked by scripts/test.sh'
TEXTS = {path.stem: path for path in (ROOT / 'LICENSES').glob('*.txt')}
MODELS = sorted((ROOT / 'models').glob('*.onnx'))
# Of a row `| `name` | license | ...` of a table of models.
ROW = re.compile(r'^\| `(\w+)` \| ([^|]+) \|', re.MULTILINE)


@pytest.fixture(scope='module')
def report():
    """Return the report of `reuse lint`."""
    if importlib.util.find_spec('reuse') is None:
        pytest.skip(NO_REUSE)
    command = [sys.executable, '-m', 'reuse', 'lint', '--json']
    return json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout)


def _licenses(report: dict, path: str) -> list:
    (file,) = (file for file in report['files'] if file['path'] == path)
    return sorted(item['value'] for item in file['spdx_expressions'])


def test_every_file_has_a_license_and_its_text_is_there(report):
    found = {key: value for key, value in report['non_compliant'].items() if value}
    assert report['summary']['compliant'] and not found
    assert sorted(report['summary']['used_licenses']) == sorted(TEXTS)


@pytest.mark.parametrize('path', MODELS, ids=lambda path: path.name)
def test_a_model_states_the_license_that_its_files_have(report, path):
    spec = read_spec(path)
    names = [path.name, f'{spec.name}.pt', f'{spec.name}.int8.calibration']
    for name in (name for name in names if (path.parent / name).exists()):
        assert _licenses(report, f'models/{name}') == spec.license.split(' AND ')
    assert _licenses(report, f'models/{spec.name}.md') == ['Apache-2.0']


def test_code_and_demo_frames_are_under_apache(report):
    for path in ('setup.py', 'demo/images/3000000.jpg', 'docs/images/indoor_scenes.jpg'):
        assert _licenses(report, path) == ['Apache-2.0']


def test_package_xml_lists_every_license_with_its_file():
    package = ElementTree.parse(ROOT / 'package.xml').getroot()
    listed = {item.text: ROOT / item.get('file') for item in package.findall('license')}
    assert set(listed) == set(TEXTS)
    for name, path in listed.items():
        assert path.read_text() == TEXTS[name].read_text()


def test_card_and_document_have_the_terms_of_each_model():
    table = dict(ROW.findall((ROOT / 'docs' / 'licenses.md').read_text()))
    assert table == {spec.name: spec.license for spec in map(read_spec, MODELS)}
    for spec in map(read_spec, MODELS):
        card = (ROOT / 'models' / f'{spec.name}.md').read_text()
        assert f'| terms | {spec.license}: {spec.terms}' in card
