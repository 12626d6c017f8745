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
Files and folders that only this user or root can have written, as caches and engines must be.

What a folder holds is trusted if it is not a link, belongs to the user, and nobody else can write
in it or replace a folder above it; a file is checked by the descriptor that it is read from.
Whatever is wrong is an OSError with the reason.
"""

from contextlib import contextmanager
import errno
import fcntl
import grp
import os
from pathlib import Path
import pwd
import stat
from time import monotonic, sleep
from typing import Callable, Iterator

_GROUP, _OTHERS = stat.S_IWGRP, stat.S_IWOTH
_POLL_S, _QUIET_S = 0.1, 1.0
_ROOT = 0
_UID_MAP, _OVERFLOW_UID = Path('/proc/self/uid_map'), Path('/proc/sys/kernel/overflowuid')
_ALL_USERS = ['0', '0', str(2**32 - 1)]


def private_folder(folder: Path) -> Path:
    """Return a folder of this user alone, made with mode 0700, as is what is missing above it."""
    for missing in reversed([path for path in (folder, *folder.parents) if not path.exists()]):
        missing.mkdir(mode=0o700, exist_ok=True)
    for path in {*_parents(os.path.abspath(folder)), *_parents(os.path.realpath(folder))}:
        _check_parent(path)
    if folder.is_symlink():
        raise _refusal(folder, 'it is a link; use the folder that it leads to')
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        status = os.fstat(handle)
    finally:
        os.close(handle)
    if status.st_uid != os.geteuid():
        raise _refusal(folder, f'it belongs to user {status.st_uid}, not to you')
    if status.st_mode & (_GROUP | _OTHERS):
        raise _refusal(folder, f'others may write in it (chmod 700 {folder})')
    return folder


def read_private_file(path: Path, max_bytes: int, follow_link: bool = False) -> bytes:
    """Return the content of a file that only this user or root can have written."""
    handle = open_private_file(path, follow_link)
    with os.fdopen(handle, 'rb') as file:
        size = os.fstat(handle).st_size
        if size > max_bytes:
            raise _refusal(path, f'it is larger than {max_bytes >> 20} MB')
        # Not of `max_bytes`, which would be allocated.
        return file.read(size)


def open_private_file(path: Path, follow_link: bool = False) -> int:
    """Return a descriptor, to read, of a file that only this user or root can have written."""
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        handle = os.open(path, flags if follow_link else flags | os.O_NOFOLLOW)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        raise _refusal(path, 'it is a link') from error
    try:
        _check_file(path, os.fstat(handle))
    except OSError:
        os.close(handle)
        raise
    return handle


@contextmanager
def locked(
    path: Path, on_wait: Callable[[], None] = lambda: None, timeout_s: float = float('inf')
) -> Iterator[None]:
    """
    Hold the lock of a folder, or of a file that is made for it; no link is followed.

    After a second of waiting for another process `on_wait` is called again and again. Raise
    TimeoutError, an OSError, when `timeout_s` is over.
    """
    flags = os.O_RDONLY if path.is_dir() else os.O_RDWR | os.O_CREAT
    handle = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
    try:
        start = monotonic()
        while not _lock(handle):
            waited_s = monotonic() - start
            if waited_s > timeout_s:
                raise TimeoutError(errno.ETIMEDOUT, 'another process holds its lock', str(path))
            if waited_s > _QUIET_S:
                on_wait()
            sleep(_POLL_S)
        yield
    finally:
        os.close(handle)


def _lock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _parents(path: str) -> Iterator[str]:
    return (str(parent) for parent in Path(path).parents)


def _check_parent(path: str) -> None:
    """Raise OSError if another user can replace what is in a folder."""
    status = os.stat(path)
    if status.st_uid not in (_ROOT, os.geteuid(), _unmapped_user()):
        raise _refusal(path, f'{path}, above it, belongs to user {status.st_uid}')
    # In a sticky folder such as /tmp only the owner of a file can replace it.
    if status.st_mode & stat.S_ISVTX:
        return
    if status.st_mode & _OTHERS or (status.st_mode & _GROUP and not _is_own_group(status.st_gid)):
        raise _refusal(path, f'others may write in {path}, above it')


def _unmapped_user() -> int:
    """Return the owner that a user namespace shows for the system's folders, -1 outside of one."""
    if _UID_MAP.read_text().split() == _ALL_USERS:
        return -1
    return int(_OVERFLOW_UID.read_text())


def _is_own_group(group: int) -> bool:
    """Return whether a group is the user's own, which Ubuntu lets write by default."""
    try:
        user, found = pwd.getpwuid(os.geteuid()), grp.getgrgid(group)
    except KeyError:
        return False
    is_named_like_user = found.gr_gid == user.pw_gid and found.gr_name == user.pw_name
    return is_named_like_user and set(found.gr_mem) <= {user.pw_name}


def _check_file(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise _refusal(path, 'it is not a file')
    if status.st_uid not in (_ROOT, os.geteuid()):
        raise _refusal(path, f'it belongs to user {status.st_uid}, not to you')
    if status.st_mode & (_GROUP | _OTHERS):
        raise _refusal(path, f'others may write to it (chmod go-w {path})')


def _refusal(path: object, reason: str) -> PermissionError:
    return PermissionError(errno.EPERM, reason, str(path))
