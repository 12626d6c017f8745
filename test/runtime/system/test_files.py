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

"""Atomic writes: a reader finds the old file or the new one, whatever ends the writer."""

import errno
import os
from pathlib import Path
import signal
import subprocess
import sys
from time import monotonic

import pytest
from swiftnet_ros.errors import FileMissingError
from swiftnet_ros.system.files import write_atomic

WRITER = """
import os, sys, time
from pathlib import Path
from swiftnet_ros.system.files import write_atomic
real = os.write
def slow(handle, content):
    print('writing', flush=True)
    time.sleep(0.05)
    return real(handle, content[:10])
os.write = slow
write_atomic(Path(sys.argv[1]), bytes(100000))
"""


@pytest.mark.parametrize('content', [
    'gr\u00fcn\n', 'gr\u00fcn\n'.encode(), lambda path: path.write_bytes('gr\u00fcn\n'.encode()),
])  # fmt: skip
def test_text_bytes_and_a_writing_function_replace_the_file(tmp_path, content):
    path = tmp_path / 'file'
    path.write_text('old')
    write_atomic(path, content)
    assert path.read_bytes() == b'gr\xc3\xbcn\n'
    assert list(tmp_path.iterdir()) == [path]


def test_only_a_private_file_is_hidden_from_others(tmp_path):
    before = os.umask(0o022)
    try:
        write_atomic(tmp_path / 'open', b'')
        write_atomic(tmp_path / 'private', b'', private=True)
    finally:
        os.umask(before)
    modes = [(tmp_path / name).stat().st_mode & 0o777 for name in ('open', 'private')]
    assert modes == [0o644, 0o600]


def test_missing_folder_raises(tmp_path):
    with pytest.raises(FileMissingError, match='folder not found: .*nowhere'):
        write_atomic(tmp_path / 'nowhere' / 'file', b'')


@pytest.mark.parametrize('failing', ['write', 'fsync', 'replace'])
def test_failed_write_leaves_the_old_file_alone(tmp_path, monkeypatch, failing):
    path = tmp_path / 'file'
    path.write_text('old')

    def fail(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, failing, fail)
    with pytest.raises(OSError, match='No space left'):
        write_atomic(path, 'new')
    assert path.read_text() == 'old'
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_names_the_file_and_not_its_partial_copy(tmp_path):
    def fail(path):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    with pytest.raises(PermissionError) as error:
        write_atomic(tmp_path / 'file', fail)
    assert error.value.filename == str(tmp_path / 'file')


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGKILL])
def test_killed_writer_leaves_nothing_after_the_next_write(tmp_path, number):
    path = tmp_path / 'a.engine'
    words = [sys.executable, '-c', WRITER, str(path)]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b'writing\n'
        start = monotonic()
        process.send_signal(number)
        process.stdout.read()
    assert monotonic() - start < 2
    left = list(tmp_path.iterdir())
    if number == signal.SIGTERM:
        assert (process.returncode, left) == (128 + number, [])
        return
    assert [item.suffix for item in left] == ['.partial']
    other = tmp_path / f'a.engine.{os.getpid()}.7.partial'
    other.write_text('of a living process')
    write_atomic(Path(path), b'new')
    assert {item.name for item in tmp_path.iterdir()} == {'a.engine', other.name}
