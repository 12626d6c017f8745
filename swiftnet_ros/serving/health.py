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
The health of a camera and of the engine, as `/diagnostics` shows it, and the node's log lines.

A status has a level of diagnostic_msgs, a message with what is wrong and what to do, and values.
"""

from dataclasses import dataclass, field
from typing import Dict, Mapping, Optional, Tuple

from swiftnet_ros.backends.engine_build import EngineFile
from swiftnet_ros.errors import EngineNotCachedError, InvalidValueError, SwiftnetError
from swiftnet_ros.serving.model_loader import LoadedModel
from swiftnet_ros.serving.timing import Percentiles
from swiftnet_ros.text import safe_text

OK, WARN, ERROR, STALE = 0, 1, 2, 3

# Drops that need attention; one for a newer frame, for example, does not.
_DROP_WARNINGS = {
    'bad': 'cannot be read; see the log for the reason',
    'old': 'are older than max_age; check the clocks of both computers, or raise max_age',
    'failed': 'could not be segmented or published; free memory, or reduce output_size',
}
_ENGINE_KEYS = (
    'model',
    'sha256',
    'model size (MB)',
    'engine',
    'engine file',
    'precision',
    'device',
    'input size',
    'mIoU of the model card',
    'self-check agreement',
    'license',
    'terms',
)
# A camera that has sent nothing for so many seconds is silent.
FRAME_TIMEOUT = 5.0


@dataclass(frozen=True)
class Health:
    """One status of `/diagnostics`: level 0 (OK) to 3 (STALE), message, values as text."""

    level: int
    message: str
    values: Dict[str, str]


@dataclass(frozen=True)
class CameraSnapshot:
    """
    The state of one camera.

    Rates are in Hz. `drops` counts by reason since the start, `recent_drops` since the last
    snapshot. `age` is that of the last frame when its result was published, `waiting` the time
    since the last frame, `stalled` for how long a frame has been in process, in seconds.
    `qos_mismatch` is empty if there is none. `listeners` is the number of subscribers of all
    outputs. `explanations` has why the last frame of a reason was dropped, `silence` what to do
    if no frame arrives, and `no_calibration` why there is no camera_info for an output that needs
    it; each is empty if nothing is known.
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
    stalled: Optional[float] = None
    stages: Mapping[str, Percentiles] = field(default_factory=dict)
    qos_mismatch: str = ''
    listeners: int = 0
    explanations: Mapping[str, str] = field(default_factory=dict)
    silence: str = ''
    no_calibration: str = ''


@dataclass(frozen=True)
class EngineSnapshot:
    """
    The state of the node and its engine.

    `state` is the lifecycle state. `error` is why the node cannot work, None if it can. `warning`
    is what failed while it keeps working, and `building` the progress of an engine build; each is
    empty if there is none. `model` is None without an engine.
    """

    state: str
    error: Optional[str] = None
    warning: str = ''
    building: str = ''
    model: Optional[LoadedModel] = None


def camera_health(camera: CameraSnapshot) -> Health:
    """Return the health of one camera."""
    level, message = _assess_camera(camera)
    values = {
        'topic': camera.topic,
        'rate in (Hz)': f'{camera.rate_in:.2f}',
        'rate out (Hz)': f'{camera.rate_out:.2f}',
        'received': str(camera.received),
        'published': str(camera.published),
        'listeners': str(camera.listeners),
        'age (ms)': '' if camera.age is None else f'{1000.0 * camera.age:.1f}',
        'waiting (s)': '' if camera.waiting is None else f'{camera.waiting:.1f}',
        'QoS mismatch': camera.qos_mismatch or 'none',
    }
    values.update({f'dropped: {reason}': str(count) for reason, count in camera.drops.items()})
    for stage, times in camera.stages.items():
        for name in ('p50', 'p95', 'p99'):
            values[f'{stage} {name} (ms)'] = f'{getattr(times, name):.2f}'
    return Health(level, message, values)


def engine_health(engine: EngineSnapshot) -> Health:
    """Return the health of the node and its engine; without a model its values are empty."""
    level, message = _assess_engine(engine)
    values = ('',) * len(_ENGINE_KEYS) if engine.model is None else _engine_values(engine.model)
    return Health(level, message, {'state': engine.state, **dict(zip(_ENGINE_KEYS, values))})


def _engine_values(model: LoadedModel) -> Tuple[str, ...]:
    segmenter, spec = model.segmenter, model.spec
    return (
        safe_text(model.path),
        model.sha256,
        f'{model.file_bytes / 1e6:.2f}',
        segmenter.backend,
        _engine_file(model.file),
        segmenter.precision,
        segmenter.device,
        f'{spec.input_width}x{spec.input_height}',
        _fraction(spec.miou),
        _fraction(model.agreement),
        spec.license,
        spec.terms,
    )


