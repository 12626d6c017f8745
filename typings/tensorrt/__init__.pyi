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
A stub of TensorRT with the names that this package uses, of versions 8.5 to 11.

Names that some versions lack are listed in test/package/test_typings.py; the code checks for them
with hasattr.
"""

from typing import Any

__version__: str

class BuilderFlag:
    FP16: BuilderFlag
    GPU_FALLBACK: BuilderFlag
    INT8: BuilderFlag
    OBEY_PRECISION_CONSTRAINTS: BuilderFlag
    TF32: BuilderFlag

class ComputeCapability:
    CURRENT: ComputeCapability

class DataType:
    FLOAT: DataType
    HALF: DataType
    INT32: DataType
    INT64: DataType
    INT8: DataType
    UINT8: DataType

class DeviceType:
    DLA: DeviceType

class LayerInformationFormat:
    JSON: LayerInformationFormat

class LayerType:
    CONVOLUTION: LayerType
    DECONVOLUTION: LayerType
    FULLY_CONNECTED: LayerType
    MATRIX_MULTIPLY: LayerType

class MemoryPoolType:
    WORKSPACE: MemoryPoolType

class NetworkDefinitionCreationFlag:
    EXPLICIT_BATCH: NetworkDefinitionCreationFlag
    STRONGLY_TYPED: NetworkDefinitionCreationFlag
    def __int__(self) -> int: ...

class ProfilingVerbosity:
    DETAILED: ProfilingVerbosity

class TensorIOMode:
    INPUT: TensorIOMode
    OUTPUT: TensorIOMode

class ILogger:
    class Severity:
        ERROR: ILogger.Severity
        INTERNAL_ERROR: ILogger.Severity

    def __init__(self) -> None: ...

class IErrorRecorder:
    def __init__(self) -> None: ...

class IProgressMonitor:
    def __init__(self) -> None: ...

class IProfiler:
    def __init__(self) -> None: ...

class IInt8EntropyCalibrator2:
    def __init__(self) -> None: ...

class IInt8MinMaxCalibrator:
    def __init__(self) -> None: ...

class IHostMemory:
    nbytes: int
    def __buffer__(self, flags: int, /) -> memoryview: ...

class ITimingCache:
    def serialize(self) -> IHostMemory: ...

class ITensor:
    name: str
    def set_dynamic_range(self, min: float, max: float) -> bool: ...

class ILayer:
    name: str
    num_outputs: int
    precision: DataType
    type: LayerType
    def get_output(self, index: int) -> ITensor: ...

class INetworkDefinition:
    num_layers: int
    def get_layer(self, index: int) -> ILayer: ...

class IBuilderConfig:
    DLA_core: int
    default_device_type: DeviceType
    int8_calibrator: Any
    num_compute_capabilities: int
    profiling_verbosity: ProfilingVerbosity
    progress_monitor: IProgressMonitor
    def can_run_on_DLA(self, layer: ILayer) -> bool: ...
    def clear_flag(self, flag: BuilderFlag) -> None: ...
    def create_timing_cache(self, serialized_timing_cache: bytes) -> ITimingCache | None: ...
    def set_compute_capability(self, capability: ComputeCapability, index: int) -> bool: ...
    def set_flag(self, flag: BuilderFlag) -> None: ...
    def set_memory_pool_limit(self, pool: MemoryPoolType, pool_size: int) -> None: ...
    def set_timing_cache(self, cache: ITimingCache, ignore_mismatch: bool) -> bool: ...

class Builder:
    num_DLA_cores: int
    def __init__(self, logger: ILogger) -> None: ...
    def build_serialized_network(
        self, network: INetworkDefinition, config: IBuilderConfig
    ) -> IHostMemory | None: ...
    def create_builder_config(self) -> IBuilderConfig: ...
    def create_network(self, flags: int) -> INetworkDefinition: ...

class ParserError:
    def desc(self) -> str: ...
    def node(self) -> int: ...

class OnnxParser:
    num_errors: int
    def __init__(self, network: INetworkDefinition, logger: ILogger) -> None: ...
    def get_error(self, index: int) -> ParserError: ...
    def parse(self, model: bytes) -> bool: ...
    def supports_operator(self, op_name: str) -> bool: ...

class EngineInspector:
    def get_engine_information(self, format: LayerInformationFormat) -> str: ...

class IExecutionContext:
    error_recorder: IErrorRecorder | None
    profiler: IProfiler | None
    def execute_async_v3(self, stream_handle: int) -> bool: ...
    def set_tensor_address(self, name: str, memory: int) -> bool: ...

class ICudaEngine:
    device_memory_size: int
    device_memory_size_v2: int
    num_io_tensors: int
    def create_engine_inspector(self) -> EngineInspector: ...
    def create_execution_context(self) -> IExecutionContext | None: ...
    def get_tensor_dtype(self, name: str) -> DataType: ...
    def get_tensor_mode(self, name: str) -> TensorIOMode: ...
    def get_tensor_name(self, index: int) -> str: ...
    def get_tensor_shape(self, name: str) -> tuple[int, ...]: ...

class Runtime:
    error_recorder: IErrorRecorder | None
    def __init__(self, logger: ILogger) -> None: ...
    def deserialize_cuda_engine(self, serialized_engine: bytes) -> ICudaEngine | None: ...
