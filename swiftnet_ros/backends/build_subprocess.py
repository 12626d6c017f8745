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
Run a program that builds an engine, in a process group of its own.

It writes JSON lines to standard output: objects with a `phase` are progress, the last one is the
result. Its error is a line `error: ...` on standard error.
"""

from collections import deque
from contextlib import contextmanager, suppress
import os
import selectors
import signal
import subprocess
from threading import Event
from typing import Any, Callable, Deque, Dict, Iterator, List, Sequence

from swiftnet_ros.errors import (
    BuildCancelledError,
    BuildProcessError,
    InvalidTextError,
    ReportedError,
)
from swiftnet_ros.system.json_reader import parse_json

JsonMessage = Dict[str, Any]

_POLL = 0.05
# Seconds that the process may take to clean up before it is killed.
_GRACE = 0.5
_ERROR = 'error: '
_KEPT_LINES = 50


def run_build(
    command: Sequence[str], on_progress: Callable[[JsonMessage], None], cancelled: Event
) -> JsonMessage:
    """
    Run a build to its end and return its result.

    `on_progress` is called with every progress message. Raise BuildCancelledError soon after
    `cancelled` is set, ReportedError with the program's own error, or BuildProcessError if it
    wrote none. The process has always ended when this returns or raises.
    """
    result: JsonMessage = {}
    log: Deque[str] = deque(maxlen=_KEPT_LINES)
    with _process(command) as process:
        for name, line in _lines(process, cancelled):
            if name == 'stderr':
                log.append(line)
                continue
            message = _parse(line)
            if 'phase' in message:
                on_progress(message)
            elif message:
                result = message
        code = _wait(process, cancelled)
    if code:
        raise _failure(code, log)
    if not result:
        raise BuildProcessError('it ended without a result')
    return result


@contextmanager
def _process(command: Sequence[str]) -> 'Iterator[subprocess.Popen[bytes]]':
    # In its own session: a Ctrl-C in the terminal reaches the caller only, which ends the group.
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        with process:
            try:
                yield process
            except BaseException:
                _end(process)
                raise
    finally:
        # Also ends what the process started itself.
        _signal(process.pid, signal.SIGKILL)


def _lines(process: 'subprocess.Popen[bytes]', cancelled: Event) -> Iterator[List[str]]:
    """Yield [stdout or stderr, line] until both are closed."""
    partial_lines: Dict[str, bytes] = {'stdout': b'', 'stderr': b''}
    with selectors.DefaultSelector() as selector:
        for name in partial_lines:
            selector.register(getattr(process, name), selectors.EVENT_READ, name)
        while selector.get_map():
            if cancelled.is_set():
                raise BuildCancelledError()
            for key, _ in selector.select(_POLL):
                chunk = os.read(key.fd, 1 << 16)
                if not chunk:
                    selector.unregister(key.fileobj)
                text = partial_lines[key.data] + (chunk or b'\n')
                *lines, partial_lines[key.data] = text.split(b'\n')
                for line in lines:
                    if line.strip():
                        yield [key.data, line.decode(errors='replace').strip()]


def _wait(process: 'subprocess.Popen[bytes]', cancelled: Event) -> int:
    """Return the exit code; a process may close its outputs and continue."""
    while process.poll() is None:
        if cancelled.wait(_POLL):
            raise BuildCancelledError()
    return process.wait()


def _end(process: 'subprocess.Popen[bytes]') -> None:
    _signal(process.pid, signal.SIGTERM)
    try:
        process.wait(_GRACE)
    except subprocess.TimeoutExpired:
        _signal(process.pid, signal.SIGKILL)


def _signal(group: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(group, number)


def _parse(line: str) -> JsonMessage:
    """Return the JSON object of a line, an empty one for the output of a library."""
    try:
        message = parse_json(line, 'a line of the build')
    except InvalidTextError:
        return {}
    return message if isinstance(message, dict) else {}


def _failure(code: int, log: Deque[str]) -> Exception:
    errors = [line for line in log if line.startswith(_ERROR)]
    if errors:
        return ReportedError(errors[-1].partition(_ERROR)[2])
    if code == -signal.SIGKILL:
        reason = 'it was killed (SIGKILL), probably out of memory; close other programs or lower '
        return BuildProcessError(f'{reason}workspace_mb')
    last = log[-1] if log else 'it wrote no error'
    how = f'signal {-code}' if code < 0 else f'exit code {code}'
    return BuildProcessError(f'it ended with {how}: {last}')
