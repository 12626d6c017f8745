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

"""Atomic writes of files."""

import glob
import os
from pathlib import Path
import threading
from typing import Callable, Union

from swiftnet_ros.errors import FileMissingError
from swiftnet_ros.system.process import signals_raise_exit

# Bytes per write, between which signals are handled.
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
                written = os.write(handle, view[:_CHUNK])
                view = view[written:]
        os.fsync(handle)
    finally:
        os.close(handle)


def _force_to_disk(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
