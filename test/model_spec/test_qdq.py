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


"""Q/DQ pairs: violations of the pattern raise and name the node; weights become float."""

from typing import Callable, List

import numpy as np
import onnx
from onnx import helper, numpy_helper, TensorProto
import pytest
from swiftnet_ros.backends.openvino.engine import openvino_core
from swiftnet_ros.errors import InvalidModelError
from swiftnet_ros.model_spec.contract import IR_VERSION, OPSET
from swiftnet_ros.model_spec.qdq import check_pairs, with_float_weights

SHAPE = [1, 4, 8, 8]


def weight(model: onnx.ModelProto, name: str) -> onnx.TensorProto:
    """Return a constant."""
    return next(item for item in model.graph.initializer if item.name == name)


def node(model: onnx.ModelProto, name: str) -> onnx.NodeProto:
    """Return a node."""
    return next(item for item in model.graph.node if item.name == name)


def put(model: onnx.ModelProto, name: str, array: np.ndarray) -> None:
    """Replace a constant."""
    weight(model, name).CopyFrom(numpy_helper.from_array(np.asarray(array), name))


def add(model: onnx.ModelProto, name: str, array: np.ndarray) -> None:
    """Add a constant."""
    model.graph.initializer.append(numpy_helper.from_array(np.asarray(array), name))


def pair(value: str) -> List[onnx.NodeProto]:
    """Return the Q/DQ pair of a value."""
    constants = [f'{value}_scale', 'zero']
    return [
        helper.make_node('QuantizeLinear', [value, *constants], [f'{value}_q'], f'{value}_Q'),
        helper.make_node('DequantizeLinear', [f'{value}_q', *constants], [f'{value}_d'],
                         f'{value}_DQ'),
    ]  # fmt: skip


def convolution(name: str, source: str) -> List[onnx.NodeProto]:
    """Return a quantized convolution and the dequantizer of its weights."""
    return [
        helper.make_node('DequantizeLinear', [f'{name}_w', f'{name}_s', 'zeros'], [f'{name}_wd'],
                         f'{name}_WDQ', axis=0),
        helper.make_node('Conv', [source, f'{name}_wd', 'bias'], [name], name, pads=[1] * 4),
    ]  # fmt: skip


@pytest.fixture
def model() -> onnx.ModelProto:
    """Return a residual block, a concatenation and a head, quantized by the pattern."""
    nodes = [
        *pair('image'),
        *convolution('branch', 'image_d'),
        helper.make_node('Add', ['branch', 'image_d'], ['sum'], 'sum'),
        helper.make_node('Relu', ['sum'], ['active'], 'relu'),
        *pair('active'),
        helper.make_node('Concat', ['image_d', 'active_d'], ['both'], 'both', axis=1),
        *pair('both'),
        *convolution('logits', 'both_d'),
    ]
    random = np.random.default_rng(0)
    constants = {
        'zero': np.int8(0),
        'zeros': np.zeros(4, np.int8),
        'bias': np.float32([1, 0, 2, 3]),
    }
    constants.update({f'{name}_scale': np.float32(0.02) for name in ('image', 'active', 'both')})
    for name, inputs in (('branch', 4), ('logits', 8)):
        constants[f'{name}_w'] = random.integers(-127, 128, (4, inputs, 3, 3)).astype(np.int8)
        constants[f'{name}_s'] = random.uniform(1e-4, 3e-3, 4).astype(np.float32)
    graph = helper.make_graph(
        nodes,
        'block',
        [helper.make_tensor_value_info('image', TensorProto.FLOAT, SHAPE)],
        [helper.make_tensor_value_info('logits', TensorProto.FLOAT, SHAPE)],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()],
    )
    made = helper.make_model(
        graph, opset_imports=[helper.make_opsetid('', OPSET)], ir_version=IR_VERSION
    )
    onnx.checker.check_model(made)
    return made


def test_pattern_passes(model):
    check_pairs(model, 'a.onnx')


def zero_scale(model):
    put(model, 'active_scale', np.float32(0))


def zero_channel(model):
    scales = numpy_helper.to_array(weight(model, 'branch_s')).copy()
    scales[2] = 0
    put(model, 'branch_s', scales)


def infinite_scale(model):
    put(model, 'active_scale', np.float32('inf'))


def half_scale(model):
    put(model, 'active_scale', np.float16(0.02))


def quantized_bias(model):
    add(model, 'bias_q', np.arange(4, dtype=np.int32))
    add(model, 'int_zeros', np.zeros(4, np.int32))
    restore = helper.make_node(
        'DequantizeLinear', ['bias_q', 'branch_s', 'int_zeros'], ['bias_d'], 'bias_DQ', axis=0
    )
    model.graph.node.insert(0, restore)
    node(model, 'branch').input[2] = 'bias_d'


def float_pair_bias(model):
    add(model, 'bias_scale', np.float32(0.02))
    for item in reversed(pair('bias')):
        model.graph.node.insert(0, item)
    node(model, 'branch').input[2] = 'bias_d'


def unsigned(model):
    add(model, 'zero_u8', np.uint8(0))
    for name in ('active_Q', 'active_DQ'):
        node(model, name).input[2] = 'zero_u8'


