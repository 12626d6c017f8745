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

"""The Python files of the checkout and what each imports, read without running them."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from helpers.checkout import ROOT

TREES = ('swiftnet_ros', 'training')


@dataclass(frozen=True)
class Module:
    """A source file, its dotted name and the modules that it imports, wherever in the file."""

    name: str
    path: Path
    imports: frozenset[str]


@cache
def modules(tree: str) -> tuple[Module, ...]:
    """Read all modules of `swiftnet_ros` or `training`."""
    paths = {_name(path): path for path in sorted((ROOT / tree).rglob('*.py'))}
    return tuple(
        Module(name, path, frozenset(imported_modules(path.read_text())))
        for name, path in paths.items()
    )


def imported_modules(source: str) -> Iterator[str]:
    """Name every module that a source imports; `from package import module` is that module."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, 'relative imports hide where they point'
            for alias in node.names:
                inner = f'{node.module}.{alias.name}'
                yield inner if _is_module(inner) else str(node.module)


def python_files() -> Iterator[Path]:
    """Give every Python file of the project."""
    for folder in (*TREES, 'test', 'launch'):
        yield from sorted((ROOT / folder).rglob('*.py'))
    yield ROOT / 'setup.py'


def scripts() -> Iterator[Path]:
    """Give every shell script of the project."""
    yield from sorted((ROOT / 'scripts').glob('*.sh'))
    yield ROOT / '.ci' / 'run'


def _name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix('').parts
    return '.'.join(parts[:-1] if parts[-1] == '__init__' else parts)


def _is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split('.'))
    return path.with_suffix('.py').is_file() or (path / '__init__.py').is_file()
