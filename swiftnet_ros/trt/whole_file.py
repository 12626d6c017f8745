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
import glob
import os
from pathlib import Path
import signal
import sys
import threading
from types import FrameType
from typing import Iterator, Optional

_CHUNK = 1 << 20
_PARTIAL = '.partial'
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file, forced to disk, for its user alone; OSError if the disk refuses."""
    remove_leftovers(path)
    partial = path.with_name(f'{path.name}.{os.getpid()}.{threading.get_ident()}{_PARTIAL}')
    with _ending_is_an_exception():
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


@contextmanager
def _ending_is_an_exception() -> Iterator[None]:
    """Let a signal raise SystemExit meanwhile, where it would end the process at once."""
    sudden = [number for number in _SIGNALS if signal.getsignal(number) is signal.SIG_DFL]
    if threading.current_thread() is not threading.main_thread():
        sudden = []
    for number in sudden:
        signal.signal(number, _leave)
    try:
        yield
    finally:
        for number in sudden:
            signal.signal(number, signal.SIG_DFL)


def _leave(number: int, frame: Optional[FrameType]) -> None:
    sys.exit(128 + number)
