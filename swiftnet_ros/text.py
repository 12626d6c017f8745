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

"""Text from files, libraries and other nodes, made safe and short for logs and messages."""

from unicodedata import category

LIMIT = 200
"""How many characters of a value appear in a message."""

_CUT = ' [...] '
# Control and format characters (ANSI and text direction), lone surrogates, line separators.
_UNSAFE = {'Cc', 'Cf', 'Cs', 'Zl', 'Zp'}
# Joiners that some languages write within words.
_JOINERS = '\u200c\u200d'


def safe_text(value: object, limit: int = LIMIT) -> str:
    """
    Return the text of a value on one line, escaped, of at most `limit` characters.

    Control characters, newlines, lone surrogates and changes of the text direction are escaped as
    in Python. Of longer text the beginning and the end are kept, with ' [...] ' between them.
    """
    text = str(value)
    if len(text) > 2 * limit:
        text = text[:limit] + text[-limit:]
    if not is_safe(text):
        text = ''.join(letter if is_safe(letter) else _escaped(letter) for letter in text)
    if len(text) <= limit:
        return text
    tail = (limit - len(_CUT)) // 2
    return text[: limit - len(_CUT) - tail] + _CUT + text[-tail:]


def safe_repr(value: object, limit: int = LIMIT) -> str:
    """Return `repr` of a value like `safe_text`."""
    try:
        return safe_text(repr(value), limit)
    # Python does not print integers of many digits or what is nested too deep.
    except (ValueError, RecursionError):
        return f'{type(value).__name__} that is too long to print'


def is_safe(text: str) -> bool:
    """Return whether text has no character that `safe_text` escapes."""
    if text.isascii():
        return text.isprintable()
    return all(letter in _JOINERS or category(letter) not in _UNSAFE for letter in text)


def one_line(value: object, limit: int = 2 * LIMIT) -> str:
    """
    Return the text of a library's error on one line, with single spaces, like `safe_text`.

    An error without a text is named by its type, as MemoryError.
    """
    text = str(value)
    if isinstance(value, BaseException) and not text.strip():
        text = type(value).__name__
    # Splitting megabytes into words takes long; what is between the ends is cut anyway.
    ends = text if len(text) <= 20 * limit else f'{text[: 10 * limit]} {text[-10 * limit :]}'
    return safe_text(' '.join(ends.split()), limit)


def os_reason(error: Exception) -> str:
    """Return what the system says about a failed call, without the name of a file."""
    return one_line(getattr(error, 'strerror', None) or error)


def _escaped(letter: str) -> str:
    return letter.encode('unicode_escape').decode('ascii')
