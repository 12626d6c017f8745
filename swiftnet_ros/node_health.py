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

"""What a loaded model is, for diagnostics and log."""

from typing import Optional

from swiftnet_ros.engine_build import EngineFile
from swiftnet_ros.errors import EngineNotKeptError, InvalidValueError, SwiftnetError
from swiftnet_ros.health import EngineSnapshot
from swiftnet_ros.loaded_model import LoadedModel


def engine_snapshot(
    state: str, error: str, warning: str, building: str, model: Optional[LoadedModel]
) -> EngineSnapshot:
    """Sum up a node's state and its model, None while there is none."""
    if model is None:
        return EngineSnapshot(state, error, warning, building)
    engine, spec = model.engine, model.spec
    return EngineSnapshot(
        state=state,
        error=error,
        warning=warning or model.file.warning,
        building=building,
        model=str(model.path),
        sha256=model.sha256,
        megabytes=model.file_bytes / 1e6,
        engine=engine.name,
        engine_file=_engine_file(model.file),
        precision=engine.precision,
        device=engine.device,
        input_size=(spec.input_height, spec.input_width),
        miou=spec.miou,
        agreement=model.agreement,
    )


def engine_introduction(model: LoadedModel) -> str:
    """Say in one line what was built and how it did."""
    engine = model.engine
    return (
        f'{_engine_file(model.file)}, engine {engine.name} on {engine.device}, precision '
        f'{engine.precision}, {_self_check(model.agreement)}'
    )


def introduction(topics: str, model: LoadedModel) -> str:
    """Say in one line what a node does from now on."""
    engine, spec = model.engine, model.spec
    why = f' ({model.engine_choice})' if model.engine_choice else ''
    return (
        f'segmenting {topics} with {spec.name} ({len(spec.classes)} classes, input '
        f'{spec.input_width}x{spec.input_height}), engine {engine.name}{why} on {engine.device}, '
        f'precision {engine.precision}, {_self_check(model.agreement)}'
    )


def _self_check(agreement: Optional[float]) -> str:
    if agreement is None:
        return 'without a golden frame for the self-check'
    return f'self-check {agreement:.4f}'


def build_report(file: EngineFile) -> str:
    """Say in one line what was built now, and where it is kept; empty if nothing was."""
    if file.build_seconds is None:
        return ''
    return f'the engine was built in {file.build_seconds:.0f} s: {_engine_file(file)}'


def build_only_error(file: EngineFile) -> Optional[SwiftnetError]:
    """Give why a node that was only to build an engine has not; None if it has."""
    if not file.is_built:
        expected = f'an engine that is built, as engine:=tensorrt; {file.engine} needs none'
        return InvalidValueError('build_only', True, expected)
    return EngineNotKeptError(file.warning) if file.warning else None


def _engine_file(file: EngineFile) -> str:
    """Name the file that was built, empty where the engine opened the model itself."""
    if file.warning:
        return 'in memory only'
    return str(file.path) if file.is_built else ''
