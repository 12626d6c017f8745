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

"""Errors of engines, of their builds and of their cache."""

from typing import Sequence

from swiftnet_ros.errors.base import SwiftnetError
from swiftnet_ros.text import one_line, safe_text

_REBUILD = 'rebuild it with: python -m swiftnet_ros.build_engine MODEL'


class EngineUnavailableError(SwiftnetError):
    """A known engine that cannot run on this machine."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f'engine {name!r} cannot be used here: {why}')


class EngineFailedError(SwiftnetError):
    """An engine that failed to open or to run."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(
            f'engine {name!r} failed: {one_line(reason)}; if this repeats, restart the program or '
            'use another engine'
        )


class BackendClosedError(SwiftnetError):
    """A call of a backend after it was closed."""

    def __init__(self, name: str) -> None:
        super().__init__(f'backend {name!r} is closed; open the model again')


class DeviceMemoryError(SwiftnetError):
    """Not enough GPU memory; sizes are in bytes."""

    def __init__(self, what: str, needed: int, free: int, total: int) -> None:
        megabytes = [f'{size / 1e6:.1f} MB' for size in (needed, free, total)]
        super().__init__(
            f'not enough GPU memory for {what}: it needs {megabytes[0]}, {megabytes[1]} of '
            f'{megabytes[2]} are free; close other programs or use a smaller model'
        )


class SelfCheckError(SwiftnetError):
    """An engine whose labels of the golden frame are wrong."""

    def __init__(self, agreement: float, minimum: float) -> None:
        super().__init__(
            f'self-check failed: {agreement:.5f} of the golden frame has the right labels, '
            f'expected at least {minimum:g}; try another engine or precision, export the model '
            'again, or lower self_check_min_agreement'
        )


class NoFastestError(SwiftnetError):
    """A model of which no engine was built and passed its self-check."""

    def __init__(self, path: object, failures: Sequence[str]) -> None:
        reasons = '; '.join(one_line(text) for text in failures)
        super().__init__(f'no engine of {safe_text(path)} is sound: {reasons}')


class EngineMismatchError(SwiftnetError):
    """An engine that was built for another machine or from other files."""

    def __init__(self, path: object, differences: Sequence[str]) -> None:
        super().__init__(
            f'engine {safe_text(path)} does not match: {"; ".join(differences)}; {_REBUILD}'
        )


class EngineFileError(SwiftnetError):
    """An engine file that is missing, incomplete or not the one described by its sidecar."""

    def __init__(self, path: object, reason: str) -> None:
        super().__init__(f'cannot use engine {safe_text(path)}: {reason}; {_REBUILD}')


class EngineCacheError(SwiftnetError):
    """A folder in which no engine can be stored."""

    def __init__(self, folder: object, reason: str) -> None:
        super().__init__(
            f'cannot cache engines in {safe_text(folder)}: {reason}; set SWIFTNET_ROS_CACHE to a '
            'folder of your own'
        )


class EngineNotCachedError(SwiftnetError):
    """An engine that was built for the cache and could not be stored there."""

    def __init__(self, reason: str) -> None:
        super().__init__(f'the engine was built but not cached: {reason}')


class CalibrationMismatchError(SwiftnetError):
    """A calibration file of another model."""

    def __init__(self, path: object, command: str) -> None:
        super().__init__(
            f'calibration file {safe_text(path)} is for another model (no tensor names match); '
            f'create one with: {command}'
        )


class BuildError(SwiftnetError):
    """A model that TensorRT cannot build."""

    def __init__(self, model: object, reason: str) -> None:
        super().__init__(f'TensorRT cannot build {safe_text(model)}: {one_line(reason)}')


class BuildProcessError(SwiftnetError):
    """A build process that ended without an engine."""

    def __init__(self, reason: str) -> None:
        super().__init__(f'the engine was not built: {reason}')


class BuildCancelledError(SwiftnetError):
    """An engine build that was cancelled."""

    def __init__(self) -> None:
        super().__init__('the engine build was cancelled; configure the node again')
