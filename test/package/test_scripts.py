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

"""Whether the scripts choose a Python that suits, or say in one line what to install."""

import os
from pathlib import Path
import shutil
import subprocess
import sys

from package.source_files import ROOT, scripts
import pytest

# Says which version it is and whether it has ensurepip; any other code it is given succeeds.
PYTHON = """#!/bin/sh
case "$*" in
  --version) echo Python {version} ;;
  *"3, 10"*) exit {unsuited} ;;
  *print*) echo {version} ;;
  *ensurepip*) exit {no_venv} ;;
esac
"""


@pytest.fixture
def computer(tmp_path):
    """Make a PATH with a few tools and the Pythons that a test wants."""
    for tool in ('bash', 'dirname', 'id', 'mkdir', 'cat', 'sha256sum', 'flock'):
        (tmp_path / tool).symlink_to(shutil.which(tool))

    def add_python(name: str, version: str, unsuited: int = 0, no_venv: int = 0) -> Path:
        path = tmp_path / name
        path.write_text(PYTHON.format(version=version, unsuited=unsuited, no_venv=no_venv))
        path.chmod(0o755)
        return path

    add_python.path = str(tmp_path)
    return add_python


def run_bash(command: str, path: str) -> subprocess.CompletedProcess:
    """Run a command after reading lib.sh, with nothing in the environment but a PATH."""
    words = ['bash', '-c', f'. {ROOT}/scripts/lib.sh; {command}']
    return subprocess.run(words, env={'PATH': path}, capture_output=True, text=True)


@pytest.mark.parametrize('path', scripts(), ids=lambda path: path.name)
def test_every_script_is_valid_bash(path):
    assert subprocess.run(['bash', '-n', str(path)]).returncode == 0


@pytest.mark.parametrize(
    ('words', 'message'),
    [(['--fast'], 'error: unknown option --fast; see '), (['soon'], 'error: unknown step soon; ')],
)
def test_the_script_that_measures_refuses_what_it_does_not_know(words, message):
    environment = {**os.environ, 'PYTHON': sys.executable}
    command = [str(ROOT / 'scripts' / 'bench.sh'), *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr.startswith(message)


def test_python3_is_taken_where_it_suits(computer):
    python = computer('python3', '3.11')
    computer('python3.12', '3.12')
    assert run_bash('find_python', computer.path).stdout.strip() == str(python)


def test_another_python_is_taken_where_python3_does_not_suit(computer):
    computer('python3', '3.14', unsuited=1)
    python = computer('python3.12', '3.12')
    assert run_bash('find_python', computer.path).stdout.strip() == str(python)


def test_no_python_that_suits_is_one_line_that_says_what_to_install(computer):
    computer('python3', '3.9.2', unsuited=1)
    done = run_bash('find_python', computer.path)
    assert done.returncode == 1
    assert done.stderr == (
        'error: Python 3.9.2 does not suit: install a Python from 3.10 to 3.13, as python3.12\n'
    )


def test_a_missing_venv_without_apt_names_the_package(computer, tmp_path):
    python = computer('python3', '3.11', no_venv=1)
    done = run_bash(f'make_venv {python} {tmp_path}/venv cpu', computer.path)
    assert done.returncode == 1
    assert done.stderr == (
        'error: install python3.11-venv with your package manager, then run this again\n'
    )


def test_a_missing_venv_without_root_gives_the_command(computer, tmp_path):
    python = computer('python3', '3.11', no_venv=1)
    computer('apt-get', '')
    (tmp_path / 'id').unlink()
    (tmp_path / 'id').write_text('#!/bin/sh\necho 1000\n')
    (tmp_path / 'id').chmod(0o755)
    done = run_bash(f'make_venv {python} {tmp_path}/venv cpu', computer.path)
    assert done.returncode == 1
    assert done.stderr == (
        'error: run: sudo apt-get install -y python3.11-venv; then run this again\n'
    )


def test_a_set_up_that_is_up_to_date_is_left_alone(computer, tmp_path):
    folder = tmp_path / 'venv'
    script = f'make_venv() {{ mkdir -p {folder}; echo made; }}; venv_with python3 {folder} cpu'
    assert run_bash(script, computer.path).stdout == 'made\n'
    assert run_bash(script, computer.path).stdout == ''
    assert run_bash(script.replace('cpu', 'cpu,test'), computer.path).stdout == 'made\n'
