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

"""The base of all errors, and those of values and options."""

from difflib import get_close_matches
from typing import Iterable

from swiftnet_ros.text import one_line, safe_repr, safe_text

LONGEST_MESSAGE = 1000


def listing(values: Iterable[object]) -> str:
    """Return values as text, separated by commas."""
    return ', '.join(str(value) for value in values)


class SwiftnetError(Exception):
    """Base of all errors whose message is one line that says what is wrong and what to do."""

    def __init__(self, message: str) -> None:
        """Keep the message, escaped and cut like text of others, and never empty."""
        super().__init__(safe_text(message, LONGEST_MESSAGE) or type(self).__name__)


class UnexpectedError(SwiftnetError):
    """A bug in this package or in one that it uses."""

    def __init__(self, what: str) -> None:
        super().__init__(f'{what}: unexpected error; please report it with the log above')


class ReportedError(SwiftnetError):
    """The error message of a subprocess."""

    def __init__(self, message: str) -> None:
        super().__init__(one_line(message))


class InvalidValueError(SwiftnetError):
    """A configuration value, parameter or argument outside of what is allowed."""

    def __init__(self, name: str, received: object, expected: str) -> None:
        super().__init__(f'{safe_text(name)} is {safe_repr(received)}, expected {expected}')


class InvalidTextError(InvalidValueError):
    """A text, of a file or an argument, that cannot be parsed within the limits."""

    def __init__(self, name: object, reason: object, expected: str) -> None:
        text = f'cannot read {safe_text(name)}: {one_line(reason, 200)}; expected {expected}'
        SwiftnetError.__init__(self, text)


class NonFiniteValueError(SwiftnetError):
    """A number that is NaN or infinite where only finite ones make sense."""

    def __init__(self, what: str, value: object, remedy: str) -> None:
        super().__init__(f'{what} is {value}, not a finite number; {remedy}')


class UnknownNameError(SwiftnetError):
    """A name that is not in a registry; proposes the nearest one that is."""

    def __init__(self, what: str, name: object, known: Iterable[str]) -> None:
        names = sorted(known)
        near = get_close_matches(str(name), names, n=1)
        hint = f'choose one of: {listing(names)}' if names else 'there are none'
        if near:
            hint = f'did you mean {near[0]!r}?'
        super().__init__(f'unknown {what} {safe_repr(str(name))}; {hint}')


class OptionConflictError(SwiftnetError):
    """An option that cannot be combined with another one or with the given file."""

    def __init__(self, option: str, other: str) -> None:
        super().__init__(f'{option} cannot be combined with {other}; remove one of them')


class MissingOptionError(SwiftnetError):
    """An option that needs another one."""

    def __init__(self, option: str, needed: str) -> None:
        super().__init__(f'{option} also needs {needed}')


class PortUnavailableError(SwiftnetError):
    """A port of this machine that cannot be opened."""

    def __init__(self, port: int, reason: object, option: str) -> None:
        super().__init__(
            f'cannot open port {port}: {one_line(reason)}; choose another one, as {option} '
            f'{port + 1 if 1024 <= port < 65535 else 8008}'
        )
