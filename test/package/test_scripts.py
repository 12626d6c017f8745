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

"""The scripts choose a suitable Python, or print in one line what to install."""

import os
from pathlib import Path
import shutil
import subprocess
import sys

from package.source_files import ROOT, shell_scripts
import pytest

# A fake Python: it prints its version and knows whether it has ensurepip.
PYTHON = """#!/bin/sh
case "$*" in
  --version) echo Python {version} ;;
  *"3, 10"*) exit {unsuitable} ;;
  *print*) echo {version} ;;
  *ensurepip*) exit {no_venv} ;;
esac
"""


@pytest.fixture
def add_python(tmp_path):
    """Return a function that adds a fake Python to a PATH that has a few tools only."""
    for tool in ('bash', 'dirname', 'id', 'mkdir', 'cat', 'sha256sum', 'flock'):
        (tmp_path / tool).symlink_to(shutil.which(tool))

    def add(name: str, version: str, unsuitable: int = 0, no_venv: int = 0) -> Path:
        path = tmp_path / name
        path.write_text(PYTHON.format(version=version, unsuitable=unsuitable, no_venv=no_venv))
        path.chmod(0o755)
        return path

    return add


@pytest.fixture
def run_bash(add_python, tmp_path):
    """Return a function that runs a command after sourcing lib.sh, with only PATH set."""

    def run(command: str) -> subprocess.CompletedProcess:
        words = ['bash', '-c', f'. {ROOT}/scripts/lib.sh; {command}']
        return subprocess.run(words, env={'PATH': str(tmp_path)}, capture_output=True, text=True)

    return run


def test_every_script_is_valid_bash():
    paths = [str(path) for path in shell_scripts()]
    assert not [path for path in paths if subprocess.run(['bash', '-n', path]).returncode]


@pytest.mark.parametrize(
    ('words', 'message'),
    [(['--fast'], 'error: unknown option --fast; see '), (['soon'], 'error: unknown step soon; ')],
)
def test_bench_script_rejects_unknown_arguments(words, message):
    environment = {**os.environ, 'PYTHON': sys.executable}
    command = [str(ROOT / 'scripts' / 'bench.sh'), *words]
    result = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert result.returncode == 1 and result.stderr.startswith(message)


FOLDERS = ('REAL', 'CAMVID')


@pytest.mark.parametrize('script', ['train_model.sh', 'export_model.sh'])
@pytest.mark.parametrize(
    ('words', 'given', 'message'),
    [
        ([], {}, "error: the model is '', expected: indoor or street"),
        (['camvid'], {}, "error: the model is 'camvid', expected: indoor or street"),
        (['indoor'], {}, 'error: set REAL to the folder'),
        (['street'], {'REAL': '.'}, 'error: set CAMVID to the folder'),
    ],
)
def test_scripts_of_a_shipped_model_say_what_is_missing(script, words, given, message):
    environment = {key: value for key, value in os.environ.items() if key not in FOLDERS}
    environment.update(given, PYTHON=sys.executable)
    command = [str(ROOT / 'scripts' / script), *words]
    result = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert result.returncode == 1 and result.stderr.startswith(message)
    assert result.stderr.count('\n') == 1


def test_suitable_python3_is_used(add_python, run_bash):
    python = add_python('python3', '3.11')
    add_python('python3.12', '3.12')
    assert run_bash('find_python').stdout.strip() == str(python)


def test_other_python_is_used_if_python3_is_not_suitable(add_python, run_bash):
    add_python('python3', '3.14', unsuitable=1)
    python = add_python('python3.12', '3.12')
    assert run_bash('find_python').stdout.strip() == str(python)


def test_without_suitable_python_one_line_names_what_to_install(add_python, run_bash):
    add_python('python3', '3.9.2', unsuitable=1)
    result = run_bash('find_python')
    assert result.returncode == 1
    assert result.stderr == (
        'error: Python 3.9.2 is not supported: '
        'install Python 3.10 to 3.13, for example python3.12\n'
    )


def test_missing_venv_without_apt_names_the_package(add_python, run_bash, tmp_path):
    python = add_python('python3', '3.11', no_venv=1)
    result = run_bash(f'make_venv {python} {tmp_path}/venv cpu')
    assert result.returncode == 1
    assert result.stderr == (
        'error: install python3.11-venv with your package manager, then run this again\n'
    )


def test_missing_venv_without_root_prints_the_command(add_python, run_bash, tmp_path):
    python = add_python('python3', '3.11', no_venv=1)
    add_python('apt-get', '')
    (tmp_path / 'id').unlink()
    (tmp_path / 'id').write_text('#!/bin/sh\necho 1000\n')
    (tmp_path / 'id').chmod(0o755)
    result = run_bash(f'make_venv {python} {tmp_path}/venv cpu')
    assert result.returncode == 1
    assert result.stderr == (
        'error: run: sudo apt-get install -y python3.11-venv; then run this again\n'
    )


def test_environment_is_set_up_again_only_if_extras_change(add_python, run_bash, tmp_path):
    folder = tmp_path / 'venv'
    script = f'make_venv() {{ mkdir -p {folder}; echo made; }}; venv_with python3 {folder} cpu'
    assert run_bash(script).stdout == 'made\n'
    assert run_bash(script).stdout == ''
    assert run_bash(script.replace('cpu', 'cpu,test')).stdout == 'made\n'
