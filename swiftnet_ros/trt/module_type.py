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
What a TensorRT module is to the type checker: the names of `typings/tensorrt`.

The module is chosen while the program runs, so that nothing here imports it.
"""

from typing import TYPE_CHECKING

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
