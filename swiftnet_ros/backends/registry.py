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

"""The registry of backends: choose one by name and open a model with it."""

from importlib import import_module
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Tuple, Type, Union

from swiftnet_ros.backends.base import Backend
from swiftnet_ros.backends.engine_build import EngineBuild, EngineFile
from swiftnet_ros.backends.options import AUTO, BackendOptions
from swiftnet_ros.backends.tensorrt.engine_file import check_engine, read_engine_facts, SUFFIX
from swiftnet_ros.errors import EngineUnavailableError, InvalidModelError, UnknownNameError
from swiftnet_ros.model_spec import ModelFile, read_model_file
from swiftnet_ros.model_spec.find_model import find_model
from swiftnet_ros.system.library_errors import lacks_memory, library_reason

# name -> class, or module:class, which is imported when it is needed. `auto` is the first that
# is available.
BACKENDS: Dict[str, Union[str, Type[Backend]]] = {
    'tensorrt': 'swiftnet_ros.backends.tensorrt.engine:TensorRtBackend',
    'openvino': 'swiftnet_ros.backends.openvino.engine:OpenVinoBackend',
}
_INSTALL = 'install its dependencies (for OpenVINO: pip install openvino)'


class OpenedModel(NamedTuple):
    """
    An open backend, the model that it runs, and the file that it opened.

    `choice` says why it is that backend, empty if it was chosen by name.
    """

    backend: Backend
    model: ModelFile
    file: EngineFile
    choice: str


def open_model_file(
    model: Union[str, Path], options: BackendOptions, build: Optional[EngineBuild] = None
) -> OpenedModel:
    """
    Open a model, by its path or the name of a shipped one; its engine is built if need be.

    `build` reports that build and can cancel it. The backend must be used and closed by the
    thread that opened it. Raises a SwiftnetError if the model cannot be opened.
    """
    build = build or EngineBuild()
    name, choice = choose_backend(options.engine, model)
    kind = backend_class(name)
    try:
        file = read_model(find_model(model, kind.file_precision(options)))
        if file.graph is None and name != 'tensorrt':
            reason = f'it is for engine tensorrt, not {name}; use engine auto'
            raise InvalidModelError(file.path, reason)
        with kind.prepare(file, options, build) as engine_file:
            build.finish()
            return OpenedModel(kind.open(file, engine_file, options), file, engine_file, choice)
    finally:
        build.finish()


def open_backend(
    model: Union[str, Path], engine: str = AUTO, precision: str = AUTO, threads: int = 0
) -> Backend:
    """Open a model and return its backend; close it when done, or use `with`."""
    options = BackendOptions(engine=engine, precision=precision, threads=threads)
    return open_model_file(model, options).backend


def read_model(path: Path) -> ModelFile:
    """Read an ONNX file, or the facts of a built engine from its sidecar."""
    return read_engine_facts(path) if path.suffix == SUFFIX else read_model_file(path)


def check_model_path(path: Path) -> None:
    """Raise EngineFileError for an engine that others may have written, before it is read."""
    if path.suffix == SUFFIX:
        check_engine(path)


def choose_backend(name: str, model: Union[str, Path] = '') -> Tuple[str, str]:
    """Resolve a backend name; for `auto`, also return why it was chosen."""
    if name != AUTO:
        return name, ''
    if str(model).endswith(SUFFIX):
        return 'tensorrt', f'auto: the model is an {SUFFIX} file'
    passed: List[str] = []
    for known in BACKENDS:
        reason = backend_class(known).unavailable_reason()
        if not reason:
            why = ', '.join(passed) or 'its modules and a GPU are available'
            return known, f'auto: {why}'
        passed.append(f'{known} is unavailable: {reason}')
    raise EngineUnavailableError(AUTO, ', '.join(passed))


def backend_class(name: str) -> Type[Backend]:
    """
    Return the class of a backend by its name.

    Raise UnknownNameError for another name, EngineUnavailableError if the import fails.
    """
    if name not in BACKENDS:
        raise UnknownNameError('engine', name, [AUTO, *BACKENDS])
    entry = BACKENDS[name]
    if not isinstance(entry, str):
        return entry
    module, _, attribute = entry.partition(':')
    try:
        kind: Type[Backend] = getattr(import_module(module), attribute)
    # OpenVINO needs the home folder, and all of them memory.
    except (ImportError, MemoryError, OSError, RuntimeError) as error:
        reason = library_reason(error).rstrip('.')
        raise EngineUnavailableError(name, f'{reason}; {_remedy(error)}') from error
    return kind


def _remedy(error: BaseException) -> str:
    if lacks_memory(error):
        return 'end other programs, or allow this one more memory'
    if 'home directory' in str(error):
        return 'set HOME to a folder'
    return _INSTALL
