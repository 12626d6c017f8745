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

"""Every command of ours in docs/jetson.md and in docker/ names what there is."""

from argparse import ArgumentParser
import ast
from importlib import import_module
import re
import shlex

from helpers.checkout import ROOT
import pytest

DOC = (ROOT / 'docs' / 'jetson.md').read_text()
DOCKER_FILES = sorted((ROOT / 'docker').glob('*.Dockerfile'))
DOCKER = {path.name: path.read_text() for path in DOCKER_FILES}
TEXT = '\n'.join([DOC, *DOCKER.values(), (ROOT / 'scripts' / 'jetson_report.sh').read_text()])
# One command a line: continued lines are joined, comments dropped.
LINES = [
    line.strip(' `#|').partition('  #')[0] for line in re.sub(r'\\\n#?\s*', '', TEXT).splitlines()
]
COMMANDS = [part.strip() for line in LINES for part in re.split(r'&&|`', line)]
OUR_MODULES = [
    command for command in COMMANDS if re.match(r'python3? -m swiftnet_ros\.\w+ ', command)
]
LAUNCHES = [command for command in COMMANDS if command.startswith('ros2 launch swiftnet_ros')]


def _program(name):
    package = import_module(name)
    return import_module(f'{name}.__main__') if hasattr(package, '__path__') else package


def fields_of(file, name):
    """Read the keys of a dictionary, or the fields of a class, without importing the file."""
    for node in ast.parse((ROOT / file).read_text()).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], 'id', '') == name:
            return {key.value for key in node.value.keys}
        if isinstance(node, ast.ClassDef) and node.name == name:
            return {item.target.id for item in node.body if isinstance(item, ast.AnnAssign)}
    raise AssertionError(f'{file} has no {name}')


def test_the_document_has_commands_to_check():
    modules = {re.match(r'python3? -m swiftnet_ros\.(\w+)', item)[1] for item in OUR_MODULES}
    assert modules == {'build_engine', 'benchmark'} and len(OUR_MODULES) >= 4
    assert len(LAUNCHES) == 2


@pytest.mark.parametrize('command', OUR_MODULES)
def test_every_module_takes_the_options_that_are_named(command, monkeypatch):
    monkeypatch.setattr(ArgumentParser, 'error', lambda self, message: pytest.fail(message))
    words = shlex.split(command)[2:]
    parser = _program(words[0])._parser()
    if '--help' not in words:
        parser.parse_args(words[1:])


def test_the_script_takes_the_options_that_are_named(monkeypatch):
    monkeypatch.setattr(ArgumentParser, 'error', lambda self, message: pytest.fail(message))
    (command,) = [item for item in COMMANDS if item.startswith('scripts/jetson_report.sh full')]
    options = _program('swiftnet_ros.device_report')._parser().parse_args(command.split()[1:])
    assert options.models == ['full.fp32.onnx', 'first2.fp32.onnx', 'all.fp32.onnx']
    assert options.precisions == ('fp16', 'int8')


@pytest.mark.parametrize('command', LAUNCHES)
def test_every_launch_argument_that_is_named_is_one(command):
    words = command.split()[3:]
    assert words[0] in {path.name for path in (ROOT / 'launch').glob('*.launch.py')}
    known = fields_of(f'launch/{words[0]}', 'ARGUMENTS')
    assert {word.partition(':=')[0] for word in words[1:] if ':=' in word} <= known


def test_arguments_behind_an_image_are_launch_arguments():
    known = fields_of('launch/segment.launch.py', 'ARGUMENTS')
    runs = [item for item in COMMANDS if item.startswith('docker run')]
    assert len(runs) == 1 + len(DOCKER)
    for command in runs:
        _, _, given = command.partition(' swiftnet_ros ')
        assert given and {word.partition(':=')[0] for word in given.split()} <= known


def test_every_parameter_that_is_named_is_one():
    known = fields_of('swiftnet_ros/ros/node_parameters.py', 'NodeParameters')
    named = {'calibration', 'dla', 'workspace_mb', 'engine_cache', 'build_only', 'engine'}
    assert named <= known and all(f'`{name}' in DOC for name in named)


def test_every_file_that_is_named_is_there():
    named = set(re.findall(r'\b(?:docker|scripts)/[\w.]+\w', DOC)) | {
        f'docs/{link}' for link in re.findall(r'\]\((\w+\.md)\)', DOC)
    }
    assert {f'docker/{name}' for name in DOCKER} <= named
    assert not [name for name in named if not (ROOT / name).is_file()]


def test_base_images_are_the_same_in_files_and_document():
    """Each by its full name, with a tag."""
    pattern = r'(?:dustynv/ros|nvcr\.io/nvidia/tensorrt):[\w.-]+'
    in_files = set(re.findall(pattern, '\n'.join(DOCKER.values())))
    table = DOC.partition('## Docker files')[2]
    assert in_files == set(re.findall(pattern, table)) == set(re.findall(pattern, DOC))
    assert len(in_files) == 4


@pytest.mark.parametrize('name', DOCKER)
def test_a_docker_file_sets_up_what_the_node_needs(name):
    """The Python packages of setup.py, within its bounds."""
    text = DOCKER[name]
    setup = (ROOT / 'setup.py').read_text()
    for package in ('onnx', 'pycuda', 'pyyaml'):
        bound = re.search(rf"'({package}>=[^']*)'", setup)[1]
        assert f"'{bound}'" in text
    assert (
        "'opencv-python-headless>=4.5.5,<5'" in text and 'opencv-python-headless>=4.5.5' in setup
    )
    assert re.search('Not built\\s(# )?here', text)
    # The cache must be a folder of its own below the volume, which belongs to root.
    assert 'SWIFTNET_ROS_CACHE=/engines/' in text and '-v swiftnet_engines:/engines' in text


def test_the_table_of_the_reference_work_is_the_seminars():
    rows = re.findall(r'^\| ([a-z][\w ]+) \| (\d[\d. |]+) \|$', DOC, re.MULTILINE)
    figures = {name: [float(cell) for cell in cells.split('|')] for name, cells in rows}
    assert figures == {
        'full': [70.65, 16.4, 70.6, 30.4],
        'first 2 blocks pruned': [76.1, 23.0, 75.6, 37.9],
        'all blocks pruned': [75.5, 37.4, 75.0, 54.5],
    }
