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
Import the installed TensorRT and query its capabilities.

TensorRT 8.5 to 11 differ: each difference is detected with hasattr, never by the version number.
"""

from importlib import import_module
from typing import Any, cast, TYPE_CHECKING

from swiftnet_ros.errors import EngineUnavailableError, UnknownNameError
from swiftnet_ros.text import one_line

if TYPE_CHECKING:
    from typing import Protocol, Type

    import tensorrt as tensorrt

    class TensorRt(Protocol):
        """The module `tensorrt` or `tensorrt_rtx`, as a type."""

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
        IProfiler: Type[tensorrt.IProfiler]
        IProgressMonitor: Type[tensorrt.IProgressMonitor]
        LayerInformationFormat: Type[tensorrt.LayerInformationFormat]
        LayerType: Type[tensorrt.LayerType]
        MemoryPoolType: Type[tensorrt.MemoryPoolType]
        NetworkDefinitionCreationFlag: Type[tensorrt.NetworkDefinitionCreationFlag]
        OnnxParser: Type[tensorrt.OnnxParser]
        ProfilingVerbosity: Type[tensorrt.ProfilingVerbosity]
        Runtime: Type[tensorrt.Runtime]
        TensorIOMode: Type[tensorrt.TensorIOMode]


# module -> how to install it
_INSTALL = {
    'tensorrt': 'it comes with JetPack (use a virtual environment with --system-site-packages); '
    'elsewhere: pip install tensorrt',
    'tensorrt_rtx': 'pip install tensorrt-rtx-cu13',
}


def tensorrt_module(name: str = 'tensorrt') -> 'TensorRt':
    """
    Import and return `tensorrt` or `tensorrt_rtx`.

    Raise EngineUnavailableError if it is not installed or its libraries do not load.
    """
    if name not in _INSTALL:
        raise UnknownNameError('TensorRT module', name, _INSTALL)
    try:
        return cast('TensorRt', import_module(name))
    # A missing or incompatible library is an OSError or a RuntimeError.
    except (ImportError, OSError, RuntimeError) as error:
        why = f'{one_line(error)}; {_INSTALL[name]}'
        raise EngineUnavailableError(name, why) from error


def is_strongly_typed(trt: 'TensorRt') -> bool:
    """Return whether layers compute in the precision of the ONNX file, without builder flags."""
    return not hasattr(trt.BuilderFlag, 'FP16')


def has_calibrators(trt: 'TensorRt') -> bool:
    """Return whether an FP32 file can be built as INT8 with calibration (implicit INT8)."""
    return hasattr(trt.BuilderFlag, 'INT8') and hasattr(trt, 'IInt8EntropyCalibrator2')


def needs_float_weights(trt: 'TensorRt') -> bool:
    """
    Return whether the ONNX parser is one of TensorRT 8 or 9.

    It cannot read INT8 initializers and needs FP32 weights followed by a Q/DQ pair.
    """
    # INT8 constants came with TensorRT 10, as did this data type.
    return not hasattr(trt.DataType, 'INT64')


def implement(interface: Any, implementation: type, *arguments: Any) -> Any:
    """
    Return an object that implements an interface of TensorRT with the methods of a class.

    The class of the object is created here, since the interface is known only after the import.
    """

    def init(self: Any, *arguments: Any) -> None:
        # TensorRT rejects an object whose base class was not initialized.
        interface.__init__(self)
        vars(implementation)['__init__'](self, *arguments)

    kind: Any = type(implementation.__name__, (implementation, interface), {'__init__': init})
    return kind(*arguments)
