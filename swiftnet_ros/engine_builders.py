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

"""How engines are had from models, by the name of the engine; who is not here builds nothing."""

from dataclasses import asdict
import json
import os
from pathlib import Path
import sys
from typing import Callable, Dict, List, NamedTuple, Optional

from swiftnet_ros.backends.tensorrt.api import tensorrt_module
from swiftnet_ros.backends.tensorrt.source import choose_source
from swiftnet_ros.build_engine import BuildRequest, cached_engine
from swiftnet_ros.errors import EngineCacheError
from swiftnet_ros.model_choice import ModelChoice

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
