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

"""
Damaged and hostile files from a seeded generator, and the check that a reader survives them.

A reader either reads such a file or raises one short line. test/fuzz.py and the tests share this.
"""

from dataclasses import dataclass
import json
from pathlib import Path
from random import Random
from typing import Any, Callable

from swiftnet_ros.errors import SwiftnetError

LONGEST_MESSAGE = 1000
DEEP = 100_000
ODD_VALUES = [
    None,
    True,
    -1,
    0,
    3.5,
    10**6,
    10**12,
    2**70,
    float('nan'),
    float('inf'),
    '',
    'x' * 5000,
    'a\nb\x1b[31m',
    '\ud800',
    [],
    {},
    [[]],
    [10**9] * 5,
    {'a': {'b': []}},
]
NO_JSON = [b'', b'\0' * 100, b'\xff', b'5', b'null', b'[' * DEEP, b'{"a":' * DEEP]
ODD_YAML = [
    '2020-01-01',
    '2020-13-45',
    '1:30',
    '010',
    '.nan',
    '9' * 5000,
    '!!python/object/apply:os.getcwd []',
    '!!binary x',
    '!!bool x',
    '&a [*a]',
    '[' * DEEP,
    '- ' * 5000,
    '{a: 1, a: 2}',
    '? [a]\n: 1',
    '"\\UFFFFFFFF"',
]


@dataclass(frozen=True)
class FileKind:
    """
    A kind of file: a generator of content and its reader.

    `names_file` is whether every message names the file; messages about a value of a
    configuration name its key instead.
    """

    name: str
    file_name: str
    make: Callable[[Random], bytes]
    read: Callable[[Path], object]
    names_file: bool = True


class ReaderError(AssertionError):
    """A reader that broke, and the content that broke it."""

    def __init__(self, kind: FileKind, content: bytes, reason: str) -> None:
        super().__init__(f'{kind.name}: {reason}; content {content[:60]!r}')
        self.content = content


def check_reader(kind: FileKind, random: Random, folder: Path) -> bool:
    """Return whether a generated file was read; raise ReaderError if its reader broke."""
    path, content = folder / kind.file_name, kind.make(random)
    path.write_bytes(content)
    try:
        kind.read(path)
    except SwiftnetError as error:
        text = str(error)
        if '\n' in text or len(text) > LONGEST_MESSAGE:
            raise ReaderError(kind, content, f'message is no short line: {text!r}') from error
        if kind.names_file and path.stem not in text:
            raise ReaderError(kind, content, f'message does not name the file: {text}') from error
        return False
    except Exception as error:
        reason = f'{type(error).__name__}: {str(error)[:200]}'
        raise ReaderError(kind, content, reason) from error
    return True


def random_bytes(random: Random, count: int) -> bytes:
    """Return random bytes; Python 3.8 has no `randbytes`."""
    return bytes(random.randrange(256) for _ in range(count))


def damaged(content: bytes, random: Random) -> bytes:
    """Return content with flipped bits, cut, without a piece, or with other bytes in it."""
    size, changed = len(content), bytearray(content)
    start = random.randrange(size)
    end = min(size, start + random.randrange(1, 200))
    how = random.randrange(6)
    if how <= 1:
        for _ in range(random.choice([1, 1, 2, 5, 50])):
            changed[random.randrange(size)] ^= 1 << random.randrange(8)
    elif how == 2:
        length = random.choice([0, 1, start, size - random.randrange(1, 20)])
        del changed[length:]
    elif how == 3:
        del changed[start:end]
    elif how == 4:
        changed[start:end] = bytes(end - start)
    else:
        changed[start:start] = random_bytes(random, end - start)
    return bytes(changed)


def with_odd_value(tree: Any, random: Random, odd: Callable[[], Any]) -> Any:
    """Return a tree with one value, at any depth, replaced or removed."""
    if isinstance(tree, (dict, list)) and tree and random.random() < 0.8:
        items = tree.items() if isinstance(tree, dict) else enumerate(tree)
        key, value = random.choice(list(items))
        copy = tree.copy()
        if random.random() < 0.15:
            del copy[key]
        else:
            copy[key] = with_odd_value(value, random, odd)
        return copy
    return odd()


def odd_json(tree: Any, random: Random) -> bytes:
    """Return JSON that is damaged, or valid with an odd value, key or nesting."""
    how = random.randrange(8)
    if how == 0:
        return damaged(json.dumps(tree).encode(), random)
    if how == 1:
        return random.choice(NO_JSON)
    odd = with_odd_value(tree, random, lambda: random.choice(ODD_VALUES))
    text = json.dumps(odd)
    if how == 2 and text.endswith('}') and isinstance(tree, dict):
        text = f'{text[:-1]}, {json.dumps(random.choice(list(tree)))}: 1}}'
    if how == 3:
        text = text.replace('1', '1' * 5000, 1)
    return text.encode()


def odd_yaml(tree: Any, random: Random) -> bytes:
    """Return YAML, in which JSON is valid, that is damaged or holds an odd value."""
    how = random.randrange(4)
    if how == 0:
        return odd_json(tree, random)
    mark = '<odd>'
    text = json.dumps(with_odd_value(tree, random, lambda: mark))
    if how == 1:
        return multiplying_aliases(random).encode()
    return text.replace(json.dumps(mark), random.choice(ODD_YAML)).encode()


def multiplying_aliases(random: Random) -> str:
    """Return YAML of some lines that expands to billions of values ("billion laughs")."""
    lines = [f'{random.choice(["classes", "model"])}:', '- &a0 [ha, ha, ha]']
    for number in range(1, random.randrange(8, 12)):
        lines.append(f'- &a{number} [{", ".join([f"*a{number - 1}"] * 10)}]')
    return '\n'.join(lines)
