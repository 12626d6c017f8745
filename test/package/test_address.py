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

"""The project's address is one, in scripts/project.yaml, and a script writes it everywhere."""

import re
import shutil
import subprocess
import sys
from xml.etree import ElementTree

from helpers.checkout import ROOT
import pytest
import yaml

NO_GIT = 'the files of the checkout are not in Git'
ADDRESS = yaml.safe_load((ROOT / 'scripts' / 'project.yaml').read_text(encoding='utf-8'))
# Addresses of this project, and of any placeholder.
URL = re.compile(rb'https?://[^\s"\'<>)`]*(?:/swiftnet_ros\b|example\.(?:org|com))[^\s"\'<>)`]*')
# Files that need it, if they exist.
NEED_IT = ('package.xml', 'setup.py', 'CITATION.cff', 'mkdocs.yml')


@pytest.fixture
def tracked():
    """Return the text files that Git lists."""
    command = ['git', 'grep', '--cached', '-I', '-l', '']
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if result.returncode != 0:
        pytest.skip(NO_GIT)
    names = (name for name in result.stdout.splitlines() if not name.startswith('docs/results/'))
    return [ROOT / name for name in names if (ROOT / name).is_file()]


def test_every_file_has_the_same_address(tracked):
    wrong = [
        f'{path.relative_to(ROOT)}: {url.decode()}'
        for path in tracked
        for url in URL.findall(path.read_bytes())
        if not re.match(re.escape(ADDRESS['repository']) + r'(/|\b)', url.decode())
        and path.parent.name != 'package'
    ]
    assert not wrong
    for name in NEED_IT:
        path = ROOT / name
        assert not path.exists() or ADDRESS['repository'] in path.read_text(encoding='utf-8')


def test_package_xml_has_the_three_urls_and_a_maintainer():
    package = ElementTree.parse(ROOT / 'package.xml').getroot()
    urls = {url.get('type'): url.text for url in package.findall('url')}
    assert urls['repository'] == ADDRESS['repository']
    assert urls['bugtracker'] == ADDRESS['repository'] + '/issues'
    assert set(urls) == {'website', 'repository', 'bugtracker'}
    assert package.find('maintainer').get('email') == ADDRESS['email']


def test_script_writes_a_new_address_into_every_file(tmp_path):
    names = ('package.xml', 'setup.py', 'CITATION.cff', 'scripts/set_address.py')
    for name in (*names, 'scripts/project.yaml'):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy2(ROOT / name, tmp_path / name)
    (tmp_path / 'other.png').write_bytes(b'\x89PNG\0' + ADDRESS['repository'].encode())

    def run(*words: str) -> subprocess.CompletedProcess:
        return subprocess.run(words, cwd=tmp_path, capture_output=True, text=True)

    if run('git', 'init', '-q').returncode or run('git', 'add', '-A').returncode:
        pytest.skip(NO_GIT)
    script = (sys.executable, 'scripts/set_address.py')
    assert run(*script, '--check').returncode == 0
    project = tmp_path / 'scripts' / 'project.yaml'
    new = {'repository': 'https://git.yard.net/robots/segment', 'email': 'us@yard.net'}
    project.write_text(yaml.safe_dump(new))
    checked = run(*script, '--check')
    assert (
        checked.returncode,
        ADDRESS['email'] in (tmp_path / 'setup.py').read_text(encoding='utf-8'),
    ) == (
        1,
        True,
    )
    written = run(*script)
    assert written.returncode == 0 and written.stdout.split() == sorted(names[:3])
    for name in names[:3]:
        text = (tmp_path / name).read_text(encoding='utf-8')
        assert new['repository'] in text and ADDRESS['repository'] not in text
        assert ADDRESS['email'] not in text
    assert ADDRESS['repository'].encode() in (tmp_path / 'other.png').read_bytes()
    assert run(*script, '--check').returncode == 0
