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

"""Choose the builder flags of an engine, which are part of its identity, and apply them."""

from typing import Tuple, TYPE_CHECKING

from swiftnet_ros.backends.options import BackendOptions
from swiftnet_ros.backends.tensorrt.api import is_strongly_typed
from swiftnet_ros.backends.tensorrt.source import Source

if TYPE_CHECKING:
    from swiftnet_ros.backends.tensorrt.api import TensorRt, tensorrt

# Changes when this package builds another engine of the same options.
RECIPE = 1
_OFF = 'no '
# The layers that must run in the precision; only TensorRT before 10 has the last.
_CONSTRAINED = ('CONVOLUTION', 'DECONVOLUTION', 'MATRIX_MULTIPLY', 'FULLY_CONNECTED')
_DATA_TYPES = {'fp32': 'FLOAT', 'fp16': 'HALF', 'int8': 'INT8'}
_MEGABYTE = 1 << 20


def flag_names(trt: 'TensorRt', options: BackendOptions, source: Source) -> Tuple[str, ...]:
    """
    Return the names of the builder flags; `no X` is a default flag to clear.

    Precision fp32 excludes TensorFloat-32; int8 runs in FP16 what is not quantized.
    """
    names = []
    if not is_strongly_typed(trt):
        names += {'fp32': [], 'fp16': ['FP16'], 'int8': ['INT8', 'FP16']}[source.precision]
    if options.precision == 'fp32' and hasattr(trt.BuilderFlag, 'TF32'):
        names.append(f'{_OFF}TF32')
    if options.dla_core is not None:
        names.append('GPU_FALLBACK')
    if options.obey_precision:
        names.append('OBEY_PRECISION_CONSTRAINTS')
    return tuple(names)


def option_texts(trt: 'TensorRt', options: BackendOptions, source: Source) -> Tuple[str, ...]:
    """Return everything that an engine depends on besides files, for its identity."""
    texts = [f'recipe {RECIPE}', *flag_names(trt, options, source)]
    if options.workspace_mb:
        texts.append(f'workspace {options.workspace_mb} MB')
    if source.calibration is not None and source.calibration.is_dir():
        texts.append(f'calibrator {options.calibrator}')
    return tuple(texts)


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
    trt: 'TensorRt', config: 'tensorrt.IBuilderConfig', options: BackendOptions
) -> None:
    """Limit the GPU memory that the builder may use for one layer."""
    if options.workspace_mb:
        limit = options.workspace_mb * _MEGABYTE
        config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, limit)


def require_precision(
    trt: 'TensorRt', network: 'tensorrt.INetworkDefinition', source: Source
) -> None:
    """Require the precision of every layer with weights; Q/DQ pairs require theirs themselves."""
    if source.is_explicit:
        return
    kinds = [getattr(trt.LayerType, name, None) for name in _CONSTRAINED]
    for index in range(network.num_layers):
        layer = network.get_layer(index)
        if layer.type in kinds:
            layer.precision = getattr(trt.DataType, _DATA_TYPES[source.precision])
