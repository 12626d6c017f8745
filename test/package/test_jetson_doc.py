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

"""The commands in docs/jetson.md, docker/ and scripts/jetson_report.sh exist and parse."""

from argparse import ArgumentParser
import re

from helpers.checkout import ROOT
from package.command_lines import names_in, parse, parser_of, unknown_launch_words
import pytest

DOC = (ROOT / 'docs' / 'jetson.md').read_text()
DOCKER = {path.name: path.read_text() for path in sorted((ROOT / 'docker').glob('*.Dockerfile'))}
TEXT = '\n'.join([DOC, *DOCKER.values(), (ROOT / 'scripts' / 'jetson_report.sh').read_text()])
# One command a line: continued lines are joined, comments dropped.
LINES = [
    line.strip(' `#|').partition('  #')[0] for line in re.sub(r'\\\n#?\s*', '', TEXT).splitlines()
]
COMMANDS = [part.strip() for line in LINES for part in re.split(r'&&|`', line)]
MODULES = [command for command in COMMANDS if re.match(r'python3? -m swiftnet_ros\.\w+ ', command)]
LAUNCHES = [command for command in COMMANDS if command.startswith('ros2 launch swiftnet_ros')]


def test_commands_are_found():
    assert {command.split()[2] for command in MODULES} == {
        'swiftnet_ros.build_engine',
        'swiftnet_ros.benchmark',
    }
    assert LAUNCHES


@pytest.mark.parametrize('command', MODULES)
def test_options_of_modules_exist(command, monkeypatch):
    monkeypatch.setattr(ArgumentParser, 'error', lambda self, message: pytest.fail(message))
    parse(command)


def test_options_of_the_report_script_exist(monkeypatch):
    monkeypatch.setattr(ArgumentParser, 'error', lambda self, message: pytest.fail(message))
    (command,) = [item for item in COMMANDS if item.startswith('scripts/jetson_report.sh full')]
    options = parser_of('swiftnet_ros.device_report').parse_args(command.split()[1:])
    assert options.models == ['full.fp32.onnx', 'first2.fp32.onnx', 'all.fp32.onnx']
    assert options.precisions == ('fp16', 'int8')


@pytest.mark.parametrize('command', LAUNCHES)
def test_launch_files_and_their_arguments_exist(command):
    assert not unknown_launch_words(command)


def test_arguments_of_docker_run_are_launch_arguments():
    known = names_in('launch/segment.launch.py', 'ARGUMENTS')
    runs = [item for item in COMMANDS if item.startswith('docker run')]
    assert len(runs) == 1 + len(DOCKER)
    for command in runs:
        _, _, given = command.partition(' swiftnet_ros ')
        assert given and {word.partition(':=')[0] for word in given.split()} <= known


@pytest.mark.parametrize('name', DOCKER)
def test_docker_files_install_the_requirements_of_the_package(name):
    setup = (ROOT / 'setup.py').read_text()
    assert "'numpy>=1.21,<3'" in setup and "'numpy>=1.21,<2'" in DOCKER[name]
    for package in ('onnx', 'pillow', 'pycuda', 'pyyaml'):
        assert re.search(rf"'{package}>=[^']*'", setup)[0] in DOCKER[name]
    assert "'opencv-python-headless>=4.5.5,<5'" in DOCKER[name]
    assert 'opencv-python-headless>=4.5.5' in setup
    # The volume's root belongs to root, so it is no private folder.
    assert 'SWIFTNET_ROS_CACHE=/engines/' in DOCKER[name]
    assert '-v swiftnet_engines:/engines' in DOCKER[name]
