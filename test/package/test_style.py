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

"""Formatting, lint, types, imports and license headers of every file."""

import importlib.util
import subprocess
import sys

from package.source_files import python_files, relative, ROOT, shell_scripts
import pytest

HEADER = (ROOT / 'setup.py').read_text().partition('\n\n')[0]
PATHS = ['swiftnet_ros', 'training', 'test', 'launch', 'setup.py']
COMMANDS = {
    'ruff check': ['ruff', 'check', '.'],
    'ruff format': ['ruff', 'format', '--diff', '.'],
    'flake8': ['flake8', *PATHS],
    # as ament_pep257 calls it: properties, too, start with an imperative
    'pydocstyle': ['pydocstyle', '--property-decorators=none', *PATHS],
    'mypy swiftnet_ros': ['mypy', 'swiftnet_ros'],
    'mypy training': ['mypy', 'training'],
}
LINT_IMPORTS = 'from importlinter.cli import lint_imports_command; lint_imports_command()'
NO_TOOLS = 'ruff is not installed here: style is checked by scripts/test.sh'


@pytest.mark.parametrize('rule', [*COMMANDS, 'lint-imports'])
def test_linter_has_no_complaints(rule):
    # A ROS installation has other versions of the other tools, and its own linters.
    if importlib.util.find_spec('ruff') is None:
        pytest.skip(NO_TOOLS)
    words = ['-m', *COMMANDS[rule]] if rule in COMMANDS else ['-c', LINT_IMPORTS]
    command = [sys.executable, *words]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


def test_every_file_starts_with_the_license_header():
    def body(path):
        text = path.read_text()
        return (text.partition('\n')[2] if text.startswith('#!') else text).lstrip('\n')

    stubs = sorted((ROOT / 'typings').rglob('*.pyi'))
    assert stubs
    paths = [*python_files(), *shell_scripts(), *stubs]
    assert not [relative(path) for path in paths if not body(path).startswith(HEADER)]
