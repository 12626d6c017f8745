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

"""Files that are there whole or not at all, whatever ends the process meanwhile."""

from contextlib import contextmanager
import fcntl
import glob
import os
from pathlib import Path
import shutil
import stat
import tempfile
import threading
from typing import Callable, Iterator, Union

from swiftnet_ros.errors import FileMissingError
from swiftnet_ros.system.process import signals_raise_exit

_PREFIX = 'swiftnet_ros-'
# The owner holds a lock on this file as long as it lives, in whatever container it runs.
_LOCK = 'owner'
_MEMORY = Path('/dev/shm')
# Bytes: more than the largest engine of the seminar's networks.
_ROOM = 1 << 29


@contextmanager
def memory_folder() -> Iterator[Path]:
    """Give a new folder that only this user can enter; it is gone when the block ends."""
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=str(_roomy_parent())))
    lock = None
    try:
        lock = _claim(folder)
        _remove_left_ones(folder.parent)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def _roomy_parent() -> Path:
    """Choose memory where it has room: a container may have next to none."""
    temporary = Path(tempfile.gettempdir())
    if not os.access(_MEMORY, os.W_OK | os.X_OK):
        return temporary
    if _free(_MEMORY) >= _ROOM or _free(_MEMORY) >= _free(temporary):
        return _MEMORY
    return temporary


def _free(folder: Path) -> int:
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize


def _claim(folder: Path) -> int:
    """Lock a folder before anybody can see that it has a lock."""
    lock = os.open(folder / f'{_LOCK}.new', os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    os.rename(folder / f'{_LOCK}.new', folder / _LOCK)
    return lock


def _remove_left_ones(parent: Path) -> None:
    """Remove this user's folders whose owner was killed before it could."""
    for folder in parent.glob(f'{_PREFIX}*'):
        try:
            # Not by way of a link, which anybody may lay here.
            status = folder.lstat()
            if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
                continue
            lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        except BlockingIOError:
            pass
        finally:
            os.close(lock)


# What a process writes at once: a signal is handled between two such pieces.
_CHUNK = 1 << 20
_PARTIAL = '.partial'

Content = Union[bytes, str, Callable[[Path], object]]


def write_atomic(path: Path, content: Content, private: bool = False) -> None:
    """
    Write a file that a reader finds complete or not at all, even after a kill or a power cut.

    `content` is bytes, text (stored as UTF-8) or a function that writes the path it is called
    with. Nobody but its owner can read a `private` file. Raise FileMissingError if the folder does
    not exist, OSError if it cannot be written.
    """
    if not path.parent.is_dir():
        raise FileMissingError(path.parent, 'folder')
    _remove_leftovers(path)
    partial = path.with_name(f'{path.name}.{os.getpid()}.{threading.get_ident()}{_PARTIAL}')
    with signals_raise_exit():
        try:
            _write(partial, content, 0o600 if private else 0o666)
            os.replace(partial, path)
            _force_to_disk(path.parent)
        except OSError as error:
            if error.filename == str(partial):
                raise OSError(error.errno, error.strerror, str(path)) from error
            raise
        finally:
            partial.unlink(missing_ok=True)


def _remove_leftovers(path: Path) -> None:
    """Remove the partial files of processes that were killed while they wrote the same file."""
    for leftover in path.parent.glob(f'{glob.escape(path.name)}.*{_PARTIAL}'):
        owner = leftover.name.split('.')[-3]
        if owner.isdecimal() and not Path('/proc', owner).exists():
            leftover.unlink(missing_ok=True)


def _write(path: Path, content: Content, mode: int) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        if callable(content):
            content(path)
        else:
            view = memoryview(content.encode() if isinstance(content, str) else content)
            while view:
                view = view[os.write(handle, view[:_CHUNK]) :]
        os.fsync(handle)
    finally:
        os.close(handle)


def _force_to_disk(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
