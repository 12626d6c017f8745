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
What `/diagnostics` says of a camera and of the engine: a level, a sentence, and figures.

A sentence says what is wrong and what to do. Levels are those of diagnostic_msgs.
"""

from dataclasses import dataclass, field
from typing import Dict, Mapping, Optional, Tuple

from swiftnet_ros.errors import EngineNotCachedError, InvalidValueError, SwiftnetError
from swiftnet_ros.serving.engine_build import EngineFile
from swiftnet_ros.serving.model_loader import LoadedModel
from swiftnet_ros.serving.timing import Percentiles

OK, WARN, ERROR, STALE = 0, 1, 2, 3

# Reasons to drop a frame that somebody should look at; a newer frame, for one, is none.
_WRONG = {
    'bad': 'cannot be read; see the log for the reason',
    'old': 'are older than max_age; check the clocks of both computers, or raise max_age',
}
_PATIENCE = 5.0


@dataclass(frozen=True)
class Health:
    """One status of `/diagnostics`: level 0 (OK) to 3 (STALE), sentence, figures as text."""

    level: int
    message: str
    values: Dict[str, str]


@dataclass(frozen=True)
class CameraSnapshot:
    """
    What is known of one camera.

    Rates are in Hz. `drops` counts by reason since the start, `recent_drops` since the last
    diagnostics. `age` is how old the last frame was when its answer went out, `waiting` how
    long none has come, both in seconds. `qos_mismatch` is empty where there is none.
    """

    topic: str
    rate_in: float = 0.0
    rate_out: float = 0.0
    received: int = 0
    published: int = 0
    drops: Mapping[str, int] = field(default_factory=dict)
    recent_drops: Mapping[str, int] = field(default_factory=dict)
    age: Optional[float] = None
    waiting: Optional[float] = None
    stages: Mapping[str, Percentiles] = field(default_factory=dict)
    qos_mismatch: str = ''
    listeners: int = 0


@dataclass(frozen=True)
class EngineSnapshot:
    """
    What is known of the node and its engine.

    `state` is the lifecycle state. `error` is why the node cannot work, `warning` what failed
    while it works on, both empty where nothing did; `building` says what engine is being built
    and how far it is. The others are None without an engine. `megabytes` is the size of the
    model's file, `engine_file` what was built from it, `input_size` is (height, width); mIoU
    and agreement are fractions of 1.
    """

    state: str
    error: str = ''
    warning: str = ''
    building: str = ''
    model: Optional[str] = None
    sha256: Optional[str] = None
    megabytes: Optional[float] = None
    engine: Optional[str] = None
    engine_file: Optional[str] = None
    precision: Optional[str] = None
    device: Optional[str] = None
    input_size: Optional[Tuple[int, int]] = None
    miou: Optional[float] = None
    agreement: Optional[float] = None


def camera_health(camera: CameraSnapshot) -> Health:
    """Judge one camera while the node is active."""
    level, message = _judge_camera(camera)
    values = {
        'topic': camera.topic,
        'rate in (Hz)': f'{camera.rate_in:.2f}',
        'rate out (Hz)': f'{camera.rate_out:.2f}',
        'received': str(camera.received),
        'published': str(camera.published),
        'listeners': str(camera.listeners),
        'age (ms)': _milliseconds(camera.age),
        'waiting (s)': '' if camera.waiting is None else f'{camera.waiting:.1f}',
        'QoS mismatch': camera.qos_mismatch or 'none',
    }
    values.update({f'dropped: {why}': str(count) for why, count in camera.drops.items()})
    for stage, times in camera.stages.items():
        for name in ('p50', 'p95', 'p99'):
            values[f'{stage} {name} (ms)'] = f'{getattr(times, name):.2f}'
    return Health(level, message, values)


def engine_health(engine: EngineSnapshot) -> Health:
    """Judge the node as a whole."""
    level, message = _judge_engine(engine)
    size = engine.input_size
    values = {
        'state': engine.state,
        'model': _text(engine.model),
        'sha256': _text(engine.sha256),
        'model size (MB)': '' if engine.megabytes is None else f'{engine.megabytes:.2f}',
        'engine': _text(engine.engine),
        'engine file': _text(engine.engine_file),
        'precision': _text(engine.precision),
        'device': _text(engine.device),
        'input size': f'{size[1]}x{size[0]}' if size else '',
        'mIoU of the model card': _fraction(engine.miou),
        'self-check agreement': _fraction(engine.agreement),
    }
    return Health(level, message, values)


def _judge_camera(camera: CameraSnapshot) -> Tuple[int, str]:
    waits = camera.waiting is not None and camera.waiting >= _PATIENCE
    if camera.qos_mismatch:
        return (ERROR if waits else WARN), camera.qos_mismatch
    if waits and not camera.received:
        what = f'no frame on {camera.topic} yet, for {camera.waiting:.0f} s'
        return WARN, f'{what}; start the camera, or remap the topic to its name'
    if waits:
        what = f'no frame on {camera.topic} for {camera.waiting:.0f} s'
        return ERROR, f'{what}; check the camera and its connection'
    for why, text in _WRONG.items():
        if camera.recent_drops.get(why):
            return WARN, f'{camera.recent_drops[why]} frames dropped just now: they {text}'
    if not camera.listeners:
        return OK, 'nobody listens: nothing is computed'
    return OK, f'{camera.rate_out:.1f} of {camera.rate_in:.1f} frames a second are answered'


def _judge_engine(engine: EngineSnapshot) -> Tuple[int, str]:
    if engine.error:
        return ERROR, engine.error
    if engine.building:
        return WARN, engine.building
    if engine.warning:
        return WARN, engine.warning
    if engine.state == 'active':
        return OK, f'{engine.model} runs in {engine.precision} on {engine.device}'
    todo = 'start it again' if engine.state == 'finalized' else 'configure and activate the node'
    return WARN, f'{engine.state}: nothing is segmented; {todo}'


def _text(value: Optional[str]) -> str:
    return value or ''


def _fraction(value: Optional[float]) -> str:
    return '' if value is None else f'{value:.4f}'


def _milliseconds(seconds: Optional[float]) -> str:
    return '' if seconds is None else f'{1000.0 * seconds:.1f}'


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
    return EngineNotCachedError(file.warning) if file.warning else None


def _engine_file(file: EngineFile) -> str:
    """Name the file that was built, empty where the engine opened the model itself."""
    if file.warning:
        return 'in memory only'
    return str(file.path) if file.is_built else ''
