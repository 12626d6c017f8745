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


"""What the parts around the network cost, each beside the way that it was done before."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
import os
from pathlib import Path
from resource import getrusage, RUSAGE_CHILDREN
import subprocess
import sys
from tempfile import TemporaryDirectory
from time import process_time
from typing import Any, ClassVar

import numpy as np
from swiftnet_ros.backends.openvino.cache import VARIABLE
from swiftnet_ros.backends.openvino.engine import OpenVinoEngine
from swiftnet_ros.core.frames import to_network_input
from swiftnet_ros.core.upsampled_argmax import best_and_largest, best_classes
from swiftnet_ros.errors import EngineUnavailableError
from swiftnet_ros.system.image_size import format_size
from training.profiling.cases import Case, Size
from training.profiling.tables import ms, table
from training.profiling.timing import camera_frame, in_rounds, milliseconds

_STARTS = 3
_IMPORTS = {
    'import NumPy, OpenCV and onnx': 'import numpy, cv2, onnx',
    'import OpenVINO, too': 'import numpy, cv2, onnx, openvino',
    'import nothing': '',
}
_WARM_UP = 2


@dataclass
class Stage:
    """One way to do a part of the work, and the times of its rounds."""

    name: str
    way: str
    work: Callable[[Any], object]
    argument: Any = None
    ms: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)

    def measure(self) -> None:
        """Do it once."""
        computed = _cpu_seconds()
        self.ms.append(milliseconds(self.work, self.argument))
        self.cpu_ms.append((_cpu_seconds() - computed) * 1000)

    def facts(self, warm_up: int) -> dict[str, Any]:
        """Give medians."""
        wall, computed = (float(np.median(times[warm_up:])) for times in (self.ms, self.cpu_ms))
        return {'stage': self.name, 'way': self.way, 'ms': wall, 'cpu_ms': computed}


def _cpu_seconds() -> float:
    """Give what this process and those that it started have computed."""
    children = getrusage(RUSAGE_CHILDREN)
    return process_time() + children.ru_utime + children.ru_stime


def time_stages(case: Case, cameras: Sequence[Size], threads: int, repeats: int) -> dict[str, Any]:
    """Measure every way of every stage in rounds, for one network and cameras of some sizes."""
    starts = _starts(case, threads)
    with ExitStack() as stack:
        engines = _engines(case, threads, stack)
        frame = camera_frame(case.height, case.width)
        image = to_network_input(frame, case.height, case.width)
        first = next(iter(engines.values()))
        logits, used = first.infer(image).copy(), first.threads
        stages = [stage for size in cameras for stage in _around(case, size, logits)]
        stages += [Stage('engine', way, engine.infer, image) for way, engine in engines.items()]
        for stage in in_rounds(stages, _WARM_UP + repeats):
            stage.measure()
    facts = [stage.facts(0) for stage in starts] + [stage.facts(_WARM_UP) for stage in stages]
    return {'model': case.model, 'precision': case.precision, 'threads': used, 'stages': facts}


def stage_table(result: Mapping[str, Any]) -> str:
    """Show each stage, the way that it is done first and the others after it."""
    rows = [
        (stage['stage'], stage['way'], ms(stage['ms']), ms(stage['cpu_ms']))
        for stage in result['stages']
    ]
    return table(('stage', 'way', 'ms', 'CPU ms of all threads'), rows)


class _Bound(OpenVinoEngine):
    """An engine whose threads stay on their CPUs."""

    extra_options: ClassVar[dict[str, str]] = {'ENABLE_CPU_PINNING': 'YES'}


def _engines(case: Case, threads: int, stack: ExitStack) -> dict[str, OpenVinoEngine]:
    """Open the engine as it is, and with other options that this CPU has."""
    own = case.engine_precision
    ways: dict[str, tuple[type[OpenVinoEngine], str, int]] = {
        'as it is': (OpenVinoEngine, own, threads),
        'what is not quantized in bf16': (OpenVinoEngine, 'bf16', threads),
        'threads bound to CPUs': (_Bound, own, threads),
        'one thread': (OpenVinoEngine, own, 1),
    }
    opened = {}
    for way, (kind, precision, count) in ways.items():
        with suppress(EngineUnavailableError):
            opened[way] = kind(case.path, precision, count)
            stack.callback(opened[way].close)
    return opened


def _run_python(code: str) -> None:
    subprocess.run([sys.executable, '-c', code], check=True)


def _around(case: Case, size: Size, logits: Any) -> list[Stage]:
    frame, name = camera_frame(*size), format_size(size)
    wanted = case.height, case.width
    return [
        Stage(f'labels {name}', 'short cut', lambda _: best_classes(logits, *size)),
        Stage(f'labels {name}', 'every class', lambda _: best_and_largest(logits, *size)),
        Stage(f'frame {name} to input', 'as it is', lambda _: to_network_input(frame, *wanted)),
    ]


def _starts(case: Case, threads: int) -> list[Stage]:
    """Open the model with and without what was compiled before."""

    def start(folder: Path | None) -> None:
        os.environ[VARIABLE] = str(folder or '')
        OpenVinoEngine(case.path, case.engine_precision, threads).close()

    before = os.environ.get(VARIABLE)
    with TemporaryDirectory() as text:
        folder = Path(text) / 'cache'
        stages = [
            Stage('open the model', 'compiled at an earlier start', start, folder),
            Stage('open the model', 'compile it', start, None),
            *(Stage('start Python', way, _run_python, code) for way, code in _IMPORTS.items()),
        ]
        start(folder)
        for stage in in_rounds(stages, _STARTS):
            stage.measure()
    os.environ.pop(VARIABLE, None)
    if before is not None:
        os.environ[VARIABLE] = before
    return stages
