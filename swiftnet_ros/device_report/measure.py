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

"""Build and benchmark models in processes of their own, so that a failure stops no other."""

from dataclasses import dataclass, replace
from pathlib import Path
import subprocess
import sys
from typing import Iterator, List, Optional, Sequence, Tuple

from swiftnet_ros.backends.tensorrt.api import is_strongly_typed, tensorrt_module
from swiftnet_ros.backends.tensorrt.engine_file import SUFFIX
from swiftnet_ros.device_report.table import DeviceMeasurement, DeviceReportTree
from swiftnet_ros.errors import InvalidTextError, ReportedError, SwiftnetError
from swiftnet_ros.model_spec.find_model import find_model, model_name, sibling
from swiftnet_ros.system.json_reader import parse_json

TENSORRT = 'tensorrt'
EXPLICIT, IMPLICIT = 'explicit', 'implicit'
_COMMANDS = {
    'int8': 'python -m training quantize --tensorrt-tables',
    'fp16': 'python -m training fp16',
}
_ERROR = 'error: '


@dataclass(frozen=True)
class MeasurementPlan:
    """A model to measure in one precision; `calibration` is the table of implicit INT8."""

    model: str
    precision: str
    file: Path
    int8_mode: str = ''
    calibration: Optional[Path] = None


@dataclass(frozen=True)
class BenchmarkSettings:
    """How models are measured; without labels there is no mIoU."""

    images: Path
    labels: Optional[Path] = None
    engine: str = TENSORRT
    repeat: int = 1
    cache: Optional[Path] = None
    allow_unpaired: bool = False
    with_layers: bool = False


def plans(models: Sequence[str], precisions: Sequence[str], engine: str) -> List[MeasurementPlan]:
    """
    Return the plans of all models, each a path or a shipped name, in all precisions.

    INT8 is explicit from X.int8.onnx and, by TensorRT, also implicit from X.fp32.onnx with
    X.int8.calibration next to it. Raise EngineUnavailableError if TensorRT is not installed.
    """
    is_tensorrt = engine == TENSORRT
    # A strongly typed TensorRT builds FP16 from X.fp16.onnx, older versions from X.fp32.onnx.
    needs_fp16_file = is_tensorrt and is_strongly_typed(tensorrt_module())
    return [
        plan
        for model in models
        for precision in precisions
        for plan in _plans_of(find_model(model), precision, is_tensorrt, needs_fp16_file)
    ]


def measure(plan: MeasurementPlan, settings: BenchmarkSettings) -> DeviceMeasurement:
    """Build the engine if TensorRT is measured, run the benchmark, and return its report."""
    done = DeviceMeasurement(plan.model, plan.precision, plan.int8_mode, plan.file.name)
    file = plan.file
    if not file.is_file():
        failure = f'{file} does not exist; create it with {_COMMANDS[plan.precision]}'
        return replace(done, failure=failure)
    try:
        if settings.engine == TENSORRT:
            build = _run_json(_build_arguments(plan, settings))
            done, file = replace(done, build=build), Path(build['engine'])
        return replace(done, report=_run_json(_benchmark_arguments(plan, file, settings)))
    except SwiftnetError as error:
        return replace(done, failure=str(error))


def _plans_of(
    file: Path, precision: str, is_tensorrt: bool, needs_fp16_file: bool
) -> Iterator[MeasurementPlan]:
    name, source = model_name(file), sibling(file, 'fp32')
    if not source.is_file():
        # The model is not part of a pair.
        source = file
    if precision != 'int8':
        is_fp16_file = precision == 'fp16' and needs_fp16_file
        yield MeasurementPlan(name, precision, sibling(file, 'fp16') if is_fp16_file else source)
        return
    quantized = sibling(file, 'int8')
    table = quantized.with_suffix('.calibration')
    is_implicit = is_tensorrt and table.is_file()
    if quantized.is_file() or not is_implicit:
        yield MeasurementPlan(name, precision, quantized, EXPLICIT)
    if is_implicit:
        yield MeasurementPlan(name, precision, source, IMPLICIT, table)


def _build_arguments(plan: MeasurementPlan, settings: BenchmarkSettings) -> List[str]:
    arguments = ['swiftnet_ros.build_engine', str(plan.file), '--json']
    arguments += ['--precision', plan.precision]
    arguments += ['--calibration', str(plan.calibration)] if plan.calibration else []
    return arguments + (['--cache', str(settings.cache)] if settings.cache else [])


def _benchmark_arguments(
    plan: MeasurementPlan, file: Path, settings: BenchmarkSettings
) -> List[str]:
    precision = _precision_option(plan.precision, file)
    arguments = ['swiftnet_ros.benchmark', '--no-ros', '--model', str(file)]
    arguments += ['--engine', settings.engine, '--precision', precision]
    arguments += ['--images', str(settings.images), '--repeat', str(settings.repeat)]
    arguments += ['--labels', str(settings.labels)] if settings.labels else []
    arguments += ['--profile'] if settings.with_layers else []
    return arguments + (['--allow-unpaired'] if settings.allow_unpaired else [])


def _precision_option(precision: str, file: Path) -> str:
    """Return the precision option of the benchmark: a quantized or built file has its own."""
    return 'auto' if precision == 'int8' or file.suffix == SUFFIX else precision


def _run_json(arguments: Sequence[str]) -> DeviceReportTree:
    """Run a module of this package and return the JSON object of its last line."""
    command = [sys.executable, '-m', *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    result = _parse_last_line(done.stdout)
    if done.returncode != 0 or result is None:
        raise ReportedError(_error_text(arguments[0], done.returncode, done.stderr))
    return result


def _parse_last_line(output: str) -> Optional[DeviceReportTree]:
    try:
        result = parse_json(output.splitlines()[-1], 'the last line of a command')
    except (InvalidTextError, IndexError):
        return None
    return result if isinstance(result, dict) else None


def _error_text(module: str, code: int, log: str) -> str:
    lines = [line for line in log.splitlines() if line.strip()]
    errors = [line.partition(_ERROR)[2] for line in lines if line.startswith(_ERROR)]
    if errors:
        return errors[-1]
    return f'{module} ended with exit code {code}: {lines[-1] if lines else "no output"}'


def split_precisions(text: str) -> Tuple[str, ...]:
    """Return the precisions of text such as `fp16,int8`."""
    return tuple(name.strip() for name in text.split(',') if name.strip())
