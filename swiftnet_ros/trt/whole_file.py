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

import glob
import os
from pathlib import Path
import threading

from swiftnet_ros.ending import ending_is_an_exception

_CHUNK = 1 << 20
_PARTIAL = '.partial'


def write_whole(path: Path, content: bytes) -> None:
    """Write a file, forced to disk, for its user alone; OSError if the disk refuses."""
    remove_leftovers(path)
    partial = path.with_name(f'{path.name}.{os.getpid()}.{threading.get_ident()}{_PARTIAL}')
    with ending_is_an_exception():
        try:
            _write(partial, content)
            os.replace(partial, path)
            _force_to_disk(path.parent)
        finally:
            partial.unlink(missing_ok=True)


def remove_leftovers(path: Path) -> None:
    """Remove what a process that was killed has left of the same file."""
    for leftover in path.parent.glob(f'{glob.escape(path.name)}.*{_PARTIAL}'):
        owner = leftover.name.split('.')[-3]
        if owner.isdecimal() and not Path('/proc', owner).exists():
            leftover.unlink(missing_ok=True)


def _write(path: Path, content: bytes) -> None:
    view = memoryview(content)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        # In pieces, so that a signal is heard between them.
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
