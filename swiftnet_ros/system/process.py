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

"""The exit code of a command: what its user can mend is one line on stderr and a 1."""

from contextlib import contextmanager
import os
import select
import signal
import sys
import threading
from types import FrameType
from typing import Callable, Iterator, Optional

from swiftnet_ros.errors import SwiftnetError

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def ending_is_an_exception() -> Iterator[None]:
    """Let a signal raise SystemExit meanwhile, where it would end the process at once."""
    sudden = [number for number in _SIGNALS if signal.getsignal(number) is signal.SIG_DFL]
    if threading.current_thread() is not threading.main_thread():
        sudden = []
    for number in sudden:
        signal.signal(number, _leave)
    try:
        yield
    finally:
        for number in sudden:
            signal.signal(number, signal.SIG_DFL)


def _leave(number: int, frame: Optional[FrameType]) -> None:
    sys.exit(128 + number)


# Its number in every process.
_STDOUT = 1


def exit_code(command: Callable[[], int]) -> int:
    """
    Run a command and give its exit code.

    A SwiftnetError, and a file or folder that the system refuses (OSError: not writable, no space
    left), is one line and 1. A reader of stdout that has gone, as `| head` does, is 1 alone.
    """
    try:
        code = command()
        # What is still unwritten would fail only after this function, at the interpreter's end.
        sys.stdout.flush()
    except SwiftnetError as error:
        return _failed(str(error))
    except OSError as error:
        return 1 if _reader_has_gone(error) else _failed(_reason(error))
    return code


def _reader_has_gone(error: OSError) -> bool:
    """Say whether it was stdout that broke; then let the interpreter write the rest nowhere."""
    stdout = select.poll()
    stdout.register(_STDOUT, 0)
    if not isinstance(error, BrokenPipeError) or not stdout.poll(0):
        return False
    os.dup2(os.open(os.devnull, os.O_WRONLY), _STDOUT)
    return True


def _failed(reason: str) -> int:
    print(f'error: {reason}', file=sys.stderr)
    return 1


def _reason(error: OSError) -> str:
    """Say which file it was, where the system tells."""
    told = error.strerror or str(error) or type(error).__name__
    return told if error.filename is None else f'{told}: {error.filename}'
