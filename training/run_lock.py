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

"""A run folder belongs to one process at a time; a second one waits until the first is done."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
import os
from pathlib import Path
import sys

from filelock import FileLock, Timeout

LOCK = '.lock'


@contextmanager
def own_run(folder: Path) -> Iterator[None]:
    """
    Hold a run folder, which is made if it is not there and removed again if it stays empty.

    The lock goes with the process, however that ends. The processes that torchrun starts share
    their run and hold nothing, nor does anybody on a file system without locks.
    """
    if int(os.environ.get('WORLD_SIZE', '1')) > 1:
        yield
        return
    begins = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        print(f'{folder}: another process trains it; waiting for its end', file=sys.stderr)
        lock.acquire()
    except NotImplementedError:
        pass
    try:
        yield
    finally:
        if begins and [path.name for path in folder.iterdir()] == [LOCK]:
            (folder / LOCK).unlink()
            # a process that waits may have made its own
            with suppress(OSError):
                folder.rmdir()
        lock.release()
