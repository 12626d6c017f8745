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

"""Which file an engine is made of: the right one of a pair, or an error that names it."""

from dataclasses import dataclass
from pathlib import Path
import re
from typing import Optional, TYPE_CHECKING

from swiftnet_ros.backends.tensorrt.api import has_calibrators, is_strongly_typed
from swiftnet_ros.backends.tensorrt.request import BuildRequest
from swiftnet_ros.errors import InvalidModelError, InvalidValueError
from swiftnet_ros.model_spec import ModelSpec, read_model, read_spec
from swiftnet_ros.model_spec.find_model import find_model
from swiftnet_ros.model_spec.qdq import is_quantized

if TYPE_CHECKING:
    from swiftnet_ros.backends.tensorrt.api import TensorRt

_ENDING = '.onnx'
_ENDINGS = re.compile(r'(\.(fp32|fp16|int8))?\.onnx$')
_HALF = 'python -m training fp16 {fp32} -o {fp16}'
_QUANTIZE = 'python -m training quantize {fp32} --images DIR -o {int8}'


@dataclass(frozen=True)
class Source:
    """
    A file and how an engine is made of it.

    `precision` is fp32, fp16 or int8; `explicit` is a file with Q/DQ pairs; `calibration` is set
    for implicit INT8 and for nothing else.
    """

    path: Path
    spec: ModelSpec
    precision: str
    explicit: bool
    calibration: Optional[Path]


def choose_source(trt: 'TensorRt', request: BuildRequest) -> Source:
    """Find the file of a request and hold it to what this TensorRT makes of such a file."""
    path = _find(trt, request)
    spec = read_spec(path)
    found = 'int8' if is_quantized(read_model(path)) else spec.precision
    precision = request.precision
    if precision == 'best':
        precision = _fastest(trt, request, found)
    _check_words(trt, request, precision)
    if found == 'int8':
        _check_quantized(trt, request, path, precision)
    elif found != precision or request.dla is not None:
        _check_converted(trt, request, path, found, precision)
    explicit = found == 'int8'
    if precision == 'int8' and not explicit and request.calibration is None:
        raise InvalidModelError(path, _no_scales(path))
    return Source(path, spec, precision, explicit, request.calibration)


def sibling(path: Path, precision: str) -> Path:
    """Name the file of another precision beside X.fp32.onnx, X.fp16.onnx or X.int8.onnx."""
    return path.with_name(f'{model_name(path)}.{precision}{_ENDING}')


def model_name(path: Path) -> str:
    """Give what the files of a model have in common: X of X.fp32.onnx."""
    return _ENDINGS.sub('', path.name)


def _find(trt: 'TensorRt', request: BuildRequest) -> Path:
    """Give the file of a model; by a bare name the one of the pair that suits the precision."""
    path = find_model(request.model)
    wants_float = (
        request.precision in ('fp32', 'fp16')
        or request.calibration is not None
        or request.dla is not None
    )
    if path == Path(request.model) or not wants_float:
        return path
    half = is_strongly_typed(trt) and request.precision == 'fp16'
    other = sibling(path, 'fp16' if half else 'fp32')
    return other if other.is_file() else path


def _fastest(trt: 'TensorRt', request: BuildRequest, found: str) -> str:
    if found != 'fp32':
        return found
    if request.calibration is not None:
        return 'int8'
    return found if is_strongly_typed(trt) else 'fp16'


def _check_words(trt: 'TensorRt', request: BuildRequest, precision: str) -> None:
    """Refuse options that do not go together, or that this TensorRT does not have."""
    if request.calibration is not None and precision != 'int8':
        raise InvalidValueError('calibration', str(request.calibration), 'precision int8 with it')
    if request.obey_precision and not hasattr(trt.BuilderFlag, 'OBEY_PRECISION_CONSTRAINTS'):
        expected = 'it to be left out: this TensorRT always computes as the file says'
        raise InvalidValueError('obey-precision', True, expected)
    if request.compute_capability and not hasattr(trt.IBuilderConfig, 'set_compute_capability'):
        expected = 'it to be left out: this TensorRT builds for the GPU that is here'
        raise InvalidValueError('compute capability', request.compute_capability, expected)
    if request.dla is not None and precision == 'fp32':
        raise InvalidValueError('precision', precision, 'fp16 or int8, all that a DLA computes in')


def _check_quantized(trt: 'TensorRt', request: BuildRequest, path: Path, precision: str) -> None:
    """Refuse a file with Q/DQ pairs for all but explicit INT8."""
    asked = None
    if request.dla is not None:
        asked = 'a DLA'
    elif request.calibration is not None:
        asked = 'INT8 by calibration'
    elif precision != 'int8':
        asked = precision
    if asked is None:
        return
    half = is_strongly_typed(trt) and precision == 'fp16'
    right = _named(path, 'fp16' if half else 'fp32', _HALF)
    raise InvalidModelError(path, f'it has Q/DQ pairs, of which {asked} is not built; use {right}')


def _check_converted(
    trt: 'TensorRt', request: BuildRequest, path: Path, found: str, precision: str
) -> None:
    """Refuse a float file for a precision, or a DLA, that is not made of it."""
    if found == 'fp16':
        what = 'a DLA' if precision == found else precision
        right = _named(path, 'fp32', '')
        raise InvalidModelError(path, f'it is fp16, of which {what} is not built; use {right}')
    if request.dla is not None and is_strongly_typed(trt):
        reason = 'a DLA wants a TensorRT with flags for FP16 and INT8; leave the DLA out here'
        raise InvalidModelError(path, reason)
    if precision == 'int8' and not has_calibrators(trt):
        right = _named(path, 'int8', _QUANTIZE)
        reason = f'this TensorRT has no calibrators and makes INT8 of Q/DQ pairs only; use {right}'
        raise InvalidModelError(path, reason)
    if precision == 'fp16' and is_strongly_typed(trt):
        right = _named(path, 'fp16', _HALF)
        reason = f'this TensorRT computes as the file says, which is fp32; use {right}'
        raise InvalidModelError(path, reason)


def _no_scales(path: Path) -> str:
    quantized = sibling(path, 'int8')
    tables = quantized.with_suffix('.calibration')
    command = _QUANTIZE.format(fp32=path, int8=quantized)
    return (
        f'INT8 of an fp32 file needs --calibration {tables} (or a folder of images); use that or '
        f'{quantized}, made with: {command} --tensorrt-tables'
    )


def _named(path: Path, precision: str, command: str) -> str:
    """Name the right file, and what makes it where it is not there."""
    right = sibling(path, precision)
    if right.is_file() or not command:
        return str(right)
    names = {name: sibling(path, name) for name in ('fp32', 'fp16', 'int8')}
    return f'{right}, made with: {command.format(**names)}'
