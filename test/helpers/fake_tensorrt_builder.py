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
The classes of a fake TensorRT that parse, configure and build an engine.

The engine is JSON of everything that was set on network and builder configuration.
"""

import base64
import json
from typing import Any, Dict, List

import onnx


class _Builder:
    """Creates network and configuration, and builds the engine."""

    num_DLA_cores = 2  # noqa: N815

    def __init__(self, logger: Any) -> None:
        assert isinstance(logger, self.trt_module.ILogger) and logger._is_initialized
        logger.log(self.trt_module.ILogger.Severity.INFO, 'a builder')

    def create_network(self, flags: int) -> Any:
        network = self.trt_module.INetworkDefinition()
        network._flags, network._layers, network._model = flags, [], b''
        return network

    def create_builder_config(self) -> Any:
        config = self.trt_module.IBuilderConfig()
        config._recorded, config._timings = {'flags': [], 'cleared': [], 'memory': {}}, None
        return config

    def build_serialized_network(self, network: Any, config: Any) -> Any:
        recorded = dict(config._recorded, network=_network_flags(self.trt_module, network._flags))
        recorded['layers'] = [layer._as_json() for layer in network._layers]
        recorded['model'] = base64.b64encode(network._model).decode()
        for name in ('profiling_verbosity', 'default_device_type', 'DLA_core'):
            value = vars(config).get(name)
            recorded[name] = getattr(value, 'name', value)
        recorded['calibration'] = _calibration(vars(config).get('int8_calibrator'))
        if 'progress_monitor' in vars(config):
            _report_progress(config.progress_monitor)
        return json.dumps(recorded).encode()


def _network_flags(trt: Any, flags: int) -> List[str]:
    return [kind.name for kind in trt.NetworkDefinitionCreationFlag if flags & 1 << int(kind)]


def _calibration(calibrator: Any) -> Any:
    """Call a calibrator as TensorRT does: read its cache, else image after image."""
    if calibrator is None:
        return None
    kind = type(calibrator).__mro__[2].__name__
    cache = calibrator.read_calibration_cache()
    addresses = []
    while cache is None:
        batch = calibrator.get_batch(['image'])
        if batch is None:
            calibrator.write_calibration_cache(b'TRT-')
            break
        addresses += batch
    text = None if cache is None else cache.decode()
    return {
        'kind': kind,
        'cache': text,
        'images': addresses,
        'batch_size': calibrator.get_batch_size(),
    }


def _report_progress(monitor: Any) -> None:
    monitor.phase_start('Building', None, 2)
    monitor.phase_start('Timing', 'Building', 4)
    for step in range(4):
        assert monitor.step_complete('Timing', step)
    monitor.phase_finish('Timing')
    monitor.step_complete('Building', 1)
    monitor.phase_finish('Building')


class _Parser:
    """Adds a layer for every node of the model."""

    def __init__(self, network: Any, logger: Any) -> None:
        self._network, self._errors = network, []

    @property
    def num_errors(self) -> int:
        return len(self._errors)

    def get_error(self, index: int) -> Any:
        return self._errors[index]

    def supports_operator(self, op_name: str) -> bool:
        return hasattr(onnx.defs, 'has') and onnx.defs.has(op_name)

    def parse(self, model: bytes) -> bool:
        self._network._model = model
        graph = onnx.load_model_from_string(model).graph
        kinds = _network_flags(self.trt_module, self._network._flags)
        if hasattr(self.trt_module.NetworkDefinitionCreationFlag, 'EXPLICIT_BATCH'):
            assert 'EXPLICIT_BATCH' in kinds
        weights = {item.name: item.data_type for item in graph.initializer}
        for index, node in enumerate(graph.node):
            reads = weights.get(node.input[0]) if node.input else None
            if reads == onnx.TensorProto.INT8 and not hasattr(self.trt_module.DataType, 'INT64'):
                return self._fail(index, 'int8 weights are not supported')
            if node.op_type == 'NonZero':
                return self._fail(index, 'its shape depends on its data')
            self._network._layers.append(_layer(self.trt_module, node))
        return True

    def _fail(self, index: int, text: str) -> bool:
        error = self.trt_module.ParserError()
        error._index, error._text = index, text
        self._errors.append(error)
        return False


class _ParserError:
    """The node at which a parser failed, and why."""

    def node(self) -> int:
        return self._index

    def desc(self) -> str:
        return self._text


def _layer(trt: Any, node: onnx.NodeProto) -> Any:
    layer = trt.ILayer()
    kinds = {'Conv': 'CONVOLUTION', 'Cast': 'CAST', 'Resize': 'RESIZE'}
    kind = kinds.get(node.op_type, 'SHUFFLE')
    layer.name = node.name or node.output[0]
    layer.type = getattr(trt.LayerType, kind if hasattr(trt.LayerType, kind) else 'SHUFFLE')
    layer.num_outputs, layer._outputs = len(node.output), []
    for name in node.output:
        tensor = trt.ITensor()
        tensor.name, tensor._range = name, None
        layer._outputs.append(tensor)
    return layer


class _Layer:
    """A layer and its output tensors."""

    def get_output(self, index: int) -> Any:
        return self._outputs[index]

    def _as_json(self) -> Dict[str, Any]:
        precision = vars(self).get('precision')
        ranges = {tensor.name: tensor._range for tensor in self._outputs}
        return {
            'name': self.name,
            'type': self.type.name,
            'precision': None if precision is None else precision.name,
            'ranges': {name: limits for name, limits in ranges.items() if limits},
        }


class _Tensor:
    """A tensor and its dynamic range."""

    def set_dynamic_range(self, low: float, high: float) -> bool:
        self._range = [low, high]
        return True


class _Network:
    """The layers that the parser added."""

    @property
    def num_layers(self) -> int:
        return len(self._layers)

    def get_layer(self, index: int) -> Any:
        return self._layers[index]


class _Config:
    """Records every setting."""

    progress_monitor = None

    def set_flag(self, flag: Any) -> None:
        assert isinstance(flag, self.trt_module.BuilderFlag)
        self._recorded['flags'].append(flag.name)

    def clear_flag(self, flag: Any) -> None:
        self._recorded['cleared'].append(flag.name)

    def set_memory_pool_limit(self, pool: Any, pool_size: int) -> None:
        self._recorded['memory'][pool.name] = pool_size

    def can_run_on_DLA(self, layer: Any) -> bool:  # noqa: N802
        return layer.type.name == 'CONVOLUTION'

    def set_compute_capability(self, capability: Any, index: int) -> bool:
        self._recorded['capability'] = capability.name
        return index == 0

    def create_timing_cache(self, content: bytes) -> Any:
        if content and not content.startswith(b'timings of '):
            return None
        cache = self.trt_module.ITimingCache()
        cache._content = content
        return cache

    def set_timing_cache(self, cache: Any, ignore_mismatch: bool) -> bool:
        mine = f'timings of {self.trt_module.__version__}'.encode()
        fits = cache._content in (b'', mine)
        self._recorded['timings'] = 'read' if cache._content else 'new'
        cache._content = mine
        return fits


class _TimingCache:
    """A timing cache, which is text here."""

    def serialize(self) -> bytes:
        return self._content


class _Runtime:
    """Deserializes the JSON that the builder wrote."""

    def __init__(self, logger: Any) -> None:
        pass

    def deserialize_cuda_engine(self, content: bytes) -> Any:
        engine = self.trt_module.ICudaEngine()
        engine._recorded = json.loads(content)
        return engine


class _Engine:
    """An engine that can only be inspected."""

    def create_engine_inspector(self) -> Any:
        return inspector_of(self.trt_module, self._recorded)


def inspector_of(trt: Any, recorded: Dict[str, Any]) -> Any:
    """Return an inspector of an engine, which is the JSON that the builder wrote."""
    inspector = trt.EngineInspector()
    inspector._recorded = recorded
    return inspector


class FakeInspector:
    """Reports convolutions as FP16 and everything else as FP32."""

    def get_engine_information(self, kind: Any) -> str:
        assert kind.name == 'JSON'
        type_of = {'CONVOLUTION': {'Type': 'Half', 'Count': 9}}
        layers = [
            {
                'Name': layer['name'],
                'LayerType': layer['type'],
                'Inputs': [{'Name': 'x', 'Format/Datatype': 'Row major linear FP32'}],
                'Weights': type_of.get(layer['type']),
            }
            for layer in self._recorded['layers']
        ]
        return json.dumps({'Layers': layers, 'Bindings': ['image', 'logits']})


class FakeInterface:
    """An interface that the code under test implements, and has to initialize."""

    def __init__(self) -> None:
        self._is_initialized = True


BUILDER_CLASSES: Dict[str, Any] = {
    'Builder': _Builder,
    'EngineInspector': FakeInspector,
    'IBuilderConfig': _Config,
    'ICudaEngine': _Engine,
    'IInt8EntropyCalibrator2': FakeInterface,
    'IInt8MinMaxCalibrator': FakeInterface,
    'ILayer': _Layer,
    'ILogger': FakeInterface,
    'INetworkDefinition': _Network,
    'IProgressMonitor': FakeInterface,
    'ITensor': _Tensor,
    'ITimingCache': _TimingCache,
    'OnnxParser': _Parser,
    'ParserError': _ParserError,
    'Runtime': _Runtime,
}
