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

"""Text from files and other nodes is on one line, printable and short wherever it appears."""

from pathlib import Path
from time import perf_counter

import pytest
from swiftnet_ros.errors import (
    FileMissingError,
    InvalidValueError,
    SwiftnetError,
    UnknownNameError,
)
from swiftnet_ros.text import is_safe, one_line, safe_repr, safe_text

HOSTILE = {
    'clear\x1b[2J': 'clear\\x1b[2J',
    'a\n[FATAL] forged': 'a\\n[FATAL] forged',
    'nul\x00': 'nul\\x00',
    'c1\x9b31m': 'c1\\x9b31m',
    'delete\x7f': 'delete\\x7f',
    'lone\ud800': 'lone\\ud800',
    'file\udcff.png': 'file\\udcff.png',
    'bidi\u202egnp.exe': 'bidi\\u202egnp.exe',
    'isolate\u2066': 'isolate\\u2066',
    'line\u2028paragraph\u2029': 'line\\u2028paragraph\\u2029',
    'tag\U000e0041': 'tag\\U000e0041',
    'no break\ufeff': 'no break\\ufeff',
}
KEPT = ['road', 'Straße', '道路　歩道', '\u06cc\u200c\u062e', 'back\\slash', '🚗', 'a\xa0b', '']


@pytest.mark.parametrize(('text', 'escaped'), HOSTILE.items())
def test_control_characters_and_surrogates_are_escaped(text, escaped):
    assert safe_text(text) == escaped
    assert not is_safe(text)
    assert is_safe(escaped)
    escaped.encode('utf-8')


@pytest.mark.parametrize('text', KEPT)
def test_text_of_every_language_is_kept(text):
    assert safe_text(text) == text
    assert is_safe(text)


def test_long_text_keeps_both_ends():
    path = f'/{"d" * 5000}/image.png'
    assert safe_text(path) == f'/{"d" * 96} [...] {"d" * 86}/image.png'
    assert safe_text('x' * 200) == 'x' * 200
    assert len(safe_text('x' * 201)) == 200
    assert len(safe_text('\ud800' * 100)) == 200
    assert safe_text('abcdefghijklmnopqrst', 15) == 'abcd [...] qrst'


def test_what_is_safe_stays_the_same():
    once = safe_text('\x1b' * 5000)
    assert safe_text(once) == once


def test_megabytes_take_no_time():
    text = '\x1b[2J\n' * 2_000_000
    start = perf_counter()
    assert len(safe_text(text)) == 200
    assert len(one_line(text)) == 400
    assert perf_counter() - start < 0.1


def test_errors_of_libraries_become_one_line():
    assert one_line(ValueError('two\n  lines \x1b[1m')) == 'two lines \\x1b[1m'
    assert one_line(MemoryError()) == 'MemoryError'
    assert one_line('') == ''


def test_values_that_python_cannot_print():
    nested = []
    for _ in range(100_000):
        nested = [nested]
    assert safe_repr(nested) == 'list that is too long to print'
    assert safe_repr('a\nb') == "'a\\nb'"
    assert len(safe_repr({'key': 'v' * 1000})) == 200


@pytest.mark.parametrize(
    'error',
    [
        SwiftnetError('\ud800\n' * 10_000),
        FileMissingError(Path('/' + '\x1b' * 5000)),
        InvalidValueError('rate\n', ['\ud800' * 5000], 'a number'),
        UnknownNameError('encoding', '\x1b[31m' * 1_000_000, ['rgb8']),
    ],
)
def test_no_error_repeats_what_it_was_given_in_full(error):
    assert is_safe(str(error))
    assert len(str(error)) <= 1000


def test_the_advice_of_an_error_follows_a_long_path():
    message = str(FileMissingError(f'/{"d" * 5000}/image.png'))
    assert message.endswith('/image.png; check the path')
    assert len(message) < 250
