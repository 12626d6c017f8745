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
from pathlib import Path
from typing import Callable, cast, Dict, Tuple, Union

from swiftnet_ros.engines.base import Engine
from swiftnet_ros.errors import EngineUnavailableError, UnknownNameError
from swiftnet_ros.shipped_models import find_model

# (path of the model, precision, threads) -> engine
EngineClass = Callable[[Path, str, int], Engine]

# name -> module:class; the first is what `auto` opens
ENGINES: Dict[str, str] = {
    'openvino': 'swiftnet_ros.engines.openvino_engine:OpenVinoEngine',
}
# Known names that this version cannot open, and what to do instead.
_NOT_YET = {'tensorrt': 'this version of swiftnet_ros does not have it; use engine openvino'}


def open_engine(
    path: Union[str, Path], engine: str = 'auto', precision: str = 'auto', threads: int = 0
) -> Engine:
    """
    Open a model file, or a shipped model by its name, ready to segment.

    `threads` of 0 takes every CPU that this process may use. Close the engine when done, or use
    it in a `with` statement.
    """
    return _engine_class(engine)(find_model(path), precision, threads)


def chosen_engine(name: str) -> Tuple[str, str]:
    """Give the engine that a name stands for, and why."""
    return (next(iter(ENGINES)), 'the first') if name == 'auto' else (name, 'asked for')


def _engine_class(name: str) -> EngineClass:
    if name in _NOT_YET:
        raise EngineUnavailableError(name, _NOT_YET[name])
    name, _ = chosen_engine(name)
    if name not in ENGINES:
        raise UnknownNameError('engine', name, ['auto', *ENGINES, *_NOT_YET])
    module, _, attribute = ENGINES[name].partition(':')
    try:
        return cast(EngineClass, getattr(import_module(module), attribute))
    except ImportError as error:
        why = f'{error}; install what it needs, for openvino: pip install openvino'
        raise EngineUnavailableError(name, why) from error
