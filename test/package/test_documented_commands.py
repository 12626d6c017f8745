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

"""The commands in the documents, and the examples in the help, parse."""

from argparse import ArgumentParser
from pathlib import Path
import re

from helpers.checkout import ROOT
from package.command_lines import commands_in, is_program, parse, parser_of, unknown_launch_words
import pytest

PAGES = [ROOT / 'README.md', ROOT / 'CONTRIBUTING.md', *sorted((ROOT / 'docs').rglob('*.md'))]
COMMANDS = {
    command: path.name
    for path in PAGES
    for command in commands_in(path.read_text(encoding='utf-8'))
}
PROGRAMS = [command for command in COMMANDS if is_program(command)]
LAUNCHES = [command for command in COMMANDS if command.startswith('ros2 launch swiftnet_ros ')]
MODULES = ('benchmark', 'build_engine', 'demo', 'device_report', 'model_spec')
NODES = ('image_publisher', 'segmentation_node')
TRAINING = [path.stem for path in sorted((ROOT / 'training' / 'commands').glob('[a-z]*.py'))]


@pytest.fixture(autouse=True)
def strict(monkeypatch):
    """Let a parser fail the test, where it would end the process."""
    monkeypatch.setattr(ArgumentParser, 'error', lambda self, message: pytest.fail(message))


def prepare(folder: Path, command: str, monkeypatch) -> None:
    """Make the folders of relative paths, and set the variables, of a command."""
    monkeypatch.chdir(folder)
    for word in command.split():
        if not word.startswith(('/', '~', '$', '-')):
            (folder / word).parent.mkdir(parents=True, exist_ok=True)
    for name in re.findall(r'\$\{?(\w+)', command):
        monkeypatch.setenv(name, str(folder))


@pytest.mark.parametrize('command', PROGRAMS)
def test_documented_command_has_known_arguments(command, tmp_path, monkeypatch):
    prepare(tmp_path, command, monkeypatch)
    parse(command)


@pytest.mark.parametrize('command', LAUNCHES)
def test_documented_launch_has_known_arguments(command):
    assert not unknown_launch_words(command)


def test_commands_are_found():
    found = {command.split()[2] for command in PROGRAMS}
    assert {'training', 'swiftnet_ros.benchmark', 'swiftnet_ros.build_engine'} <= found
    assert len(PROGRAMS) > 20 and LAUNCHES


@pytest.mark.parametrize('module', [f'swiftnet_ros.{name}' for name in MODULES])
def test_help_of_a_program_ends_with_an_example_that_parses(module, tmp_path, monkeypatch):
    if module == 'swiftnet_ros.demo':
        pytest.importorskip('rclpy', reason='rclpy is not installed')
    check_example(module, f'python -m {module} ', tmp_path, monkeypatch)


@pytest.mark.parametrize('name', [name for name in TRAINING if name != 'arguments'])
def test_help_of_training_ends_with_an_example_that_parses(name, tmp_path, monkeypatch):
    pytest.importorskip('torch', reason='torch is not installed')
    module = f'training.commands.{name}'
    check_example(module, f'python -m training {name} ', tmp_path, monkeypatch)


def check_example(module, start, folder, monkeypatch):
    """Check that an example starts with a text, ends the help, parses, and names real recipes."""
    parser = parser_of(module)
    assert parser.example.startswith(start)
    assert parser.format_help().splitlines()[-2:] == ['example:', f'  {parser.example}']
    prepare(folder, parser.example, monkeypatch)
    parse(parser.example)
    recipes = re.findall(r'training/configs/\S+', parser.example)
    assert all((ROOT / recipe).is_file() for recipe in recipes)


@pytest.mark.parametrize('name', NODES)
def test_help_of_a_node_has_its_parameters_and_an_example(name, capsys):
    pytest.importorskip('rclpy', reason='rclpy is not installed')
    parser = parser_of(f'swiftnet_ros.{name}')
    with pytest.raises(SystemExit) as caught:
        parser.parse_known_args(['--help'])
    lines = capsys.readouterr().out.splitlines()
    assert caught.value.code == 0
    assert lines[-1].startswith(f'  python -m swiftnet_ros.{name} --ros-args -p ')
    given = re.findall(r'-p (\w+):=', lines[-1])
    assert given and all(any(line.startswith(f'  {key}:=') for line in lines) for key in given)
