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

import ast
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
import re

from helpers.doc_commands import check_command, commands_in
from package.source_files import python_files, ROOT, TREES
import pytest

PAGE = (ROOT / 'docs' / 'troubleshooting.md').read_text()
ROWS = re.findall(r'^\| (.*?) \| .* \|$', PAGE, re.MULTILINE)
MESSAGES = sorted({text for cell in ROWS for text in re.findall(r'`([^`]+)`', cell)})
# Where a message is put together of several texts, or has a value.
JOINTS = re.compile(r'\.\.\.|, expected |[;:] ')
SHORTEST, SPECIFIC = 4, 12
ADVICE = 'swiftnet_ros/ros/camera_advice.py'
ERRORS = [f'swiftnet_ros/errors/{name}.py' for name in ('engines', 'files', 'models', 'ros')]


def pieces(message: str) -> list[str]:
    """Return the parts of a quoted message that are text of the code."""
    parts = (part.strip(' .,;:()') for part in JOINTS.split(message))
    return [part for part in parts if len(part) >= SHORTEST]


def literals(tree: ast.AST) -> Iterator[str]:
    """Yield the texts in code, those between the values of an f-string apart; no docstrings."""
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if id(node) not in docstrings:
                yield node.value


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
    known = {item.name: [t.strip(' .,;:()') for t in literals(item)] for item in classes}
    missing = [
        name
        for name, texts in known.items()
        if not any(len(text) >= SPECIFIC and text in PAGE for text in texts)
    ]
    assert classes and not missing


def test_every_advice_about_a_camera_is_on_the_page():
    found = [part for text in literals(parsed(ADVICE)) for part in pieces(text)]
    advice = [part for part in found if ' ' in part and len(part) >= SPECIFIC]
    assert len(advice) > 15
    assert not [part for part in advice if part not in PAGE]


@pytest.mark.parametrize('command', sorted(set(commands_in(PAGE))))
def test_commands_exist(command, monkeypatch):
    check_command(command, monkeypatch)
