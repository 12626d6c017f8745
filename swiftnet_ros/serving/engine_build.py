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
The file that an engine opens for a model: the model itself, or an engine that is built from it.

What is built comes from the cache, or from a child process that can be called off. An engine that
no disk can keep is handed over through memory.
"""

from contextlib import contextmanager, ExitStack
from dataclasses import asdict, dataclass
from functools import cached_property
import json
import os
from pathlib import Path
import sys
from threading import Event
from time import monotonic
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Tuple

from swiftnet_ros.backends.registry import chosen_engine
from swiftnet_ros.backends.tensorrt.api import tensorrt_module
from swiftnet_ros.backends.tensorrt.build_subprocess import run_build
from swiftnet_ros.backends.tensorrt.engine_file import SUFFIX
from swiftnet_ros.backends.tensorrt.source import choose_source
from swiftnet_ros.build_engine import BuildRequest, cached_engine
from swiftnet_ros.errors import BuildCancelledError, EngineCacheError
from swiftnet_ros.model_spec.find_model import find_model
from swiftnet_ros.system.files import memory_folder


@dataclass(frozen=True)
class ModelChoice:
    """
    Which model to open, with what, and how well it must do on its own golden frame.

    A negative `min_agreement` asks for what a sound engine has been seen to reach. The fields
    from `calibration` on concern engines that are built: scales for implicit INT8 (a calibration
    cache or a folder of images), the number of a DLA core (-1 is none), the builder's workspace
    (0 is its own default), and the folder of built engines (empty is the user's cache).
    """

    model: str
    engine: str = 'auto'
    precision: str = 'auto'
    threads: int = 0
    min_agreement: float = -1.0
    calibration: str = ''
    dla: int = -1
    workspace_mb: int = 0
    engine_cache: str = ''


_CHILD = 'swiftnet_ros.backends.tensorrt.build_worker'


class Builder(NamedTuple):
    """
    How the engine of a choice is had.

    `source` gives the model's file that it is built from, `find` the engine where it is built
    already. `command` is a program as `run_build` wants it, given also a folder in memory for
    what the cache cannot keep; its result is `engine`, the path, `build_seconds` and `warning`.
    """

    source: Callable[[ModelChoice], Path]
    find: Callable[[ModelChoice, Path], Optional[Path]]
    command: Callable[[ModelChoice, Path, Path], List[str]]


def tensorrt_builder(
    module: str = 'tensorrt', compute_capability: Optional[str] = None
) -> Builder:
    """Build with TensorRT, or with another module of its kind and for a GPU that is not here."""

    def request(choice: ModelChoice, model: Path) -> BuildRequest:
        return BuildRequest(
            model=model,
            precision='best' if choice.precision == 'auto' else choice.precision,
            calibration=Path(choice.calibration) if choice.calibration else None,
            dla=choice.dla if choice.dla >= 0 else None,
            workspace_mb=choice.workspace_mb,
            cache=Path(choice.engine_cache) if choice.engine_cache else None,
            module=module,
            compute_capability=compute_capability,
        )

    def source(choice: ModelChoice) -> Path:
        return choose_source(tensorrt_module(module), request(choice, Path(choice.model))).path

    def find(choice: ModelChoice, model: Path) -> Optional[Path]:
        try:
            return cached_engine(request(choice, model))
        except EngineCacheError:
            # The child says so, and builds without.
            return None

    def command(choice: ModelChoice, model: Path, memory: Path) -> List[str]:
        words = json.dumps(asdict(request(choice, model)), default=str)
        return [sys.executable, '-m', _CHILD, str(os.getpid()), str(memory), words]

    return Builder(source, find, command)


BUILDERS: Dict[str, Builder] = {'tensorrt': tensorrt_builder()}


@dataclass(frozen=True)
class EngineFile:
    """
    What is opened, and by which engine.

    `build_seconds` is None for what was not built now. `warning` says why an engine is not kept.
    """

    engine: str
    path: Path
    is_built: bool = False
    build_seconds: Optional[float] = None
    warning: str = ''


class EngineBuild:
    """The way to the file of one engine; other threads may ask how far it is, and call it off."""

    def __init__(self, choice: ModelChoice) -> None:
        """Take a choice; nothing begins before `engine_file` is entered."""
        self._choice = choice
        self._cancelled = Event()
        self._status: Optional[Callable[[], str]] = None
        self.is_over = False

    @cached_property
    def _engine(self) -> Tuple[str, str]:
        # Not at once: it asks the GPU's driver, which may take its time.
        return chosen_engine(self._choice.engine, self._choice.model)

    @property
    def why(self) -> str:
        """Say why it is that engine, empty if it was asked for by name."""
        return self._engine[1]

    @property
    def _builder(self) -> Optional[Builder]:
        is_built_already = self._choice.model.endswith(SUFFIX)
        return None if is_built_already else BUILDERS.get(self._engine[0])

    def model(self) -> Path:
        """Find the model's file: of a pair, the one that suits engine and precision."""
        builder = self._builder
        return builder.source(self._choice) if builder else find_model(self._choice.model)

    @property
    def status(self) -> str:
        """Say what is being built and how far it is; empty while nothing is."""
        status = self._status
        return status() if status else ''

    def cancel(self) -> None:
        """End a build that runs, or that would begin: BuildCancelledError for who waits."""
        self._cancelled.set()

    @contextmanager
    def engine_file(self, model: Path) -> Iterator[EngineFile]:
        """Give the file to open for a model, which may be gone after the block."""
        name, builder = self._engine[0], self._builder
        try:
            with ExitStack() as stack:
                if builder is None:
                    found = EngineFile(name, model)
                else:
                    found = self._built(name, builder, model, stack)
                self._end()
                yield found
        finally:
            self._end()

    def _end(self) -> None:
        self._status, self.is_over = None, True

    def _built(self, name: str, builder: Builder, model: Path, stack: ExitStack) -> EngineFile:
        path = builder.find(self._choice, model)
        if self._cancelled.is_set():
            raise BuildCancelledError()
        if path is not None:
            return EngineFile(name, path, is_built=True)
        start = monotonic()
        last: Dict[str, Any] = {}
        what = f'building engine {name} of {model.name} in {self._choice.precision}'
        self._status = lambda: f'{what}: {progress_text(last, monotonic() - start)}'
        memory = stack.enter_context(memory_folder())
        command = builder.command(self._choice, model, memory)
        result = run_build(command, last.update, self._cancelled)
        return EngineFile(
            name,
            Path(result['engine']),
            is_built=True,
            build_seconds=result.get('build_seconds'),
            warning=result.get('warning') or '',
        )


def progress_text(progress: Dict[str, Any], seconds: float) -> str:
    """Say how far a build is after so many seconds, from its last progress."""
    parts = [str(progress['phase'])] if progress.get('phase') else []
    if progress.get('fraction') is not None:
        parts.append(f'{100 * progress["fraction"]:.0f} %')
    parts.append(f'{seconds:.0f} s')
    if progress.get('last_build_s') is not None:
        parts.append(f'the last build took {progress["last_build_s"]:.0f} s')
    return ', '.join(parts)
