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

"""The files of the checkout that have rules of their own: Python sources and shell scripts."""

import ast
from collections.abc import Iterator
from pathlib import Path

from helpers.checkout import ROOT

# The trees that hold product code; tests, launch files and setup.py follow the same style.
TREES = ('swiftnet_ros', 'training')


def python_files(*folders: str) -> Iterator[Path]:
    """Yield the Python files of the given folders, or of the whole project."""
    for folder in folders or (*TREES, 'test', 'launch'):
        yield from sorted((ROOT / folder).rglob('*.py'))
    if not folders:
        yield ROOT / 'setup.py'


def shell_scripts() -> Iterator[Path]:
    """Yield the shell scripts of the project."""
    yield from sorted((ROOT / 'scripts').glob('*.sh'))
    yield from sorted((ROOT / '.ci').iterdir())


def imported_modules(path: Path) -> Iterator[str]:
    """Yield the dotted name of every module that a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield str(node.module)


def relative(path: Path) -> str:
    """Return a path relative to the checkout."""
    return str(path.relative_to(ROOT))
