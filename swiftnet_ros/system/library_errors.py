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

"""The boundary to a library: whatever it raises becomes one line of this package."""

from contextlib import contextmanager
from typing import Callable, Iterator

from swiftnet_ros.errors import LONGEST_MESSAGE, SwiftnetError
from swiftnet_ros.text import one_line

# How many characters of a library's text a message quotes.
_MAX_QUOTED = 300
# What libraries and the dynamic linker say.
_NO_MEMORY = ('bad_alloc', 'Cannot allocate memory', 'failed to map segment')
_OPENCV_NO_MEMORY = -4


@contextmanager
def library_errors(convert: Callable[[str], SwiftnetError]) -> Iterator[None]:
    """
    Raise every exception of the block as the error that `convert` makes of its text.

    Only for calls of a library that parses or runs what a file holds: there any type of exception
    can occur, which stays the cause of the error. A SwiftnetError is raised as it is.
    """
    try:
        yield
    except SwiftnetError:
        raise
    except Exception as error:
        raise convert(library_reason(error)) from error


def library_reason(error: BaseException) -> str:
    """Return what an exception of a library says, on one line; its type if that says more."""
    if isinstance(error, SwiftnetError):
        return one_line(error, LONGEST_MESSAGE)
    if lacks_memory(error):
        return 'not enough memory'
    text = one_line(error, _MAX_QUOTED)
    # Their text is only a name, such as a missing key.
    if isinstance(error, LookupError):
        return f'{type(error).__name__}: {text}'
    return text


def lacks_memory(error: BaseException) -> bool:
    """Return whether memory was short, as found by a library or behind its error."""
    causes = [cause for cause in (error, error.__cause__) if cause is not None]
    return any(
        isinstance(cause, MemoryError)
        or getattr(cause, 'code', None) == _OPENCV_NO_MEMORY
        or any(text in str(cause) for text in _NO_MEMORY)
        for cause in causes
    )
