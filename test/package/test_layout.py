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

"""The size of files, functions and packages."""

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from package.source_files import python_files, relative, ROOT
import pytest

MAX_FILE_LINES, MAX_FUNCTION_LINES = 400, 60
# So that a package's folder shows its subpackages and not a list of files.
MAX_MODULES = {'swiftnet_ros': 10, 'training': 4}
TOP_LEVEL_FILES = {
    *('.dockerignore', '.git', '.gitignore', '.importlinter', '.pre-commit-config.yaml'),
    *('CHANGELOG.rst', 'CITATION.cff', 'CONTRIBUTING.md', 'LICENSE', 'README.md', 'REUSE.toml'),
    *('mkdocs.yml', 'mypy.ini', 'package.xml', 'pytest.ini', 'ruff.toml', 'setup.cfg', 'setup.py'),
}


def _functions(path: Path) -> Iterator[tuple[str, int]]:
    """Yield the place and the number of lines of each function, its docstring not counted."""
    for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            lines = node.end_lineno - node.lineno + 1
            docstring = node.body[0] if ast.get_docstring(node) else None
            skipped = docstring.end_lineno - docstring.lineno + 1 if docstring else 0
            yield f'{relative(path)}:{node.lineno} {node.name}', lines - skipped


def test_no_file_is_too_long():
    lines = {
        relative(path): len(path.read_text(encoding='utf-8').splitlines())
        for path in python_files()
    }
    assert not {name: count for name, count in lines.items() if count > MAX_FILE_LINES}


def test_no_function_is_too_long():
    functions = [entry for path in python_files() for entry in _functions(path)]
    assert not [entry for entry in functions if entry[1] > MAX_FUNCTION_LINES]


@pytest.mark.parametrize('tree', MAX_MODULES)
def test_few_modules_are_outside_subpackages(tree):
    assert len(list((ROOT / tree).glob('*.py'))) <= MAX_MODULES[tree]


def test_names_of_test_files_are_unique():
    """The pytest plugin of launch_testing imports every test file by its name alone."""
    counts = Counter(path.name for path in (ROOT / 'test').rglob('test_*.py'))
    assert not [name for name, count in counts.items() if count > 1]


def test_only_known_files_are_at_the_top_level():
    """What a program leaves in the current folder is easily committed by mistake."""
    assert {path.name for path in ROOT.iterdir() if path.is_file()} <= TOP_LEVEL_FILES
