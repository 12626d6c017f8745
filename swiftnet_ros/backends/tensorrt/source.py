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

"""Decide which file of a model TensorRT builds an engine from, in which precision."""

from dataclasses import dataclass
from pathlib import Path
from typing import Optional, TYPE_CHECKING

from swiftnet_ros.backends.options import AUTO, BackendOptions
from swiftnet_ros.backends.tensorrt.api import has_calibrators, is_strongly_typed, tensorrt_module
from swiftnet_ros.errors import InvalidModelError, InvalidValueError, listing, MissingOptionError
from swiftnet_ros.model_spec import ModelFile
from swiftnet_ros.model_spec.find_model import sibling

if TYPE_CHECKING:
    import onnx
    from swiftnet_ros.backends.tensorrt.api import TensorRt

PRECISIONS = (AUTO, 'fp32', 'fp16', 'int8')
_FP16_COMMAND = 'python -m training fp16 {fp32} -o {fp16}'
_INT8_COMMAND = 'python -m training quantize {fp32} --images DIR -o {int8}'


@dataclass(frozen=True)
class Source:
    """
    A model and how an engine is built from it.

    `precision` is fp32, fp16 or int8; `is_explicit` for a file with Q/DQ pairs; `calibration` is
    set for implicit INT8 only.
    """

    model: ModelFile
    precision: str
    is_explicit: bool
    calibration: Optional[Path]

    @property
    def graph(self) -> 'onnx.ModelProto':
        """Return the parsed ONNX file."""
        assert self.model.graph is not None, 'an engine is built from an ONNX file only'
        return self.model.graph


def file_precision(options: BackendOptions) -> str:
    """Return which file of a pair suits the options, empty for the default one."""
    needs_float = (
        options.precision not in (AUTO, 'int8')
        or options.calibration_path is not None
        or options.dla_core is not None
    )
    if not needs_float:
        return '' if options.precision == AUTO else 'int8'
    if options.precision == 'fp16' and is_strongly_typed(tensorrt_module(options.module)):
        return 'fp16'
    return 'fp32'


def choose_source(trt: 'TensorRt', model: ModelFile, options: BackendOptions) -> Source:
    """Decide how an engine of a model is built; a SwiftnetError if this TensorRT cannot."""
    if options.precision not in PRECISIONS:
        expected = f'one of {listing(PRECISIONS)} with engine tensorrt'
        raise InvalidValueError('precision', options.precision, expected)
    found = model.precision
    precision = options.precision
    if precision == AUTO:
        precision = _fastest(trt, options, found)
    _check_options(trt, options, precision)
    if found == 'int8':
        _check_quantized(trt, options, model.path, precision)
    elif found != precision or options.dla_core is not None:
        _check_float_model(trt, options, model.path, found, precision)
    is_explicit = found == 'int8'
    if precision == 'int8' and not is_explicit and options.calibration_path is None:
        raise InvalidModelError(model.path, _no_scales(model.path))
    return Source(model, precision, is_explicit, options.calibration_path)


def _fastest(trt: 'TensorRt', options: BackendOptions, found: str) -> str:
    if found != 'fp32':
        return found
    if options.calibration_path is not None:
        return 'int8'
    return found if is_strongly_typed(trt) else 'fp16'


def _check_options(trt: 'TensorRt', options: BackendOptions, precision: str) -> None:
    """Raise InvalidValueError for options that this TensorRT lacks or that contradict."""
    if options.calibration_path is not None and precision != 'int8':
        raise MissingOptionError('calibration', 'precision int8')
    if options.obey_precision and not hasattr(trt.BuilderFlag, 'OBEY_PRECISION_CONSTRAINTS'):
        expected = 'False: this TensorRT is strongly typed: the ONNX file sets the precision'
        raise InvalidValueError('obey_precision', True, expected)
    if options.compute_capability and not hasattr(trt.IBuilderConfig, 'set_compute_capability'):
        expected = 'none: this TensorRT builds for the GPU of this computer'
        raise InvalidValueError('compute_capability', options.compute_capability, expected)
    if options.dla_core is not None and precision == 'fp32':
        raise InvalidValueError('precision', precision, 'fp16 or int8, all that a DLA computes in')


def _check_quantized(trt: 'TensorRt', options: BackendOptions, path: Path, precision: str) -> None:
    """Raise InvalidModelError for a file with Q/DQ pairs unless it is for explicit INT8."""
    wanted = None
    if options.dla_core is not None:
        wanted = 'a DLA'
    elif options.calibration_path is not None:
        wanted = 'INT8 by calibration'
    elif precision != 'int8':
        wanted = precision
    if wanted is None:
        return
    needs_fp16_file = is_strongly_typed(trt) and precision == 'fp16'
    right = _named(path, 'fp16' if needs_fp16_file else 'fp32', _FP16_COMMAND)
    reason = f'it has Q/DQ pairs, but {wanted} needs a float file; use {right}'
    raise InvalidModelError(path, reason)


def _check_float_model(
    trt: 'TensorRt', options: BackendOptions, path: Path, found: str, precision: str
) -> None:
    """Raise InvalidModelError for a float file that this TensorRT cannot convert."""
    if found == 'fp16':
        wanted = 'a DLA' if precision == found else precision
        right = _named(path, 'fp32', '')
        raise InvalidModelError(path, f'it is fp16, but {wanted} needs an fp32 file; use {right}')
    if options.dla_core is not None and is_strongly_typed(trt):
        reason = 'DLA is not supported by strongly typed TensorRT; run without a DLA'
        raise InvalidModelError(path, reason)
    if precision == 'int8' and not has_calibrators(trt):
        right = _named(path, 'int8', _INT8_COMMAND)
        reason = f'this TensorRT has no calibrators and needs Q/DQ pairs for INT8; use {right}'
        raise InvalidModelError(path, reason)
    if precision == 'fp16' and is_strongly_typed(trt):
        right = _named(path, 'fp16', _FP16_COMMAND)
        reason = (
            'this TensorRT is strongly typed: the ONNX file sets the precision, here fp32; '
            f'use {right}'
        )
        raise InvalidModelError(path, reason)


def _no_scales(path: Path) -> str:
    quantized = sibling(path, 'int8')
    tables = quantized.with_suffix('.calibration')
    command = _INT8_COMMAND.format(fp32=path, int8=quantized)
    return (
        f'INT8 of an fp32 file needs --calibration {tables} (or a folder of images); use that or '
        f'{quantized}, created with: {command} --tensorrt-tables'
    )


def _named(path: Path, precision: str, command: str) -> str:
    """Return the right file, and the command that creates it if it does not exist."""
    right = sibling(path, precision)
    if right.is_file() or not command:
        return str(right)
    names = {name: sibling(path, name) for name in ('fp32', 'fp16', 'int8')}
    return f'{right}, created with: {command.format(**names)}'