def shifted(model):
    put(model, 'zero', np.int8(3))


def no_zero_point(model):
    del node(model, 'active_Q').input[2]


def two_scales(model):
    add(model, 'other', np.float32(0.03))
    node(model, 'active_DQ').input[1] = 'other'


def float_weights_only(model):
    add(model, 'plain', np.ones((4, 4, 3, 3), np.float32))
    node(model, 'branch').input[1] = 'plain'


def float_input(model):
    node(model, 'branch').input[0] = 'image'


def one_scale_for_all_channels(model):
    put(model, 'branch_s', np.float32(0.01))


def quantized_branch(model):
    add(model, 'branch_scale', np.float32(0.05))
    place = [item.name for item in model.graph.node].index('sum')
    for item in reversed(pair('branch')):
        model.graph.node.insert(place, item)
    node(model, 'sum').input[0] = 'branch_d'


def other_concat_scale(model):
    put(model, 'both_scale', np.float32(0.04))


def half_concat(model):
    node(model, 'both').input[1] = 'active'


def quantized_logits(model):
    node(model, 'logits').output[0] = 'float_logits'
    add(model, 'float_logits_scale', np.float32(0.1))
    model.graph.node.extend(pair('float_logits'))
    node(model, 'float_logits_DQ').output[0] = 'logits'


def newer_opset(model):
    model.opset_import[0].version = 19


BROKEN = {
    zero_scale: r"QuantizeLinear 'active_Q' has a scale of 0, expected above 0",
    zero_channel: r"'branch_WDQ' has a scale of 0",
    infinite_scale: r"'active_Q' has a scale of inf",
    half_scale: r"'active_Q' has a scale that is of type float16, expected constant float32",
    quantized_bias: r"'bias_DQ' dequantizes a quantized bias of type int32, expected int8 weights",
    float_pair_bias: r"Conv 'branch' has a quantized or computed bias",
    unsigned: r"'active_Q' is not symmetric int8: its zero points must be int8 and 0",
    shifted: r"'image_Q' is not symmetric int8",
    no_zero_point: r"'active_Q' is not symmetric int8",
    two_scales: r"'active_Q' and its dequantizer have different scales",
    float_weights_only: r"Conv 'branch' is half quantized: its weights has no dequantizer",
    float_input: r"Conv 'branch' is half quantized: its input has no dequantizer",
    one_scale_for_all_channels: r"'branch_WDQ' needs one scale per output channel",
    quantized_branch: r"Add 'sum' reads its branch branch through a pair",
    other_concat_scale: r"Concat 'both' needs the same scale for all inputs",
    half_concat: r"Concat 'both' needs the same scale",
    quantized_logits: r"'float_logits_DQ' follows the last convolution",
    newer_opset: r'it has opset \[19\] and IR 8, expected opset 17 and IR 8',
}


@pytest.mark.parametrize('damage', BROKEN, ids=lambda damage: damage.__name__)
def test_violation_raises_and_names_the_node(model, damage: Callable):
    damage(model)
    with pytest.raises(InvalidModelError, match=BROKEN[damage]) as caught:
        check_pairs(model, 'a.onnx')
    assert 'cannot use model a.onnx' in str(caught.value)
    assert '\n' not in str(caught.value)


def test_float_graph_raises(model):
    kept = [item for item in model.graph.node if 'Linear' not in item.op_type]
    del model.graph.node[:]
    model.graph.node.extend(kept)
    with pytest.raises(InvalidModelError, match='it has no Q/DQ pairs'):
        check_pairs(model, 'a.onnx')


def test_float_weights_are_bit_equal_after_quantizing_and_dequantizing(model):
    rewritten = with_float_weights(model)
    onnx.checker.check_model(rewritten, full_check=True)
    check_pairs(rewritten, 'a.onnx')
    for name in ('branch', 'logits'):
        steps = numpy_helper.to_array(weight(model, f'{name}_w'))
        scales = numpy_helper.to_array(weight(model, f'{name}_s')).reshape(-1, 1, 1, 1)
        floats = numpy_helper.to_array(weight(rewritten, f'{name}_w_float'))
        assert floats.dtype == np.float32
        assert floats.tobytes() == (steps.astype(np.float32) * scales).tobytes()
        # As a quantizer computes: divide, round to even, saturate.
        quantized = np.clip(np.rint(floats / scales), -128, 127).astype(np.int8)
        assert quantized.tobytes() == steps.tobytes()


def test_float_weights_keep_the_predictions_and_the_given_model(model):
    before = model.SerializeToString(deterministic=True)
    rewritten = with_float_weights(model)
    assert model.SerializeToString(deterministic=True) == before
    kinds = [item.op_type for item in rewritten.graph.node]
    assert kinds.count('QuantizeLinear') == kinds.count('DequantizeLinear') == 5
    image = np.random.default_rng(1).normal(0, 1, SHAPE).astype(np.float32)
    core = openvino_core()
    predictions = []
    for item in (model, rewritten):
        graph = core.read_model(item.SerializeToString(), b'')
        predictions.append(core.compile_model(graph, 'CPU')([image])[0])
    assert np.abs(predictions[0]).max() > 1
    np.testing.assert_allclose(predictions[0], predictions[1], atol=1e-5)
