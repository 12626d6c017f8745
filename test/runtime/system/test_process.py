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

"""Errors of a command are one line and exit code 1; a closed stdout is not reported."""

import errno
import os
import signal
import subprocess
import sys
from time import monotonic

from helpers.checkout import ROOT
import pytest
from swiftnet_ros.errors import InvalidValueError
from swiftnet_ros.system.process import exit_code, signals_raise_exit


def failing(error: Exception):
    """Return a command that fails."""

    def command() -> int:
        raise error

    return command


@pytest.mark.parametrize('code', [0, 1, 3])
def test_command_returns_its_own_exit_code(code, capsys):
    assert exit_code(lambda: code) == code
    assert capsys.readouterr().err == ''


@pytest.mark.parametrize(
    ('error', 'line'),
    [
        (InvalidValueError('rate', 0, 'above 0'), 'error: rate is 0, expected above 0\n'),
        (PermissionError(errno.EACCES, 'Permission denied', 'a.json'), 'denied: a.json\n'),
        (OSError(errno.ENOSPC, 'No space left on device'), 'error: No space left on device\n'),
        (BrokenPipeError(errno.EPIPE, 'Broken pipe'), 'error: Broken pipe\n'),
        (OSError('cut short'), 'error: cut short\n'),
        (OSError(), 'error: OSError\n'),
    ],
)
def test_user_error_is_printed_as_one_line(error, line, capsys):
    assert exit_code(failing(error)) == 1
    printed = capsys.readouterr().err
    assert printed.startswith('error: ') and printed.endswith(line) and printed.count('\n') == 1


def test_bug_is_not_hidden():
    with pytest.raises(ZeroDivisionError):
        exit_code(failing(ZeroDivisionError()))


@pytest.mark.parametrize('length', [9, 1_000_000])
@pytest.mark.parametrize('flush', [False, True])
def test_closed_stdout_prints_nothing(flush, length):
    code = (
        'from swiftnet_ros.system.process import exit_code\n'
        'import sys\n'
        f'sys.exit(exit_code(lambda: print("x" * {length}, flush={flush}) or 0))\n'
    )
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, '-c', code], cwd=ROOT, stdout=write, stderr=subprocess.PIPE, timeout=60
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (1, b'')


def test_signal_raises_exit_and_its_default_returns():
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        with pytest.raises(SystemExit) as error, signals_raise_exit():
            signal.raise_signal(signal.SIGTERM)
        assert error.value.code == 128 + signal.SIGTERM
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGTERM, before)


PARENT = """
import os, subprocess, sys
code = (
    'import sys, time\\n'
    'from swiftnet_ros.system.process import end_with_parent\\n'
    'end_with_parent(int(sys.argv[1]))\\n'
    'print("ready", flush=True)\\n'
    'time.sleep(60)\\n'
)
subprocess.run([sys.executable, '-c', code, str(os.getpid())])
"""


def test_child_ends_with_its_killed_parent():
    command = [sys.executable, '-c', PARENT]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as parent:
        assert parent.stdout.readline() == 'ready\n'
        start = monotonic()
        parent.kill()
        # The pipe closes with the last process that could write to it.
        assert parent.stdout.read() == '' and monotonic() - start < 10.0
