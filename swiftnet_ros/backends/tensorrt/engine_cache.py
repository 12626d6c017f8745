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

"""Find the engine of a model in the cache, or build it."""

from contextlib import contextmanager
from dataclasses import dataclass, replace
import hashlib
import os
from pathlib import Path
import sys
from typing import Iterator, List, Optional, Tuple, TYPE_CHECKING

from swiftnet_ros import __version__
from swiftnet_ros.backends.engine_build import EngineBuild, EngineFile
from swiftnet_ros.backends.options import BackendOptions, to_arguments
from swiftnet_ros.backends.tensorrt.api import tensorrt_module
from swiftnet_ros.backends.tensorrt.builder import build
from swiftnet_ros.backends.tensorrt.builder_flags import option_texts
from swiftnet_ros.backends.tensorrt.calibration import calibration_sha256
from swiftnet_ros.backends.tensorrt.engine_file import (
    build_lock,
    cache_folder,
    engine_path,
    load,
    private_folder,
    read_sidecar,
    Sidecar,
    store,
    SUFFIX,
)
from swiftnet_ros.backends.tensorrt.identity import EngineIdentity, this_machine
from swiftnet_ros.backends.tensorrt.measured import fastest_engine
from swiftnet_ros.backends.tensorrt.progress import ProgressCallback, ProgressReporter
from swiftnet_ros.backends.tensorrt.source import choose_source, Source
from swiftnet_ros.errors import (
    BuildError,
    EngineCacheError,
    EngineFileError,
    InvalidValueError,
    SwiftnetError,
)
from swiftnet_ros.model_spec import ModelFile
from swiftnet_ros.model_spec.find_model import model_name

if TYPE_CHECKING:
    from swiftnet_ros.backends.tensorrt.api import TensorRt

BUILD_OPTIONS = (
    'precision',
    'calibration',
    'calibrator',
    'dla',
    'workspace_mb',
    'obey_precision',
    'module',
    'compute_capability',
    'output',
    'engine_cache',
    'timing_cache',
)
"""The options of `python -m swiftnet_ros.build_engine`."""
# An engine is at most three times as large as its FP32 file; plus timings and a margin, in bytes.
_SPACE_FACTOR, _SPACE_EXTRA = 3, 1 << 24


@dataclass(frozen=True)
class _Plan:
    """Everything about an engine that is known without building it."""

    trt: 'TensorRt'
    options: BackendOptions
    source: Source
    identity: EngineIdentity


def find_or_build(
    model: ModelFile,
    options: BackendOptions,
    on_progress: ProgressCallback,
    build_again: bool = False,
) -> Path:
    """
    Return the path of the engine, which is built unless it exists.

    EngineCacheError before the build if the folder or the disk cannot store it.
    """
    plan = _plan(model, options)
    path = _path(plan)
    if not build_again and _is_stored(path, plan.identity):
        return path
    _check_space(path.parent, plan.source.model)
    reporter = ProgressReporter(on_progress, _last_build_s(path.parent, plan))
    with build_lock(path, lambda: reporter.wait('waiting for another build')):
        # Another process may have built it meanwhile.
        if build_again or not _is_stored(path, plan.identity):
            reporter.enter(_reason_to_build(path, plan.identity))
            store(path, *_build(plan, _timing_cache(plan), reporter))
    return path


def cached_engine(model: ModelFile, options: BackendOptions) -> Optional[Path]:
    """
    Return the path of the engine if it exists, else None.

    EngineCacheError if the folder cannot store engines, as one that other users can write in.
    """
    plan = _plan(model, options)
    path = _path(plan)
    return path if _is_stored(path, plan.identity) else None


@contextmanager
def prepared_engine(
    model: ModelFile, options: BackendOptions, engine_build: EngineBuild
) -> Iterator[EngineFile]:
    """Find the engine of a model, or build it in a child process; see `Backend.prepare`."""
    file = EngineFile(model.path) if model.graph is None else _cached_or_none(model, options)
    engine_build.raise_if_cancelled()
    if file is not None:
        yield file
        return

    def command(folder: Path) -> List[str]:
        return build_command(model.path, options, folder)

    what = f'building engine tensorrt of {model.path.name} in {options.precision}'
    with engine_build.run(what, command) as file:
        yield file


def build_command(model: Path, options: BackendOptions, fallback: Path) -> List[str]:
    """Return the command that builds an engine for this process, and ends with it."""
    words = [sys.executable, '-m', 'swiftnet_ros.build_engine', str(model)]
    words += to_arguments(options, *BUILD_OPTIONS)
    words += ['--fallback', str(fallback), '--parent', str(os.getpid())]
    return [*words, '--json', '--progress-json']


