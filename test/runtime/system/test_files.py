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
import fcntl
import json
import os
import signal
import subprocess
import sys
from time import monotonic

import pytest
from swiftnet_ros.errors import FileMissingError, InvalidValueError
from swiftnet_ros.system.files import append, write_atomic, write_json, write_together

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
    # Another container has the same process numbers: only a lock shows that a writer lives.
    other = tmp_path / f'a.engine.{os.getpid()}.7.partial'
    with open(other, 'w') as living:
        fcntl.flock(living, fcntl.LOCK_EX)
        write_atomic(path, b'new')
        assert {item.name for item in tmp_path.iterdir()} == {'a.engine', other.name}
    write_atomic(path, b'newer')
    assert [item.name for item in tmp_path.iterdir()] == ['a.engine']


def test_link_and_file_of_another_program_are_no_leftovers(tmp_path):
    (tmp_path / 'precious').write_text('precious')
    (tmp_path / 'a.1.1.partial').symlink_to(tmp_path / 'precious')
    (tmp_path / 'a.download.partial').write_text('of another program')
    before = sorted(tmp_path.iterdir())
    # Nobody would ever write to it: opening it must not wait.
    os.mkfifo(tmp_path / 'a.2.2.partial')
    write_atomic(tmp_path / 'a', b'new')
    assert (tmp_path / 'precious').read_text() == 'precious'
    assert sorted(tmp_path.iterdir()) == sorted([tmp_path / 'a', *before])


def test_file_that_fails_its_check_does_not_replace_the_old_one(tmp_path):
    path = tmp_path / 'file'
    path.write_text('old')
    seen = []

    def check(copy):
        seen.append((copy.read_text(), path.read_text()))
        raise InvalidValueError('file', 'new', 'another')

    with pytest.raises(InvalidValueError):
        write_atomic(path, 'new', check=check)
    assert seen == [('new', 'old')]
    assert path.read_text() == 'old' and list(tmp_path.iterdir()) == [path]


def test_of_files_written_together_none_is_replaced_unless_all_are_complete(tmp_path):
    one, other = tmp_path / 'one', tmp_path / 'other'
    one.write_text('old')
    other.write_text('old')

    def fail(path):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(OSError, match='No space left') as error:
        write_together({one: 'new', other: fail})
    assert error.value.filename == str(other)
    assert (one.read_text(), other.read_text()) == ('old', 'old')
    write_together({one: 'new', other: b'too'})
    assert (one.read_text(), other.read_text()) == ('new', 'too')
    assert sorted(tmp_path.iterdir()) == [one, other]


def test_longest_name_of_a_file_can_be_written(tmp_path):
    path = tmp_path / ('\u00e4' * 125 + '.json')
    write_json(path, {'a': [1, 2]}, indent=1)
    assert json.loads(path.read_text()) == {'a': [1, 2]}
    assert list(tmp_path.iterdir()) == [path]


def test_pipe_is_written_in_place(tmp_path):
    pipe = tmp_path / 'pipe'
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_atomic(pipe, 'text')
    assert os.read(reader, 10) == b'text' and pipe.is_fifo()
    os.close(reader)


def test_standard_output_that_is_a_file_is_written_in_place(tmp_path):
    code = 'from pathlib import Path; from swiftnet_ros.system.files import write_atomic; '
    code += "write_atomic(Path('/dev/stdout'), 'text')"
    with open(tmp_path / 'out', 'w') as out:
        subprocess.run([sys.executable, '-c', code], stdout=out, check=True)
    assert (tmp_path / 'out').read_text() == 'text'


def test_line_that_does_not_fit_leaves_the_file_as_it_was(tmp_path, monkeypatch):
    path, real = tmp_path / 'losses.jsonl', os.write
    append(path, 'first\n')
    append(path, b'second\n')

    def fill(handle, content):
        if len(content) < 5:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(handle, content[:5])

    monkeypatch.setattr(os, 'write', fill)
    with pytest.raises(OSError, match='No space left') as error:
        append(path, 'third\n')
    assert error.value.filename == str(path)
    assert path.read_text() == 'first\nsecond\n'
    with pytest.raises(OSError, match='No space left'):
        append(tmp_path / 'new', 'content')
    assert list(tmp_path.iterdir()) == [path]
