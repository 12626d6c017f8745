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


"""INT8 files for TensorRT before 10, which reads weights as FP32 behind a quantizer only."""

import numpy as np
import onnx
from onnx import helper, numpy_helper
from swiftnet_ros.qdq.pairs import DEQUANTIZE, Pairs, QUANTIZE


def with_float_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    """
    Give a copy in which int8 weights are FP32 weights with a Q/DQ pair of the same scales.

    Quantizing them gives the very same int8 values: each is a whole number of steps.
    """
    pairs = Pairs(model)
    nodes, weights = [], dict(pairs.weights)
    for node in pairs.nodes:
        steps = node.input[0] if node.op_type == DEQUANTIZE else None
        if steps in pairs.weights:
            weights.pop(steps, None)
            weights[f'{steps}_float'] = _restored(pairs, node)
            nodes.append(_quantizer(node))
        nodes.append(node)
    rewritten = onnx.ModelProto()
    rewritten.CopyFrom(model)
    for field, content in (('node', nodes), ('initializer', weights.values())):
        rewritten.graph.ClearField(field)
        getattr(rewritten.graph, field).extend(content)
    return rewritten


def _quantizer(node: onnx.NodeProto) -> onnx.NodeProto:
    """Make the quantizer that gives a dequantizer the int8 weights which it read before."""
    steps = node.input[0]
    quantizer = helper.make_node(
        QUANTIZE, [f'{steps}_float', *node.input[1:]], [steps], f'{steps}_{QUANTIZE}'
    )
    quantizer.attribute.extend(node.attribute)
    return quantizer


def _restored(pairs: Pairs, node: onnx.NodeProto) -> onnx.TensorProto:
    """Compute what a dequantizer makes of its weights."""
    steps, scale = pairs.array(node.input[0]), pairs.scale(node)
    assert steps is not None and scale is not None
    shape = [-1] + [1] * (steps.ndim - 1) if scale.ndim else []
    restored = steps.astype(np.float32) * scale.reshape(shape)
    return numpy_helper.from_array(restored, f'{node.input[0]}_float')
