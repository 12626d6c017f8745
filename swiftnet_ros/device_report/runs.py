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
Build engines and benchmark them, each in a process of its own.

What one takes is free again for the next, and one that fails does not stop the others.
"""

from dataclasses import dataclass, replace
import json
from pathlib import Path
import subprocess
import sys
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

from swiftnet_ros.backends.tensorrt.api import is_strongly_typed, tensorrt_module
from swiftnet_ros.backends.tensorrt.engine_file import SUFFIX
from swiftnet_ros.backends.tensorrt.source import model_name, sibling
from swiftnet_ros.device_report.table import Measured
from swiftnet_ros.errors import ReportedError, SwiftnetError
from swiftnet_ros.model_spec.find_model import find_model

TENSORRT = 'tensorrt'
EXPLICIT, IMPLICIT = 'explicit', 'implicit'
_MAKERS = {
    'int8': 'python -m training quantize --tensorrt-tables',
    'fp16': 'python -m training fp16',
}
_ERROR = 'error: '


@dataclass(frozen=True)
class Plan:
    """What is to be measured: `calibration` is the table of implicit INT8, else None."""

    model: str
    precision: str
    file: Path
    way: str = ''
    calibration: Optional[Path] = None


@dataclass(frozen=True)
class Bench:
    """How it is measured; without labels there is no mIoU."""

    images: Path
    labels: Optional[Path] = None
    engine: str = TENSORRT
    repeat: int = 1
    cache: Optional[Path] = None


def plans(models: Sequence[str], precisions: Sequence[str], engine: str) -> List[Plan]:
    """
    Plan every model, a path or a shipped name, in every precision.

    INT8 comes from X.int8.onnx, and by TensorRT also from X.fp32.onnx with X.int8.calibration
    where that lies beside it. EngineUnavailableError where that engine is not installed.
    """
    is_tensorrt = engine == TENSORRT
    # It makes FP16 of X.fp16.onnx, and others of X.fp32.onnx.
    takes_half = is_tensorrt and is_strongly_typed(tensorrt_module())
    return [
        plan
        for model in models
        for precision in precisions
        for plan in _plans_of(find_model(model), precision, is_tensorrt, takes_half)
    ]


def measure(plan: Plan, bench: Bench) -> Measured:
    """Build, where the engine is built, and benchmark."""
    done, file = Measured(plan.model, plan.precision, plan.way, plan.file.name), plan.file
    if not file.is_file():
        return replace(done, failure=f'{file} is not there; {_MAKERS[plan.precision]} makes it')
    try:
        if bench.engine == TENSORRT:
            build = _last_line(_build_words(plan, bench))
            done, file = replace(done, build=build), Path(build['engine'])
        return replace(done, report=_last_line(_benchmark_words(plan, file, bench)))
    except SwiftnetError as error:
        return replace(done, failure=str(error))


def _plans_of(file: Path, precision: str, is_tensorrt: bool, takes_half: bool) -> Iterator[Plan]:
    name, source = model_name(file), sibling(file, 'fp32')
    if not source.is_file():
        # A file whose name follows no rule of pairs is its own source.
        source = file
    if precision != 'int8':
        half = precision == 'fp16' and takes_half
        yield Plan(name, precision, sibling(file, 'fp16') if half else source)
        return
    quantized = sibling(file, 'int8')
    table = quantized.with_suffix('.calibration')
    is_implicit = is_tensorrt and table.is_file()
    if quantized.is_file() or not is_implicit:
        yield Plan(name, precision, quantized, EXPLICIT)
    if is_implicit:
        yield Plan(name, precision, source, IMPLICIT, table)


def _build_words(plan: Plan, bench: Bench) -> List[str]:
    words = ['swiftnet_ros.build_engine', str(plan.file), '--precision', plan.precision, '--json']
    words += ['--calibration', str(plan.calibration)] if plan.calibration else []
    return words + (['--cache', str(bench.cache)] if bench.cache else [])


def _benchmark_words(plan: Plan, file: Path, bench: Bench) -> List[str]:
    words = ['swiftnet_ros.benchmark', '--no-ros', '--model', str(file)]
    words += ['--engine', bench.engine, '--precision', _asked(plan.precision, file)]
    words += ['--images', str(bench.images), '--repeat', str(bench.repeat)]
    return words + (['--labels', str(bench.labels)] if bench.labels else [])


def _asked(precision: str, file: Path) -> str:
    """Give the precision to open a file in; a quantized or built one says it itself."""
    return 'auto' if precision == 'int8' or file.suffix == SUFFIX else precision


def _last_line(words: Sequence[str]) -> Dict[str, Any]:
    """Run a module of this package; give the JSON object of its last line."""
    done = subprocess.run(
        [sys.executable, '-m', *words],
        capture_output=True,
        text=True,
    )
    answer, is_error = _parsed(done.stdout), done.returncode != 0
    if is_error or answer is None:
        raise ReportedError(_complaint(words[0], done.returncode, done.stderr))
    return answer


def _parsed(output: str) -> Optional[Dict[str, Any]]:
    try:
        answer = json.loads(output.splitlines()[-1])
    except (ValueError, IndexError):
        return None
    return answer if isinstance(answer, dict) else None


def _complaint(module: str, code: int, log: str) -> str:
    lines = [line for line in log.splitlines() if line.strip()]
    errors = [line.partition(_ERROR)[2] for line in lines if line.startswith(_ERROR)]
    if errors:
        return errors[-1]
    return f'{module} ended with code {code}: {lines[-1] if lines else "it said nothing"}'


def split_precisions(text: str) -> Tuple[str, ...]:
    """Read `fp16,int8`."""
    return tuple(part.strip() for part in text.split(',') if part.strip())