def _assess_camera(camera: CameraSnapshot) -> Tuple[int, str]:
    waits = camera.waiting is not None and camera.waiting >= FRAME_TIMEOUT
    if camera.qos_mismatch:
        return (ERROR if waits else WARN), camera.qos_mismatch
    if waits and not camera.received:
        what = f'no frame on {camera.topic} since the start, {camera.waiting:.0f} s ago'
        how = camera.silence or 'start the camera, or remap image to its topic'
        return WARN, f'{what}; {how}'
    if waits:
        what = f'no frame on {camera.topic} for {camera.waiting:.0f} s'
        return ERROR, f'{what}; {camera.silence or "check the camera and its connection"}'
    for reason, text in _DROP_WARNINGS.items():
        if camera.recent_drops.get(reason):
            why = camera.explanations.get(reason) or f'they {text}'
            return WARN, f'{camera.recent_drops[reason]} frames dropped just now: {why}'
    if camera.no_calibration:
        return WARN, camera.no_calibration
    if camera.stalled is not None and camera.stalled >= FRAME_TIMEOUT:
        return WARN, stalled(camera.stalled)
    if not camera.listeners:
        return OK, 'no output has a subscriber: nothing is computed'
    return OK, f'{camera.rate_out:.1f} of {camera.rate_in:.1f} frames per second are segmented'


def stalled(seconds: float) -> str:
    """Return what to do about an engine that has not finished a frame for some seconds."""
    what = f'a frame has been in process for {seconds:.0f} s'
    return f'{what}: the engine hangs, or is too slow; use a smaller model or another engine'


def _assess_engine(engine: EngineSnapshot) -> Tuple[int, str]:
    if engine.error is not None:
        return ERROR, engine.error
    warning = engine.building or engine.warning
    if engine.model is not None:
        warning = warning or engine.model.file.warning
    if warning:
        return WARN, warning
    if engine.state == 'active' and engine.model is not None:
        segmenter = engine.model.segmenter
        path = safe_text(engine.model.path)
        return OK, f'{path} runs in {segmenter.precision} on {segmenter.device}'
    todo = 'start a new one' if engine.state == 'finalized' else 'configure and activate it'
    return WARN, f'the node is {engine.state} and segments nothing; {todo}'


def _fraction(value: Optional[float]) -> str:
    return '' if value is None else f'{value:.4f}'


def engine_summary(model: LoadedModel) -> str:
    """Return one line for the log: the engine that was built, and its self-check."""
    segmenter = model.segmenter
    return (
        f'{_engine_file(model.file)}, engine {segmenter.backend} on {segmenter.device}, '
        f'precision {segmenter.precision}, {_self_check(model.agreement)}'
    )


def node_summary(topics: str, model: LoadedModel) -> str:
    """Return one line for the log: the cameras, the model and its engine."""
    segmenter, spec = model.segmenter, model.spec
    reason = f' ({model.backend_choice})' if model.backend_choice else ''
    file = f'{safe_text(model.path.name)}, {len(spec.classes)} classes'
    return (
        f'segmenting {topics} with {spec.name} ({file}, input '
        f'{spec.input_width}x{spec.input_height}), engine {segmenter.backend}{reason} on '
        f'{segmenter.device}, precision {segmenter.precision}, {_self_check(model.agreement)}'
    )


def terms_summary(model: LoadedModel) -> str:
    """Return one line for the log: what the weights may be used for; empty if it is unknown."""
    spec = model.spec
    stated = ': '.join(filter(None, (spec.license, spec.terms)))
    return f'terms of the weights of {spec.name}: {stated}' if stated else ''


def _self_check(agreement: Optional[float]) -> str:
    if agreement is None:
        return 'no golden frame for a self-check'
    return f'self-check {agreement:.4f}'


def build_summary(file: EngineFile) -> str:
    """Return one line for the log: what was built and where it is stored; empty if nothing was."""
    if file.build_seconds is None:
        return ''
    return f'the engine was built in {file.build_seconds:.0f} s: {_engine_file(file)}'


def build_only_error(model: LoadedModel) -> Optional[SwiftnetError]:
    """Return why a node with `build_only` has built no engine, None if it has."""
    file = model.file
    if not file.is_built:
        name = model.segmenter.backend
        expected = f'a backend that builds engines, as engine:=tensorrt; {name} does not'
        return InvalidValueError('build_only', True, expected)
    return EngineNotCachedError(file.warning) if file.warning else None


def _engine_file(file: EngineFile) -> str:
    """Return the file that was built, empty if the backend opened the model itself."""
    if file.warning:
        return 'in memory only'
    return safe_text(file.path) if file.is_built else ''