def _cached_or_none(model: ModelFile, options: BackendOptions) -> Optional[EngineFile]:
    """Return the engine that was measured to be the fastest, else the one of the options."""
    try:
        fastest = fastest_engine(engines_folder(options), model, options)
        path = None if fastest else cached_engine(model, options)
        return fastest or (EngineFile(path, is_built=True) if path else None)
    except EngineCacheError:
        # The child process reports it, and builds nevertheless.
        return None


def _plan(model: ModelFile, options: BackendOptions) -> _Plan:
    trt = tensorrt_module(options.module)
    source = choose_source(trt, model, options)
    machine = this_machine(options.module, options.compute_capability)
    identity = EngineIdentity(
        **vars(machine),
        precision=source.precision,
        dla=options.dla_core,
        flags=option_texts(trt, options, source),
        model_sha256=model.sha256,
        calibration_sha256=calibration_sha256(source.calibration),
    )
    return _Plan(trt, options, source, identity)


def _path(plan: _Plan) -> Path:
    if not plan.options.output:
        return engine_path(
            engines_folder(plan.options), plan.identity, model_name(plan.source.model.path)
        )
    output = Path(plan.options.output)
    if output.suffix != SUFFIX or not output.parent.is_dir():
        expected = f'a file ending in {SUFFIX} in a folder that exists'
        raise InvalidValueError('output', str(output), expected)
    return output


def engines_folder(options: BackendOptions) -> Path:
    """Return the folder of engines; EngineCacheError if other users can write in it."""
    return private_folder(Path(options.engine_cache)) if options.engine_cache else cache_folder()


def _is_stored(path: Path, identity: EngineIdentity) -> bool:
    """Return whether the engine exists, is undamaged, and is the one that is needed."""
    try:
        _, sidecar = load(path)
    except EngineFileError:
        return False
    return sidecar.identity == identity


def _reason_to_build(path: Path, identity: EngineIdentity) -> str:
    try:
        differences = read_sidecar(path).identity.differences(identity)
    except EngineFileError:
        return 'no such engine yet'
    return f'building again: {"; ".join(differences) or "the file is damaged"}'


def _check_space(folder: Path, model: ModelFile) -> None:
    """Raise EngineCacheError if an engine of a model cannot be stored in a folder."""
    if not os.access(folder, os.W_OK | os.X_OK):
        raise EngineCacheError(folder, 'it cannot be written')
    disk = os.statvfs(folder)
    free = disk.f_bavail * disk.f_frsize
    needed = _SPACE_FACTOR * model.size + _SPACE_EXTRA
    if free < needed:
        megabytes = [size >> 20 for size in (free, needed)]
        reason = f'the disk has {megabytes[0]} MB left, an engine may need {megabytes[1]} MB'
        raise EngineCacheError(folder, reason)


def _timing_cache(plan: _Plan) -> Optional[Path]:
    """Return the file of timings: the user's, else one for this TensorRT and GPU in the cache."""
    if plan.options.timing_cache or plan.options.output:
        return Path(plan.options.timing_cache) if plan.options.timing_cache else None
    machine = (plan.identity.module, plan.identity.tensorrt_version, plan.identity.gpu_name)
    key = hashlib.sha256('\n'.join((*machine, plan.identity.compute_capability)).encode())
    return engines_folder(plan.options) / f'{key.hexdigest()[:16]}.timings'


def _last_build_s(folder: Path, plan: _Plan) -> Optional[float]:
    """Return the duration in seconds of the newest build of the same model in a folder."""
    name = model_name(plan.source.model.path)
    found = sorted(folder.glob(f'{name}.*{SUFFIX}'), key=lambda path: path.stat().st_mtime)
    for path in reversed(found):
        try:
            return read_sidecar(path).build_seconds
        except SwiftnetError:
            continue
    return None


def _build(
    plan: _Plan, timing_cache: Optional[Path], reporter: ProgressReporter
) -> Tuple[bytes, Sidecar]:
    source = plan.source
    built = build(plan.trt, plan.options, source, timing_cache, reporter)
    if calibration_sha256(source.calibration) != plan.identity.calibration_sha256:
        raise BuildError(source.model.path, 'its calibration changed meanwhile; build it again')
    spec, golden = source.model.spec, source.model.golden
    if spec.precision != source.precision:
        # The mIoU was measured in the precision of the file.
        spec = replace(spec, precision=source.precision, miou=None)
    sidecar = Sidecar(
        identity=plan.identity,
        spec=spec,
        golden=None if golden is None else golden.to_json(),
        engine_sha256=hashlib.sha256(built.engine).hexdigest(),
        build_seconds=round(built.seconds, 3),
        precisions=built.precisions,
        dla_fallback=built.dla_fallback,
        workspace_mb=plan.options.workspace_mb,
        swiftnet_ros=__version__,
    )
    return built.engine, sidecar
