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

"""README is short, and its commands exist."""

import ast
import re

from package.source_files import ROOT
import pytest

README = (ROOT / 'README.md').read_text(encoding='utf-8')
MAX_LINES = 120


def arguments(launch_file: str) -> set[str]:
    """Return the arguments of a launch file, without importing it."""
    for node in ast.parse((ROOT / 'launch' / launch_file).read_text()).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], 'id', '') == 'ARGUMENTS':
            assert isinstance(node.value, ast.Dict)
            return {ast.literal_eval(key) for key in node.value.keys if key is not None}
    raise AssertionError(f'{launch_file} has no ARGUMENTS')


def test_readme_is_short() -> None:
    assert len(README.splitlines()) <= MAX_LINES


@pytest.mark.parametrize('page', ['README.md', 'docs/install.md', 'docs/ros_interface.md'])
def test_launch_commands_have_files_and_arguments(page: str) -> None:
    text = (ROOT / page).read_text(encoding='utf-8')
    commands = re.findall(r'^ros2 launch swiftnet_ros (\S+)(.*?)(?:#.*)?$', text, re.MULTILINE)
    assert commands
    for launch_file, rest in commands:
        given = {word.partition(':=')[0] for word in rest.split()}
        assert given <= arguments(launch_file)


@pytest.mark.parametrize(
    ('page', 'heading'),
    [('README.md', '| argument |'), ('docs/ros_interface.md', '| argument of')],
)
def test_table_of_launch_arguments_names_existing_ones(page: str, heading: str) -> None:
    text = (ROOT / page).read_text(encoding='utf-8')
    table = text.split(heading, 1)[1].partition('\n\n')[0]
    cells = [row.split('|')[1] for row in table.splitlines()[2:]]
    names = {name for cell in cells for name in re.findall(r'`(\w+)`', cell)}
    known = arguments('segment.launch.py')
    assert names <= known
    if page != 'README.md':
        assert names == known


def test_output_of_the_demo_is_that_of_the_stored_run() -> None:
    (line,) = (line for line in README.splitlines() if line.startswith('{"frames"'))
    stored = (ROOT / 'docs' / 'results' / 'demo.json').read_text(encoding='utf-8')
    assert '"miou"' in line and stored.startswith(line.removesuffix('...'))


def test_every_script_and_recipe_exists() -> None:
    for path in re.findall(r'\b(?:scripts|training/configs|docker|config)/[\w./-]+\w', README):
        assert (ROOT / path).exists(), path


def test_architecture_lists_every_package_and_no_other() -> None:
    text = (ROOT / 'docs' / 'architecture.md').read_text(encoding='utf-8')
    for tree in ('swiftnet_ros', 'training'):
        table = text.partition(f'| `{tree}/` | contents |')[2].partition('\n\n')[0]
        cells = [row.split('|')[1] for row in table.splitlines()[2:]]
        listed = {name.rstrip('/') for cell in cells for name in re.findall(r'`([\w./]+)`', cell)}
        assert all((ROOT / tree / name).exists() for name in listed), listed
        paths = (ROOT / tree).iterdir()
        packages = {path.name for path in paths if (path / '__init__.py').is_file()}
        modules = {path.name for path in (ROOT / tree).glob('*.py') if path.name[0] != '_'}
        assert packages | modules == listed


def test_files_in_architecture_exist() -> None:
    text = (ROOT / 'docs' / 'architecture.md').read_text(encoding='utf-8')
    for name in re.findall(r'`((?:\w+/)+\w+\.py)`', text):
        assert any((ROOT / base / name).is_file() for base in ('', 'swiftnet_ros')), name
