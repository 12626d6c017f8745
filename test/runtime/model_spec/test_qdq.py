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

from helpers.tiny_model import make_model
import numpy as np
import onnx
from onnx import helper, numpy_helper, TensorProto
import pytest
from swiftnet_ros.backends.openvino.engine import openvino_core
from swiftnet_ros.errors import InvalidModelError
from swiftnet_ros.model_spec.qdq import check_pairs, with_float_weights, with_own_weights

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
    edges = [(name, TensorProto.FLOAT, SHAPE) for name in ('image', 'logits')]
    weights = [numpy_helper.from_array(np.asarray(item), name) for name, item in constants.items()]
    made = make_model(nodes, edges[:1], edges[1:], weights)
    onnx.checker.check_model(made)
    return made


def test_pattern_passes(model):
    check_pairs(model, 'a.onnx')


def rewire(model, name, index, source, array=None):
    """Let a node read another value, a new constant if there is an array."""
    if array is not None:
        add(model, source, array)
    node(model, name).input[index] = source


def quantized_bias(model):
    add(model, 'int_zeros', np.zeros(4, np.int32))
    inputs = ['bias_q', 'branch_s', 'int_zeros']
    restore = helper.make_node('DequantizeLinear', inputs, ['bias_d'], 'bias_DQ', axis=0)
    rewire(model, 'branch', 2, 'bias_d')
    add(model, 'bias_q', np.arange(4, dtype=np.int32))
    model.graph.node.insert(0, restore)


def float_pair_bias(model):
    add(model, 'bias_scale', np.float32(0.02))
    for item in reversed(pair('bias')):
        model.graph.node.insert(0, item)
    rewire(model, 'branch', 2, 'bias_d')


def unsigned(model):
    add(model, 'zero_u8', np.uint8(0))
    for name in ('active_Q', 'active_DQ'):
        rewire(model, name, 2, 'zero_u8')


def quantized_branch(model):
    add(model, 'branch_scale', np.float32(0.05))
    place = [item.name for item in model.graph.node].index('sum')
    for item in reversed(pair('branch')):
        model.graph.node.insert(place, item)
    rewire(model, 'sum', 0, 'branch_d')


def quantized_logits(model):
    node(model, 'logits').output[0] = 'float_logits'
    add(model, 'float_logits_scale', np.float32(0.1))
    model.graph.node.extend(pair('float_logits'))
    node(model, 'float_logits_DQ').output[0] = 'logits'


WEIGHTS = np.ones((4, 4, 3, 3), np.float32)
VIOLATIONS = [
    (
        lambda m: put(m, 'active_scale', np.float32(0)),
        "'active_Q' has a scale of 0, expected",
    ),
    (lambda m: put(m, 'branch_s', np.float32([1, 1, 0, 1])), "'branch_WDQ' has a scale of 0"),
    (lambda m: put(m, 'active_scale', np.float32('inf')), "'active_Q' has a scale of inf"),
    (
        lambda m: put(m, 'active_scale', np.float16(0.02)),
        'that is of type float16, expected',
    ),
    (
        quantized_bias,
        "'bias_DQ' dequantizes a quantized bias of type int32, expected int8",
    ),
    (float_pair_bias, "Conv 'branch' has a quantized or computed bias"),
    (unsigned, "'active_Q' is not symmetric int8: its zero points must be int8 and 0"),
    (lambda m: put(m, 'zero', np.int8(3)), "'image_Q' is not symmetric int8"),
    (lambda m: node(m, 'active_Q').input.pop(2), "'active_Q' is not symmetric int8"),
    (
        lambda m: rewire(m, 'active_DQ', 1, 'other', np.float32(0.03)),
        "'active_Q' and its dequantizer have different scales",
    ),
    (lambda m: rewire(m, 'branch', 1, 'plain', WEIGHTS), 'its weights has no dequantizer'),
    (lambda m: rewire(m, 'branch', 0, 'image'), 'is half quantized: its input has no dequantizer'),
    (lambda m: put(m, 'branch_s', np.float32(0.01)), 'needs one scale per output channel'),
    (quantized_branch, "Add 'sum' reads its branch branch through a pair"),
    (
        lambda m: put(m, 'both_scale', np.float32(0.04)),
        "'both' needs the same scale for all",
    ),
    (lambda m: rewire(m, 'both', 1, 'active'), "Concat 'both' needs the same scale"),
    (quantized_logits, "'float_logits_DQ' follows the last convolution"),
    (
        lambda m: setattr(m.opset_import[0], 'version', 19),
        r'it has opset \[19\] and IR 8, expected opset 17 and IR 8',
    ),
]


@pytest.mark.parametrize(('damage', 'reason'), VIOLATIONS)
def test_violation_raises_and_names_the_node(model, damage: Callable, reason):
    damage(model)
    with pytest.raises(InvalidModelError, match=f'cannot use model a.onnx.*{reason}') as caught:
        check_pairs(model, 'a.onnx')
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


def test_shared_weights_get_copies_and_own_scales(model):
    before = [numpy_helper.to_array(weight(model, name)) for name in ('branch_w', 'branch_s')]
    reader = onnx.NodeProto()
    reader.CopyFrom(next(item for item in model.graph.node if 'branch_w' in item.input))
    add(model, 'second_s', 2 * before[1])
    reader.input[1], reader.output[0], reader.name = 'second_s', 'second/weight_dequantized', 'b'
    model.graph.node.append(reader)
    own = with_own_weights(model)
    assert own.graph.node[-1].input[0] == 'second/weight_quantized'
    assert with_own_weights(own) == own
    for name in ('branch_w', 'second/weight_quantized'):
        assert np.array_equal(numpy_helper.to_array(weight(own, name)), before[0])
    floats = with_float_weights(model)
    first, second = (numpy_helper.to_array(weight(floats, f'{name}_float'))
                     for name in ('branch_w', 'second/weight_quantized'))  # fmt: skip
    assert np.array_equal(second, 2 * first)
    onnx.checker.check_model(floats)


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
