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

"""Build an engine in a child process that reports its progress and can be cancelled."""

from contextlib import contextmanager
from dataclasses import dataclass
import os
from pathlib import Path
import shutil
from tempfile import gettempdir
from threading import Event
from time import monotonic
from typing import Any, Callable, Dict, Iterator, List, Optional
from uuid import uuid4

from swiftnet_ros.backends.build_subprocess import run_build
from swiftnet_ros.errors import BuildCancelledError

# Files here are in memory: there is space for an engine where no disk takes one.
_MEMORY = '/dev/shm'
_PREFIX = 'swiftnet_ros-'

Command = Callable[[Path], List[str]]
"""
Takes a folder for an engine that the cache cannot keep, which the program creates only then;
returns a program for `run_build`.
"""


@dataclass(frozen=True)
class EngineFile:
    """
    What a backend opens: the file of the model itself, or an engine that was built from it.

    `build_seconds` is None if nothing was built now. `warning` says why an engine is not kept.
    `source_sha256` is that of the file that the engine was built from, if not of the model itself.
    """

    path: Path
    is_built: bool = False
    build_seconds: Optional[float] = None
    warning: str = ''
    source_sha256: str = ''


class EngineBuild:
    """The build of one engine: other threads may read its status and cancel it."""

    def __init__(self, on_phase: Callable[[str], None] = lambda phase: None) -> None:
        """Start without a build; `on_phase` is called with the name of every phase it enters."""
        self._on_phase = on_phase
        self._cancelled = Event()
        self._what = ''
        self._start = 0.0
        self._progress: Dict[str, Any] = {}
        self.is_over = False

    @property
    def status(self) -> str:
        """Return what is being built and how far it is, empty while nothing is."""
        what = self._what
        if not what:
            return ''
        return f'{what}: {progress_text(self._progress, monotonic() - self._start)}'

    def cancel(self) -> None:
        """End a build that runs or is about to: it raises BuildCancelledError."""
        self._cancelled.set()

    def raise_if_cancelled(self) -> None:
        """Raise BuildCancelledError if the build was cancelled."""
        if self._cancelled.is_set():
            raise BuildCancelledError()

    def finish(self) -> None:
        """Declare that nothing is built any more."""
        self._what, self.is_over = '', True

    @contextmanager
    def run(self, what: str, command: Command) -> Iterator[EngineFile]:
        """
        Build an engine; its file may be in memory only, and gone after the block.

        `what` names it in `status`. The result of the program has the keys `engine`, its path,
        `build_seconds` and, if the cache cannot keep it, `warning`. Raises what `run_build` does.
        """
        self.raise_if_cancelled()
        self._progress, self._start, self._what = {}, monotonic(), what
        folder = _memory() / f'{_PREFIX}{uuid4().hex}'
        try:
            result = run_build(command(folder), self._report, self._cancelled)
            self._what = ''
            yield EngineFile(
                Path(result['engine']),
                is_built=True,
                build_seconds=result.get('build_seconds'),
                warning=result.get('warning') or '',
            )
        finally:
            self._what = ''
            shutil.rmtree(folder, ignore_errors=True)

    def _report(self, progress: Dict[str, Any]) -> None:
        is_new = progress.get('phase') != self._progress.get('phase')
        self._progress = progress
        if is_new:
            self._on_phase(str(progress.get('phase')))


def progress_text(progress: Dict[str, Any], seconds: float) -> str:
    """Return how far a build is after `seconds`, given its last progress."""
    parts = [str(progress['phase'])] if progress.get('phase') else []
    if progress.get('fraction') is not None:
        parts.append(f'{100 * progress["fraction"]:.0f} %')
    parts.append(f'{seconds:.0f} s')
    if progress.get('last_build_s') is not None:
        parts.append(f'the last build took {progress["last_build_s"]:.0f} s')
    return ', '.join(parts)


def _memory() -> Path:
    """Return the folder of files in memory, or that of temporary files."""
    return Path(_MEMORY if os.access(_MEMORY, os.W_OK | os.X_OK) else gettempdir())
