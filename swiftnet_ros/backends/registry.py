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

"""Open a model with an engine chosen by name; only the chosen one is imported."""

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Callable, cast, Dict, Optional, Tuple, Union

from swiftnet_ros.backends.base import Engine
from swiftnet_ros.backends.cuda.driver import find_gpu
from swiftnet_ros.backends.tensorrt.engine_file import read_sidecar, SUFFIX
from swiftnet_ros.errors import EngineUnavailableError, InvalidModelError, UnknownNameError
from swiftnet_ros.model_spec import Golden, ModelSpec, read_golden, read_spec
from swiftnet_ros.model_spec.find_model import find_model


def spec_of(path: Path) -> ModelSpec:
    """Give the specification of an ONNX file, or of an engine from its sidecar."""
    return read_sidecar(path).spec if path.suffix == SUFFIX else read_spec(path)


def golden_of(path: Path) -> Optional[Golden]:
    """Give the golden frame, None where there is none; an engine has that of its model."""
    if path.suffix != SUFFIX:
        return read_golden(path)
    text = read_sidecar(path).golden
    return None if text is None else Golden.from_json(text)


# (path of the model, precision, threads) -> engine
EngineClass = Callable[[Path, str, int], Engine]

# name -> module:class; `auto` opens the first that can be used here.
ENGINES: Dict[str, str] = {
    'tensorrt': 'swiftnet_ros.backends.tensorrt.engine:TensorRtEngine',
    'openvino': 'swiftnet_ros.backends.openvino.engine:OpenVinoEngine',
}


def open_engine(
    path: Union[str, Path], engine: str = 'auto', precision: str = 'auto', threads: int = 0
) -> Engine:
    """
    Open a model file, or a shipped model by its name, ready to segment.

    An `.engine` is opened with TensorRT. `threads` of 0 takes every CPU that this process may
    use. Close the engine when done, or use it in a `with` statement.
    """
    file = find_model(path)
    name, _ = chosen_engine(engine, file)
    kind = _engine_class(name)
    if file.suffix == SUFFIX and name != 'tensorrt':
        raise InvalidModelError(file, f'it is for engine tensorrt, not {name}; use engine auto')
    # Of a shipped pair, what is built takes the file that suits the precision.
    return kind(Path(path) if name == 'tensorrt' else file, precision, threads)


def chosen_engine(name: str, model: Union[str, Path] = '') -> Tuple[str, str]:
    """Give the engine that a name stands for with a model, and why if the name is auto."""
    if name != 'auto':
        return name, ''
    if str(model).endswith(SUFFIX):
        return 'tensorrt', f'auto: the model is an {SUFFIX} file'
    absences = {known: _ABSENCES[known]() if known in _ABSENCES else '' for known in ENGINES}
    chosen = next(known for known, absence in absences.items() if not absence)
    passed = [f'no {known}, since {absence}' for known, absence in absences.items() if absence]
    return chosen, f'auto: {", ".join(passed) or "its module and a GPU are here"}'


def why_no_tensorrt() -> str:
    """Say what is missing for TensorRT here; empty if nothing is."""
    for module in ('tensorrt', 'pycuda'):
        if not _is_installed(module):
            return f'the Python module {module} is not installed'
    try:
        find_gpu()
    except EngineUnavailableError:
        return 'no NVIDIA GPU is here'
    return ''


# name -> what is missing for an engine that is not for every computer
_ABSENCES: Dict[str, Callable[[], str]] = {'tensorrt': why_no_tensorrt}


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ValueError:
        # It was imported already, by something that is no usual import.
        return True


def _engine_class(name: str) -> EngineClass:
    if name not in ENGINES:
        raise UnknownNameError('engine', name, ['auto', *ENGINES])
    module, _, attribute = ENGINES[name].partition(':')
    try:
        return cast(EngineClass, getattr(import_module(module), attribute))
    except ImportError as error:
        why = f'{error}; install what it needs, for openvino: pip install openvino'
        raise EngineUnavailableError(name, why) from error
