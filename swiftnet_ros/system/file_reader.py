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

"""Read the content of files within limits."""

import errno
import os
from pathlib import Path
import stat
import sys
from typing import Union

from swiftnet_ros.errors import FileMissingError, UnreadableFileError

# Larger files are refused before they are parsed; Python objects take up to 30 times as much.
MAX_BYTES = 16 << 20


def read_regular(path: Union[str, Path], max_bytes: int = sys.maxsize) -> bytes:
    """
    Return the content of a regular file up to its size, at most `max_bytes`, or raise OSError.

    Files of the kernel, in /proc, have no size: some of them block the reader or have no end.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(handle)
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, 'it is not a regular file', str(path))
        with os.fdopen(handle, 'rb', closefd=False) as file:
            return file.read(min(status.st_size, max_bytes))
    finally:
        os.close(handle)


def read_content(path: Path, what: str, max_bytes: int = MAX_BYTES) -> bytes:
    """
    Return the content of a regular file, which messages call `what`.

    Raise FileMissingError, or UnreadableFileError if it is larger than `max_bytes` or the system
    cannot read it.
    """
    try:
        if not path.is_file():
            raise FileMissingError(path, what)
        content = read_regular(path, max_bytes + 1)
    except (OSError, MemoryError, ValueError) as error:
        reason = getattr(error, 'strerror', None) or str(error) or 'not enough memory'
        raise UnreadableFileError(path, what, reason) from error
    if len(content) > max_bytes:
        reason = f'it is larger than {max_bytes >> 10} KiB, the limit of such files'
        raise UnreadableFileError(path, what, reason)
    return content


def read_text(path: Path, what: str, max_bytes: int = MAX_BYTES) -> str:
    """Return the text of a UTF-8 file; raise as `read_content` does, or if it is another file."""
    try:
        return read_content(path, what, max_bytes).decode('utf-8-sig')
    except UnicodeDecodeError as error:
        raise UnreadableFileError(path, what, error) from error
