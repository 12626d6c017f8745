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
The TensorRT that is installed, and what it has.

TensorRT 8.5 to 11 differ in what they have; each difference is asked of the module itself, never
of its version.
"""

from importlib import import_module
from typing import Any, cast, TYPE_CHECKING

from swiftnet_ros.errors import EngineUnavailableError, one_line, UnknownNameError

if TYPE_CHECKING:
    from typing import Protocol, Type

    import tensorrt as tensorrt

    class TensorRt(Protocol):
        """`tensorrt` or `tensorrt_rtx`."""

        __version__: str
        Builder: Type[tensorrt.Builder]
        BuilderFlag: Type[tensorrt.BuilderFlag]
        ComputeCapability: Type[tensorrt.ComputeCapability]
        DataType: Type[tensorrt.DataType]
        DeviceType: Type[tensorrt.DeviceType]
        IBuilderConfig: Type[tensorrt.IBuilderConfig]
        IErrorRecorder: Type[tensorrt.IErrorRecorder]
        IInt8EntropyCalibrator2: Type[tensorrt.IInt8EntropyCalibrator2]
        IInt8MinMaxCalibrator: Type[tensorrt.IInt8MinMaxCalibrator]
        ILogger: Type[tensorrt.ILogger]
        IProgressMonitor: Type[tensorrt.IProgressMonitor]
        LayerInformationFormat: Type[tensorrt.LayerInformationFormat]
        LayerType: Type[tensorrt.LayerType]
        MemoryPoolType: Type[tensorrt.MemoryPoolType]
        NetworkDefinitionCreationFlag: Type[tensorrt.NetworkDefinitionCreationFlag]
        OnnxParser: Type[tensorrt.OnnxParser]
        ProfilingVerbosity: Type[tensorrt.ProfilingVerbosity]
        Runtime: Type[tensorrt.Runtime]
        TensorIOMode: Type[tensorrt.TensorIOMode]


TENSORRT = 'tensorrt'
# module -> where it comes from
_SOURCES = {
    TENSORRT: 'it comes with JetPack (use a virtual environment with --system-site-packages); '
    'elsewhere: pip install tensorrt',
    'tensorrt_rtx': 'pip install tensorrt-rtx-cu13',
}


def tensorrt_module(name: str = TENSORRT) -> 'TensorRt':
    """Import `tensorrt`, or `tensorrt_rtx` where it is asked for."""
    if name not in _SOURCES:
        raise UnknownNameError('TensorRT module', name, _SOURCES)
    try:
        return cast('TensorRt', import_module(name))
    # A library that is missing or does not fit is an OSError or a RuntimeError.
    except (ImportError, OSError, RuntimeError) as error:
        why = f'{one_line(error)}; {_SOURCES[name]}'
        raise EngineUnavailableError(name, why) from error


def is_strongly_typed(trt: 'TensorRt') -> bool:
    """Tell whether every layer computes as the file says, since there are no flags for it."""
    return not hasattr(trt.BuilderFlag, 'FP16')


def has_calibrators(trt: 'TensorRt') -> bool:
    """Tell whether INT8 can be had from an FP32 file and scales."""
    return hasattr(trt.BuilderFlag, 'INT8') and hasattr(trt, 'IInt8EntropyCalibrator2')


def wants_float_weights(trt: 'TensorRt') -> bool:
    """Tell whether the parser reads quantized weights as FP32 behind a quantizer only."""
    # The data types of TensorRT 10 came with constants of INT8.
    return not hasattr(trt.DataType, 'INT64')


def has_flag(trt: 'TensorRt', name: str) -> bool:
    """Tell whether a builder flag of that name exists."""
    return hasattr(trt.BuilderFlag, name)


def derive(base: Any, behaviour: type, *arguments: Any) -> Any:
    """
    Make an object that TensorRT calls: of one of its interfaces, with the methods of a class.

    The interface is known only once the module is.
    """

    def begin(self: Any, *arguments: Any) -> None:
        # TensorRT refuses an object whose own part was not begun.
        base.__init__(self)
        vars(behaviour)['__init__'](self, *arguments)

    kind: Any = type(behaviour.__name__, (behaviour, base), {'__init__': begin})
    return kind(*arguments)
