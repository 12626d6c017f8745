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


"""TensorRT for RTX, which needs no GPU to build, builds every kind of INT8 and FP16 file."""

from pathlib import Path
from types import ModuleType

from helpers.checkout import ROOT
from helpers.tiny_quantized import calibrated, export_tiny, MODELS
import numpy as np
import onnx
from onnx import numpy_helper
import pytest
from swiftnet_ros.errors import InvalidModelError
from swiftnet_ros.model_spec import read_model
from swiftnet_ros.model_spec.find_model import shipped_models
from swiftnet_ros.model_spec.qdq import check_pairs, with_float_weights
from training.quantization.fp16 import to_fp16

SHIPPED = ROOT / 'models'
NO_TENSORRT = 'tensorrt_rtx is not installed here: scripts/test.sh brings it'


@pytest.fixture(scope='module')
def tensorrt() -> ModuleType:
    """Return TensorRT for RTX, which builds on a machine without a GPU."""
    return pytest.importorskip('tensorrt_rtx', reason=NO_TENSORRT)


@pytest.fixture(scope='module', params=MODELS)
def source(request, tmp_path_factory) -> Path:
    """Export each kind of network."""
    return export_tiny(tmp_path_factory.mktemp('tensorrt'), MODELS[request.param])


def build(trt: ModuleType, model: onnx.ModelProto) -> int:
    """Build a model for compute capability 8.6 and return the engine's size in bytes."""
    logger = trt.Logger(trt.Logger.ERROR)
    builder = trt.Builder(logger)
    network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = trt.OnnxParser(network, logger)
    parsed = parser.parse(model.SerializeToString())
    assert parsed, [parser.get_error(i).desc() for i in range(parser.num_errors)]
    config = builder.create_builder_config()
    config.num_compute_capabilities = 1
    config.set_compute_capability(trt.ComputeCapability.SM86, 0)
    engine = builder.build_serialized_network(network, config)
    assert engine is not None
    return int(engine.nbytes)


def test_int8_files_build(tensorrt, source):
    assert build(tensorrt, calibrated(source).model('max')) > 0


def test_int8_files_with_float_weights_build(tensorrt, source):
    model = with_float_weights(calibrated(source).model('max'))
    check_pairs(model, source)
    assert build(tensorrt, model) > 0


def test_int8_files_with_layers_in_float_build(tensorrt, source):
    quantizer = calibrated(source)
    assert build(tensorrt, quantizer.model('max', quantizer.layers[::3])) > 0


def test_fp16_files_build(tensorrt, source):
    assert build(tensorrt, to_fp16(read_model(source), source)) > 0


@pytest.mark.parametrize('path', sorted(SHIPPED.glob('*.onnx')), ids=lambda path: path.name)
def test_shipped_files_build(tensorrt, path):
    model = read_model(path)
    assert build(tensorrt, model) > 0
    if path.name.endswith('.int8.onnx'):
        check_pairs(model, path)
    else:
        assert build(tensorrt, to_fp16(model, path)) > 0


def test_shipped_files_exist():
    assert shipped_models()


def test_quantized_bias_raises_before_tensorrt_fails(tensorrt, source):
    model = calibrated(source).model('max')
    convolution = next(node for node in model.graph.node if node.op_type == 'Conv')
    bias = next(i for i in model.graph.initializer if i.name == convolution.input[2])
    count = bias.dims[0]
    scale = next(n for n in model.graph.node if n.output[0] == convolution.input[1]).input[1]
    add = model.graph.initializer.extend
    add([numpy_helper.from_array(np.arange(count, dtype=np.int32), 'steps')])
    add([numpy_helper.from_array(np.zeros(count, np.int32), 'zeros')])
    model.graph.node.insert(0, onnx.helper.make_node(
        'DequantizeLinear', ['steps', scale, 'zeros'], ['restored'], 'bias_DQ', axis=0
    ))  # fmt: skip
    convolution.input[2] = 'restored'
    with pytest.raises(InvalidModelError, match='dequantizes a quantized bias of type int32'):
        check_pairs(model, source)
    with pytest.raises(AssertionError):
        build(tensorrt, model)
