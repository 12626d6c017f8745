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

"""Python 3.8's venv and pip, run in the project's root, put scripts into the folder bin."""

from configparser import ConfigParser
import os
from pathlib import Path
import shutil
import subprocess

from helpers.checkout import copy_checkout, EXECUTABLES, ROOT
import pytest

NO_PYTHON_38 = 'no Python 3.8 is installed here'


def _find_python38() -> str:
    pyenv = Path(os.environ.get('PYENV_ROOT', Path.home() / '.pyenv'))
    for candidate in ('python3.8', *sorted(pyenv.glob('versions/3.8*/bin/python3.8'))):
        found = shutil.which(candidate)
        # A shim of pyenv exists also for a version that is not selected.
        if found and subprocess.run([found, '-c', ''], capture_output=True).returncode == 0:
            return found
    pytest.skip(NO_PYTHON_38)


def test_setup_cfg_has_no_options_of_distutils():
    parser = ConfigParser()
    assert parser.read(ROOT / 'setup.cfg')
    assert set(parser.sections()) == {'flake8', 'pydocstyle'}


def test_venv_and_pip_of_python38_install_scripts_into_bin(tmp_path):
    root, venv = tmp_path / 'swiftnet_ros', tmp_path / 'venv'
    copy_checkout(root)
    # A sourced ROS belongs to another Python.
    environment = {name: value for name, value in os.environ.items() if name != 'PYTHONPATH'}

    def run(*words: str) -> None:
        result = subprocess.run(words, cwd=root, env=environment, capture_output=True, text=True)
        assert result.returncode == 0, result.stdout + result.stderr

    run(_find_python38(), '-m', 'venv', str(venv))
    run(str(venv / 'bin' / 'pip'), 'install', '--no-deps', '--no-build-isolation', '.')
    assert {'pip', *EXECUTABLES} <= {path.name for path in (venv / 'bin').iterdir()}
    assert not (venv / 'lib' / 'swiftnet_ros').exists()
