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

"""The engine of a request: the one in the cache, or a new one."""

from dataclasses import dataclass, replace
import hashlib
from importlib.metadata import PackageNotFoundError, version
import os
from pathlib import Path
from typing import Optional, Tuple, TYPE_CHECKING

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
from swiftnet_ros.backends.tensorrt.progress import ProgressCallback, ProgressReporter
from swiftnet_ros.backends.tensorrt.request import BuildRequest
from swiftnet_ros.backends.tensorrt.source import choose_source, model_name, Source
from swiftnet_ros.errors import EngineCacheError, EngineFileError, InvalidValueError, SwiftnetError
from swiftnet_ros.model_spec import read_golden

if TYPE_CHECKING:
    from swiftnet_ros.backends.tensorrt.api import TensorRt

# An engine is at most so many times as large as its FP32 file; engine, timings and a margin.
_ROOM_FACTOR, _ROOM_EXTRA = 3, 1 << 24


@dataclass(frozen=True)
class _Wanted:
    """A request with everything found out that can be without building."""

    trt: 'TensorRt'
    request: BuildRequest
    source: Source
    identity: EngineIdentity

    @property
    def name(self) -> str:
        """Give the model's name, with which the engine's file begins."""
        return model_name(self.source.path)


def find_or_build(
    request: BuildRequest, on_progress: ProgressCallback, again: bool = False
) -> Path:
    """
    Give the engine's file, built if it is not there; `again` builds in any case.

    `EngineCacheError` before the build where the folder or disk cannot keep it.
    """
    wanted = _want(request)
    path = _path(wanted)
    if not again and _hit(path, wanted.identity):
        return path
    _check_room(path.parent, wanted.source.path)
    reporter = ProgressReporter(on_progress, _last_build_s(path.parent, wanted))
    with build_lock(path, lambda: reporter.wait('waiting for another build')):
        # Another process may have built it meanwhile.
        if again or not _hit(path, wanted.identity):
            reporter.enter(_why(path, wanted.identity))
            store(path, *_build(wanted, _timings(wanted), reporter))
    return path


def cached_engine(request: BuildRequest) -> Optional[Path]:
    """
    Give the engine that `find_or_build` would give without building, else None.

    `EngineCacheError` where no engine can be kept, as in a folder that others may write.
    """
    wanted = _want(request)
    path = _path(wanted)
    return path if _hit(path, wanted.identity) else None


def build_in_memory(request: BuildRequest, on_progress: ProgressCallback) -> Tuple[bytes, Sidecar]:
    """Build an engine that is kept nowhere, for a disk that is full or read-only."""
    return _build(_want(request), request.timing_cache, ProgressReporter(on_progress))


def _want(request: BuildRequest) -> _Wanted:
    trt = tensorrt_module(request.module)
    source = choose_source(trt, request)
    machine = this_machine(request.module, request.compute_capability)
    identity = EngineIdentity(
        **vars(machine),
        precision=source.precision,
        dla=request.dla,
        flags=option_texts(trt, request, source),
        model_sha256=hashlib.sha256(source.path.read_bytes()).hexdigest(),
        calibration_sha256=calibration_sha256(source.calibration),
    )
    return _Wanted(trt, request, source, identity)


def _path(wanted: _Wanted) -> Path:
    output = wanted.request.output
    if output is None:
        return engine_path(_folder(wanted.request), wanted.identity, wanted.name)
    if output.suffix != SUFFIX or not output.parent.is_dir():
        raise InvalidValueError('output', str(output), f'a file ending in {SUFFIX} in a folder')
    return output


def _folder(request: BuildRequest) -> Path:
    return cache_folder() if request.cache is None else private_folder(request.cache)


def _hit(path: Path, identity: EngineIdentity) -> bool:
    """Tell whether the engine is there, whole, and the one that is wanted."""
    try:
        _, sidecar = load(path)
    except EngineFileError:
        return False
    return sidecar.identity == identity


def _why(path: Path, identity: EngineIdentity) -> str:
    """Say why an engine that is there is built again."""
    try:
        differences = read_sidecar(path).identity.differences(identity)
    except EngineFileError:
        return 'no such engine yet'
    return f'building again: {"; ".join(differences) or "the file is damaged"}'


def _check_room(folder: Path, model: Path) -> None:
    if not os.access(folder, os.W_OK | os.X_OK):
        raise EngineCacheError(folder, 'it cannot be written')
    disk = os.statvfs(folder)
    free = disk.f_bavail * disk.f_frsize
    needed = _ROOM_FACTOR * model.stat().st_size + _ROOM_EXTRA
    if free < needed:
        megabytes = [size >> 20 for size in (free, needed)]
        reason = f'the disk has {megabytes[0]} MB left, an engine may need {megabytes[1]} MB'
        raise EngineCacheError(folder, reason)


def _timings(wanted: _Wanted) -> Optional[Path]:
    """Name the file of timings: the user's, else one for this TensorRT and GPU in the cache."""
    if wanted.request.timing_cache is not None or wanted.request.output is not None:
        return wanted.request.timing_cache
    machine = (wanted.identity.module, wanted.identity.tensorrt_version, wanted.identity.gpu_name)
    key = hashlib.sha256('\n'.join((*machine, wanted.identity.compute_capability)).encode())
    return _folder(wanted.request) / f'{key.hexdigest()[:16]}.timings'


def _last_build_s(folder: Path, wanted: _Wanted) -> Optional[float]:
    """Give the seconds of the newest build of the same model in a folder."""
    found = sorted(folder.glob(f'{wanted.name}.*{SUFFIX}'), key=lambda path: path.stat().st_mtime)
    for path in reversed(found):
        try:
            return read_sidecar(path).build_seconds
        except SwiftnetError:
            continue
    return None


def _build(
    wanted: _Wanted, timings: Optional[Path], reporter: ProgressReporter
) -> Tuple[bytes, Sidecar]:
    source = wanted.source
    built = build(wanted.trt, wanted.request, source, timings, reporter)
    spec = source.spec
    if spec.precision != source.precision:
        # The mIoU was measured on the file, not on this.
        spec = replace(spec, precision=source.precision, miou=None)
    golden = read_golden(source.path)
    sidecar = Sidecar(
        identity=wanted.identity,
        spec=spec,
        golden=None if golden is None else golden.to_json(),
        engine_sha256=hashlib.sha256(built.engine).hexdigest(),
        build_seconds=round(built.seconds, 3),
        precisions=built.precisions,
        dla_fallback=built.dla_fallback,
        workspace_mb=wanted.request.workspace_mb,
        swiftnet_ros=_version(),
    )
    return built.engine, sidecar


def _version() -> str:
    try:
        return version('swiftnet_ros')
    except PackageNotFoundError:
        return 'unknown'
