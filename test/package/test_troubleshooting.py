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
"""The messages of docs/troubleshooting.md are those of the code, and its commands exist."""

from argparse import ArgumentParser
import ast
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
import re

from helpers.checkout import EXECUTABLES
from package.command_lines import (
    commands_in,
    is_program,
    names_in,
    parse,
    unknown_launch_words,
)
from package.source_files import python_files, ROOT, TREES
import pytest

PAGE = (ROOT / 'docs' / 'troubleshooting.md').read_text()
TABLES = re.findall(r'^\| you (?:see or )?read .*\n((?:\|.*\n)+)', PAGE, re.MULTILINE)
ROWS = [line.split(' | ')[0] for table in TABLES for line in table.splitlines()]
MESSAGES = sorted({text for cell in ROWS for text in re.findall(r'`([^`]+)`', cell)})
# Commands in the text and in blocks.
INLINE = re.findall(r'`([^`\n]+)`', re.sub(r'^```[\s\S]*?^```', '', PAGE, flags=re.MULTILINE))
CODE = sorted({*INLINE, *commands_in(PAGE)})
ROS2_VERBS = {'bag', 'component', 'launch', 'lifecycle', 'param', 'run', 'service', 'topic'}
FOREIGN_PACKAGES = {'image_transport', 'rmw_zenoh_cpp'}
TRANSITIONS = {'activate', 'cleanup', 'configure', 'deactivate'}
PARAMETERS = names_in('swiftnet_ros/backends/options.py', 'BackendOptions') | names_in(
    'swiftnet_ros/ros/node_parameters.py', 'NodeParameters'
)
# Where a message is put together of several texts, or has a value.
JOINTS = re.compile(r' is \.\.\., expected |\.\.\.|, expected |[;:] ')
SHORTEST, SPECIFIC, ENDS = 4, 11, ' .,;:()'
ADVICE = 'swiftnet_ros/ros/camera_advice.py'
ERRORS = [
    f'swiftnet_ros/errors/{name}.py' for name in ('base', 'engines', 'files', 'models', 'ros')
]


def pieces(message: str) -> list[str]:
    """Return the parts of a quoted message that are text of the code."""
    parts = (part.strip(ENDS) for part in JOINTS.split(message))
    return [part for part in parts if len(part) >= SHORTEST]


def literals(tree: ast.AST) -> Iterator[str]:
    """Yield the texts in code, those between the values of an f-string apart; no docstrings."""
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
        if is_text and id(node) not in docstrings:
            yield node.value


def specific_parts(tree: ast.AST) -> list[str]:
    return [part for text in literals(tree) for part in pieces(text) if len(part) >= SPECIFIC]


@lru_cache(maxsize=1)
def texts_of_the_code() -> str:
    trees = (ast.parse(path.read_text(encoding='utf-8')) for path in python_files(*TREES))
    # Keys of diagnostics and the like are compared with the node elsewhere.
    documented = (ROOT / 'docs' / 'ros_interface.md').read_text()
    return '\n'.join([*(text for tree in trees for text in literals(tree)), documented])


def parsed(path: str) -> ast.Module:
    return ast.parse(Path(ROOT, path).read_text(encoding='utf-8'))


def test_page_quotes_many_messages():
    assert len(MESSAGES) > 120


@pytest.mark.parametrize('message', MESSAGES)
def test_quoted_message_is_in_the_code(message):
    parts = pieces(message)
    assert parts
    assert not [part for part in parts if part not in texts_of_the_code()]


@pytest.mark.parametrize('path', ERRORS)
def test_every_error_of_the_runtime_is_on_the_page(path):
    classes = [node for node in parsed(path).body if isinstance(node, ast.ClassDef)]
    texts = {item.name: specific_parts(item) for item in classes}
    missing = [
        name for name, parts in texts.items() if parts and not any(p in PAGE for p in parts)
    ]
    assert classes and not missing


def test_every_advice_about_a_camera_is_on_the_page():
    advice = [part for part in specific_parts(parsed(ADVICE)) if ' ' in part]
    assert len(advice) > 15
    assert not [part for part in advice if part not in PAGE]


@pytest.mark.parametrize('command', [text for text in CODE if is_program(text)])
def test_program_has_these_options(command, tmp_path, monkeypatch):
    monkeypatch.setattr(ArgumentParser, 'error', lambda self, message: pytest.fail(message))
    monkeypatch.chdir(tmp_path)
    parse(command)


@pytest.mark.parametrize('command', [text for text in CODE if text.startswith('ros2 ')])
def test_ros2_command_names_what_exists(command):
    verb, *words = command.split()[1:]
    assert verb in ROS2_VERBS
    if verb == 'launch':
        assert words[0] == 'swiftnet_ros' and not unknown_launch_words(command)
    elif verb == 'run':
        assert words[0] in FOREIGN_PACKAGES or words[1] in EXECUTABLES
    elif words[:2] == ['set', '/segmentation']:
        assert words[2] in {*TRANSITIONS, *PARAMETERS}


def test_parameters_of_node_commands_exist():
    (command,) = [text for text in CODE if '--ros-args' in text and 'segmentation_node' in text]
    given = re.findall(r'-p ([^:]+):=', command)
    assert {name for name in given if not name.startswith('qos_overrides.')} <= PARAMETERS
