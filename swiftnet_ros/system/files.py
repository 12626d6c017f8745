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

"""Atomic writes of files, appended lines, and files that are written together."""

from contextlib import contextmanager, ExitStack, suppress
import errno
import fcntl
import glob
import json
import os
from pathlib import Path
import re
from typing import Any, Callable, Iterator, Mapping, Optional, Union
from uuid import uuid4

from swiftnet_ros.errors import FileMissingError
from swiftnet_ros.system.json_text import to_json
from swiftnet_ros.system.process import signals_raise_exit

# Bytes per write, between which signals are handled.
_CHUNK = 1 << 20
_PARTIAL = '.partial'
# Process and random letters, or a thread in older versions.
_COPY_ID = re.compile(r'\.[0-9]+\.[0-9a-f]+')
# Bytes of a file's name in that of its partial copy, which must not be longer than 255.
_NAME_BYTES = 200
# Names of this process's open files, also where they are files on a disk.
_STREAMS = ('/dev/fd/', '/dev/std', '/proc/')

Content = Union[bytes, bytearray, memoryview, str, Callable[[Path], object]]
Check = Callable[[Path], object]


def write_atomic(
    path: Path, content: Content, private: bool = False, check: Optional[Check] = None
) -> None:
    """
    Write a file that a reader finds complete or not at all, even after a kill or a power cut.

    `content` is bytes, text (stored as UTF-8) or a function that writes the path it is called
    with. Nobody but its owner can read a `private` file. `check` is called with the complete copy
    before that replaces the old file, which stays if it raises an error. A device or a pipe, such
    as /dev/stderr, is written in place. Raise FileMissingError if the folder does not exist,
    OSError with the name of the file if it cannot be written.
    """
    if _is_stream(path):
        with _naming(path), open(path, 'wb') as stream:
            stream.write(memoryview(_as_bytes(content)))
        return
    with signals_raise_exit(), _complete_copy(path, content, private, check) as copy:
        _replace(copy, path)


def write_together(contents: Mapping[Path, Content], private: bool = False) -> None:
    """Write files that belong together: none is replaced before all are complete."""
    with signals_raise_exit(), ExitStack() as stack:
        copies = {
            path: stack.enter_context(_complete_copy(path, content, private, None))
            for path, content in contents.items()
        }
        for path, copy in copies.items():
            _replace(copy, path)


def write_json(path: Path, tree: Any, indent: Optional[int] = None) -> None:
    """Write a tree as JSON, atomically and checked; raise NonFiniteValueError for NaN."""
    write_atomic(path, to_json(tree, indent=indent) + '\n', check=check_json)


def append(path: Path, content: Union[bytes, str]) -> None:
    """Append to a file; if the disk is full it stays as it was, and OSError names it."""
    with _naming(path), ExitStack() as stack:
        is_new = not path.exists()
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
        stack.callback(os.close, handle)
        size = os.fstat(handle).st_size
        try:
            _write(handle, _as_bytes(content))
        except OSError:
            os.ftruncate(handle, size)
            if is_new:
                _remove(path)
            raise


def check_json(path: Path) -> None:
    """Raise ValueError if a file that was just written is not JSON."""
    json.loads(path.read_text(encoding='utf-8'))


def _is_stream(path: Path) -> bool:
    """Return whether a path is no file that could be replaced by another."""
    is_other = path.exists() and not path.is_file() and not path.is_dir()
    return is_other or str(path).startswith(_STREAMS)


def _as_bytes(content: Content) -> Union[bytes, bytearray, memoryview]:
    if isinstance(content, str):
        return content.encode()
    assert not callable(content), 'a function needs the path of a file'
    return content


@contextmanager
def _complete_copy(
    path: Path, content: Content, private: bool, check: Optional[Check]
) -> Iterator[Path]:
    """Write a copy next to a file, on the disk and checked; remove it if it is still there."""
    if not path.parent.is_dir():
        raise FileMissingError(path.parent, 'folder')
    # A name may be as long as the file system allows.
    name = os.fsdecode(os.fsencode(path.name)[:_NAME_BYTES])
    _remove_leftovers(path.parent, name)
    copy = path.with_name(f'{name}.{os.getpid()}.{uuid4().hex[:8]}{_PARTIAL}')
    with _naming(path, copy), ExitStack() as stack:
        handle = _create_locked(copy, 0o600 if private else 0o666)
        stack.callback(os.close, handle)
        stack.callback(_remove, copy)
        if callable(content):
            content(copy)
        else:
            _write(handle, _as_bytes(content))
        os.fsync(handle)
        if check is not None:
            check(copy)
        yield copy


def _create_locked(path: Path, mode: int) -> int:
    """Create a file with a lock that tells it from a leftover; return its descriptor."""
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        _try_lock(handle)
        # Another writer may have taken it for a leftover before it was locked.
        if os.fstat(handle).st_nlink:
            return handle
        os.close(handle)


def _replace(copy: Path, path: Path) -> None:
    with _naming(path, copy):
        os.replace(copy, path)
        handle = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _remove_leftovers(folder: Path, name: str) -> None:
    """
    Remove the copies of processes that were killed while they wrote the same file.

    A living process locks its copy. Its number says nothing: other containers have the same.
    """
    for leftover in folder.glob(f'{glob.escape(name)}.*{_PARTIAL}'):
        if not _COPY_ID.fullmatch(leftover.stem, len(name)):
            continue
        try:
            handle = os.open(leftover, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            if _try_lock(handle):
                _remove(leftover)
        finally:
            os.close(handle)


def _try_lock(handle: int) -> bool:
    """Return whether this process now holds the lock of a file; no file system has to have any."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _remove(path: Path) -> None:
    # It may have been moved, or the disk may have become read-only.
    with suppress(OSError):
        path.unlink()


def _write(handle: int, content: Union[bytes, bytearray, memoryview]) -> None:
    view = memoryview(content)
    written = 0
    while written < len(view):
        end = written + _CHUNK
        written += os.write(handle, view[written:end])


@contextmanager
def _naming(path: Path, copy: Optional[Path] = None) -> Iterator[None]:
    """Let an OSError of a file, or of its partial copy, have the name of the file."""
    try:
        yield
    except OSError as error:
        if error.filename not in (None, str(copy)):
            raise
        reason = error.strerror or str(error)
        raise OSError(error.errno or errno.EIO, reason, str(path)) from error
