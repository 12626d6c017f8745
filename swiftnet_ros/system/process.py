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

"""Exit codes of commands, and SIGINT, SIGTERM and SIGHUP as exceptions or as a flag."""

from contextlib import contextmanager, suppress
import ctypes
import io
import os
import select
import signal
import sys
import threading
from types import FrameType
from typing import Any, Callable, Dict, Iterator, Optional

from swiftnet_ros.errors import SwiftnetError
from swiftnet_ros.text import os_reason, safe_text

# The last is sent when a terminal or a connection closes.
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_PR_SET_PDEATHSIG = 1
# The file descriptor of stdout, in every process.
_STDOUT = 1


def end_with_parent(parent: int) -> None:
    """
    Let this process end with the thread that started it, whatever ends that; only Linux can.

    `parent` is the number of its process; SystemExit if that has ended already.
    """
    prctl = getattr(ctypes.CDLL(None), 'prctl', None)
    if prctl is not None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        sys.exit(1)


def exit_code(command: Callable[[], int]) -> int:
    """
    Run a command and return its exit code.

    A SwiftnetError, or an OSError such as a full disk, is printed as one line and returns 1. If
    the reader of stdout is gone, as with `| head`, 1 is returned without a message.
    """
    _escape_unprintable()
    try:
        try:
            return command()
        finally:
            # Otherwise unwritten output, of --help too, would fail when the interpreter ends.
            if sys.stdout is not None:
                sys.stdout.flush()
    except SwiftnetError as error:
        return _failed(str(error))
    except MemoryError:
        return _failed('not enough memory; end other programs, or allow this one more memory')
    except OSError as error:
        return 1 if _is_stdout_closed(error) else _failed(_reason(error))


def print_warning(text: str) -> None:
    """Print a warning to stderr."""
    print(f'warning: {text}', file=sys.stderr)


def _escape_unprintable() -> None:
    """Let stdout and stderr escape what their encoding lacks, as é under LC_ALL=C."""
    for stream in (sys.stdout, sys.stderr):
        # Others may have replaced them by a stream of another kind.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors='backslashreplace')


def _failed(reason: str) -> int:
    print(f'error: {reason}', file=sys.stderr)
    return 1


def _is_stdout_closed(error: OSError) -> bool:
    """Return whether stdout broke; if so, discard what the interpreter still has to write."""
    stdout = select.poll()
    stdout.register(_STDOUT, 0)
    if not isinstance(error, BrokenPipeError) or not stdout.poll(0):
        return False
    os.dup2(os.open(os.devnull, os.O_WRONLY), _STDOUT)
    return True


def _reason(error: OSError) -> str:
    text = os_reason(error)
    return text if error.filename is None else f'{text}: {safe_text(error.filename)}'


@contextmanager
def signals_raise_exit() -> Iterator[None]:
    """
    Let SIGINT, SIGTERM and SIGHUP raise SystemExit in the block, so that it can clean up.

    Only signals whose handler is the system's default are changed, and only in the main thread.
    """
    changed = [number for number in _SIGNALS if signal.getsignal(number) is signal.SIG_DFL]
    if threading.current_thread() is not threading.main_thread():
        changed = []

    def end(number: int, frame: Optional[FrameType]) -> None:
        # A second signal is not to interrupt the cleanup.
        for other in changed:
            signal.signal(other, signal.SIG_IGN)
        sys.exit(128 + number)

    for number in changed:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in changed:
            signal.signal(number, signal.SIG_DFL)


class StopFlag:
    """
    A flag that a signal may set at any moment.

    It is a pipe: `threading.Event` would wait for a lock that the interrupted thread may hold.
    """

    def __init__(self) -> None:
        """Create a flag that is not set."""
        self._read, self.handle = os.pipe()
        """The end of the pipe that sets the flag when anything is written to it."""
        os.set_blocking(self.handle, False)

    def __del__(self) -> None:
        """Close the pipe, only now because any thread may still set the flag."""
        for handle in (self._read, self.handle):
            os.close(handle)

    def set(self) -> None:  # noqa: A003
        """Set the flag, for good."""
        # If the pipe is full, the flag is set.
        with suppress(BlockingIOError):
            os.write(self.handle, b'\0')

    def is_set(self) -> bool:
        """Return whether the flag is set."""
        return self.wait(0.0)

    def wait(self, timeout: float) -> bool:
        """Wait for the flag for at most `timeout` seconds; return whether it is set."""
        poll = select.poll()
        poll.register(self._read, select.POLLIN)
        return bool(poll.poll(max(timeout, 0.0) * 1000))


@contextmanager
def stop_on_signals() -> Iterator[StopFlag]:
    """Let SIGINT, SIGTERM and SIGHUP, unless nohup ignores it, set a flag in the block."""
    stop = StopFlag()
    # Python itself writes to the pipe. The handler does nothing, in C: one in Python could be
    # interrupted by the next signal, again and again.
    nothing: Dict[int, Any] = {}
    is_ignored = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    numbers = _SIGNALS[:-1] if is_ignored else _SIGNALS
    before = {number: signal.signal(number, nothing.get) for number in numbers}
    wakeup = signal.set_wakeup_fd(stop.handle, warn_on_full_buffer=False)
    try:
        yield stop
    finally:
        signal.set_wakeup_fd(wakeup)
        for number, handler in before.items():
            signal.signal(number, handler)
