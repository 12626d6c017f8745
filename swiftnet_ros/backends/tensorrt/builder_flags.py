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

"""Builder flags by name: a pure choice, kept in the engine's identity, and its application."""

from typing import Tuple, TYPE_CHECKING

from swiftnet_ros.backends.tensorrt.api import has_flag, is_strongly_typed
from swiftnet_ros.backends.tensorrt.request import BuildRequest
from swiftnet_ros.backends.tensorrt.source import Source

if TYPE_CHECKING:
    from swiftnet_ros.backends.tensorrt.api import TensorRt, tensorrt

# Counts what these rooms make of the same request: another number is another engine.
RECIPE = 1
_OFF = 'no '
# The layers that a precision is demanded of; TensorRT before 10 has the last.
_CONSTRAINED = ('CONVOLUTION', 'DECONVOLUTION', 'MATRIX_MULTIPLY', 'FULLY_CONNECTED')
_DATA_TYPES = {'fp32': 'FLOAT', 'fp16': 'HALF', 'int8': 'INT8'}
_MEGABYTE = 1 << 20


def flag_names(trt: 'TensorRt', request: BuildRequest, source: Source) -> Tuple[str, ...]:
    """
    Choose the builder flags; `no X` is a default flag to clear.

    FP32 that is asked for is FP32, without TensorFloat-32; INT8 computes in FP16 what is not
    quantized.
    """
    names = []
    if not is_strongly_typed(trt):
        names += {'fp32': [], 'fp16': ['FP16'], 'int8': ['INT8', 'FP16']}[source.precision]
    if request.precision == 'fp32' and has_flag(trt, 'TF32'):
        names.append(f'{_OFF}TF32')
    if request.dla is not None:
        names.append('GPU_FALLBACK')
    if request.obey_precision:
        names.append('OBEY_PRECISION_CONSTRAINTS')
    return tuple(names)


def option_texts(trt: 'TensorRt', request: BuildRequest, source: Source) -> Tuple[str, ...]:
    """Give everything besides files that an engine depends on, for its identity."""
    options = [f'recipe {RECIPE}', *flag_names(trt, request, source)]
    if request.workspace_mb:
        options.append(f'workspace {request.workspace_mb} MB')
    if source.calibration is not None and source.calibration.is_dir():
        options.append(f'calibrator {request.calibrator}')
    return tuple(options)


def apply_flags(
    trt: 'TensorRt', config: 'tensorrt.IBuilderConfig', names: Tuple[str, ...]
) -> None:
    """Set and clear builder flags."""
    for name in names:
        if name.startswith(_OFF):
            config.clear_flag(getattr(trt.BuilderFlag, name.split()[-1]))
        else:
            config.set_flag(getattr(trt.BuilderFlag, name))


def apply_memory(
    trt: 'TensorRt', config: 'tensorrt.IBuilderConfig', request: BuildRequest
) -> None:
    """Limit the memory that a layer may use while it computes."""
    if request.workspace_mb:
        limit = request.workspace_mb * _MEGABYTE
        config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, limit)


def demand_precision(
    trt: 'TensorRt', network: 'tensorrt.INetworkDefinition', source: Source
) -> None:
    """Demand a precision of every layer that multiplies; Q/DQ pairs demand theirs themselves."""
    if source.explicit:
        return
    kinds = [getattr(trt.LayerType, name, None) for name in _CONSTRAINED]
    for index in range(network.num_layers):
        layer = network.get_layer(index)
        if layer.type in kinds:
            layer.precision = getattr(trt.DataType, _DATA_TYPES[source.precision])
