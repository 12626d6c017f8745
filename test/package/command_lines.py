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

"""Commands as they are written in documents and examples, and the parsers of their arguments."""

from argparse import ArgumentParser
import ast
from collections.abc import Iterator, Sequence
from importlib import import_module
import re
import shlex

from helpers.checkout import ROOT
import pytest

# Outside of quotes.
_SEPARATOR = re.compile(r"(?: && |; | \| | > )(?=(?:[^']*'[^']*')*[^']*$)")
_PROGRAM = re.compile(r'python3? -m (training|swiftnet_ros[.\w]*)\b.*')


def commands_in(markdown: str) -> Iterator[str]:
    """Yield the commands in blocks of code, continued lines joined, without comments."""
    for block in re.findall(r'^ *```(?:sh|bash)?\n(.*?)^ *```', markdown, re.M | re.S):
        for line in re.sub(r'\\\n\s*', '', block).splitlines():
            for part in _SEPARATOR.split(line.partition('  #')[0]):
                yield part.strip()


def is_program(command: str) -> bool:
    """Return whether a command runs a module of this repository, no node, with all arguments."""
    return bool(_PROGRAM.fullmatch(command)) and not re.search(r'\.\.\.|\[|…|--ros-args', command)


def parser_of(module: str) -> ArgumentParser:
    """Return the parser of a module, such as `training.commands.train`."""
    package = import_module(module)
    main = import_module(f'{module}.__main__') if hasattr(package, '__path__') else package
    parser: ArgumentParser = main.make_parser()
    return parser


def parse(command: str) -> None:
    """Parse the arguments of `python -m MODULE ...` with the module's own parser."""
    module, *words = shlex.split(command)[2:]
    if module == 'training' and words != ['--help']:
        pytest.importorskip('torch', reason='torch is not installed')
        module, *words = (f'training.commands.{words[0]}', *words[1:])
    if '--help' not in words:
        parser_of(module).parse_args(words)


def names_in(file: str, name: str) -> set[str]:
    """Return the keys of a dictionary, or the fields of a class, without importing the file."""
    for node in ast.parse((ROOT / file).read_text()).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], 'id', '') == name:
            return {key.value for key in node.value.keys}
        if isinstance(node, ast.ClassDef) and node.name == name:
            return {item.target.id for item in node.body if isinstance(item, ast.AnnAssign)}
    raise AssertionError(f'{file} has no {name}')


def unknown_launch_words(command: str) -> Sequence[str]:
    """Return what `ros2 launch swiftnet_ros FILE ARGUMENT:=VALUE ...` would not know."""
    file, *given = command.split()[3:]
    if file not in {path.name for path in (ROOT / 'launch').glob('*.launch.py')}:
        return [file]
    known = names_in(f'launch/{file}', 'ARGUMENTS')
    return [word for word in given if ':=' in word and word.partition(':=')[0] not in known]
