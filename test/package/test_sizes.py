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

"""Whether files and functions stay small enough to be read at a glance."""

import ast
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from package.source_files import python_files, ROOT, TREES
import pytest

SOURCES = [path for path in python_files() if path.relative_to(ROOT).parts[0] in TREES]
FILE_LIMIT, FUNCTION_LIMIT = 300, 60
FILE_MEDIAN, FUNCTION_MEDIAN = 120, 10


def _functions(path: Path) -> Iterator[tuple[str, int]]:
    """Give name and lines of each function, without the lines of its docstring."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            lines = node.end_lineno - node.lineno + 1
            docstring = node.body[0] if ast.get_docstring(node) else None
            spent = docstring.end_lineno - docstring.lineno + 1 if docstring else 0
            yield f'{path.relative_to(ROOT)}:{node.lineno} {node.name}', lines - spent


def _lines(paths: list[Path]) -> list[int]:
    return [len(path.read_text().splitlines()) for path in paths]


@pytest.mark.parametrize('path', python_files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_is_longer_than_the_limit(path):
    assert _lines([path])[0] <= FILE_LIMIT


def test_half_of_the_source_files_are_short():
    assert median(_lines(SOURCES)) <= FILE_MEDIAN


def test_no_function_is_longer_than_the_limit():
    long = [entry for path in python_files() for entry in _functions(path)]
    assert not [entry for entry in long if entry[1] > FUNCTION_LIMIT]


def test_half_of_the_functions_are_short():
    lengths = [lines for path in SOURCES for _, lines in _functions(path)]
    assert median(lengths) <= FUNCTION_MEDIAN
