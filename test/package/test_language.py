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

"""Rules of names and language that a program can check; CONTRIBUTING.md has the glossary."""

import ast
from collections.abc import Iterator
from pathlib import Path
import re

from package.source_files import python_files, relative, ROOT, shell_scripts, TREES

TYPE_NAME = re.compile(r'_?[A-Z]\w*[a-z]\w*')
# Docstrings use the verbs of the field instead: "Return", "Raise".
DOCSTRING_START = re.compile(r'(Give|Tell|Say|Refuse)s?\b')
# Phrases that only their author understood.
PHRASES = re.compile(
    r'is not here builds nothing|for nobody|is_deaf|\bself\._(beside|told)\b|trt_doings'
    r'|ends; start it again|to be left out'
)


def _declared_types(path: Path) -> Iterator[str]:
    """Yield the names of the classes of a file, and of the type aliases at its top level."""
    tree = ast.parse(path.read_text(encoding='utf-8'))
    yield from (node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef))
    for node in tree.body:
        if isinstance(node, (ast.Assign, ast.AnnAssign)):
            target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
            if isinstance(target, ast.Name) and TYPE_NAME.fullmatch(target.id):
                yield target.id


def _docstrings(path: Path) -> Iterator[str]:
    """Yield the docstrings of a file, of its classes and of its functions."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
        if isinstance(node, documented):
            yield ast.get_docstring(node) or ''


def _texts() -> Iterator[Path]:
    """Yield sources, scripts and documents; stored results are data."""
    yield from (path for path in python_files() if path != Path(__file__))
    yield from shell_scripts()
    patterns = ('*.md', '*.rst', 'docs/*.md', 'models/*.md', 'config/*.yaml')
    for pattern in (*patterns, '.github/**/*.md', '.github/**/*.yml'):
        yield from sorted(ROOT.glob(pattern))
    yield from sorted((ROOT / 'training' / 'configs').rglob('*.yaml'))


def test_type_names_are_unique():
    places = {}
    for path in python_files(*TREES):
        for name in _declared_types(path):
            places.setdefault(name, []).append(relative(path))
    assert not {name: paths for name, paths in places.items() if len(paths) > 1}


def test_docstrings_use_the_verbs_of_the_field():
    found = [
        f'{relative(path)}: {text.splitlines()[0]}'
        for path in python_files()
        for text in _docstrings(path)
        if DOCSTRING_START.match(text)
    ]
    assert not found


def test_no_text_contains_a_phrase_that_nobody_searches_for():
    matches = [(path, PHRASES.search(path.read_text(encoding='utf-8'))) for path in _texts()]
    assert not [f'{relative(path)}: {match[0]}' for path, match in matches if match]
