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

"""Errors of a command are one line and exit code 1; signals raise SystemExit or set a flag."""

import errno
import os
import signal
import subprocess
import sys
from threading import get_ident, Timer
from time import monotonic

from helpers.checkout import ROOT
import pytest
from swiftnet_ros.errors import InvalidValueError
from swiftnet_ros.system.process import exit_code, signals_raise_exit, stop_on_signals, StopFlag


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


def test_a_second_signal_does_not_interrupt_the_cleanup():
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        with pytest.raises(SystemExit), signals_raise_exit():
            try:
                signal.raise_signal(signal.SIGTERM)
            finally:
                signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)


def test_the_flag_is_set_for_good_and_by_any_thread():
    flag = StopFlag()
    assert not flag.is_set() and not flag.wait(0.01)
    setter = Timer(0.1, flag.set)
    setter.start()
    assert flag.wait(10.0) and flag.is_set()
    # More than the pipe holds.
    for _ in range(70_000):
        flag.set()
    assert flag.is_set()


def test_a_hangup_that_nohup_ignores_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stop_on_signals() as stop:
            signal.raise_signal(signal.SIGHUP)
            assert not stop.is_set()
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_sets_the_flag_and_wakes_its_wait(number):
    before = signal.getsignal(number)
    with stop_on_signals() as stop:
        assert not stop.is_set()
        Timer(0.1, signal.pthread_kill, [get_ident(), number]).start()
        start = monotonic()
        assert stop.wait(10.0) and monotonic() - start < 5.0
    assert signal.getsignal(number) is before


STORM = """
import time
from swiftnet_ros.system.process import stop_on_signals

with stop_on_signals() as stop:
    print('ready', flush=True)
    end = time.monotonic() + 0.5
    while time.monotonic() < end:
        pass
    print(stop.is_set(), flush=True)
    time.sleep(30)
"""


def test_a_storm_of_signals_neither_blocks_nor_raises():
    command = [sys.executable, '-c', STORM]
    pipes = {'stdout': subprocess.PIPE, 'stderr': subprocess.PIPE}
    with subprocess.Popen(command, cwd=ROOT, text=True, **pipes) as process:
        assert process.stdout.readline() == 'ready\n'
        end = monotonic() + 0.4
        while monotonic() < end:
            process.send_signal(signal.SIGINT)
            process.send_signal(signal.SIGTERM)
        assert process.stdout.readline() == 'True\n'
        process.kill()
        assert process.stderr.read() == ''


def test_a_closed_stdout_is_quiet_for_the_help_of_a_command_too():
    command = [sys.executable, '-m', 'swiftnet_ros.model_spec', '--help']
    read, write = os.pipe()
    os.close(read)
    pipes = {'stdout': write, 'stderr': subprocess.PIPE}
    # Buffered, unless the environment says otherwise.
    done = subprocess.run(command, env={'PYTHONPATH': str(ROOT)}, timeout=60, **pipes)
    os.close(write)
    assert (done.returncode, done.stderr) == (1, b'')


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
