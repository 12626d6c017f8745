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
A strongly typed FP16 file: what TensorRT 11 wants, which has no builder flag for it any more.

Everything between the image and the logits is FP16; both ends keep the contract. Batch norms
become one factor and one summand a channel, so that no variance has to fit into FP16.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
from swiftnet_ros.backends.registry import open_engine
from swiftnet_ros.core.frames import Frame
from swiftnet_ros.errors import InvalidModelError
from swiftnet_ros.model_spec import read_golden, read_model, read_spec, write
from training.quantization.folding import norm_as_scale
from training.quantization.onnx_graph import (
    add_weight,
    constant,
    drop_unused_weights,
    lift_constants,
)
from training.warehouse_renderer import render

# Inputs that stay float32 whatever the data are: roi and scales of a resize.
_ALWAYS_FLOAT = {'Resize': (1, 2)}
# A frame that no training set holds.
_SEED = 3


def write_half(source: Path, out: Path) -> float:
    """
    Write the FP16 file of an FP32 file; give the share of pixels with the same label.

    They are compared on the golden frame, or a rendered one, by OpenVINO, which rounds the weights
    as the file has them and computes in FP32.
    """
    spec, golden = read_spec(source), read_golden(source)
    if spec.precision != 'fp32':
        reason = f'it is {spec.precision} already; convert the fp32 file that it was made from'
        raise InvalidModelError(source, reason)
    write(half_precision(read_model(source), source), out, replace(spec, precision='fp16'), golden)
    pixels = golden.frame if golden else render(_SEED, spec.input_height, spec.input_width).image
    answers = []
    for path in (source, out):
        with open_engine(path, 'openvino', 'fp32') as engine:
            answers.append(engine.segment(Frame(pixels), pixels.shape[:2]).labels)
    return float(np.mean(answers[0] == answers[1]))


def half_precision(model: onnx.ModelProto, path: object) -> onnx.ModelProto:
    """Give a model whose graph computes in FP16; `path` is for messages."""
    half = ir.from_proto(model)
    graph = half.graph
    lift_constants(graph)
    for node in graph:
        if node.op_type == 'BatchNormalization':
            _simplify_norm(graph, node)
    drop_unused_weights(graph)
    for node in list(graph):
        if node.op_type == 'Cast' and node.attributes['to'].as_int() == ir.DataType.FLOAT:
            node.attributes['to'] = ir.AttrInt64('to', int(ir.DataType.FLOAT16))
        for index, value in enumerate(node.inputs):
            if index not in _ALWAYS_FLOAT.get(node.op_type, ()):
                _halve(graph, node, index, value, path)
        for value in node.outputs:
            if value.dtype == ir.DataType.FLOAT:
                value.dtype = ir.DataType.FLOAT16
    _cast_logits(graph)
    drop_unused_weights(graph)
    return ir.to_proto(half)


def _simplify_norm(graph: ir.Graph, norm: ir.Node) -> None:
    scale, shift = norm_as_scale(norm)
    arrays = (scale, shift, np.zeros_like(scale), np.ones_like(scale))
    for index, array in enumerate(arrays, 1):
        name = f'{norm.name}/{index}'
        norm.replace_input_with(index, add_weight(graph, name, array.astype(np.float32)))
    norm.attributes['epsilon'] = ir.AttrFloat32('epsilon', 0.0)


def _halve(
    graph: ir.Graph, node: ir.Node, index: int, value: ir.Value | None, path: object
) -> None:
    """Let a node read a float weight in FP16; a weight that several nodes read stays one."""
    array = constant(value)
    if value is None or array is None or array.dtype != np.float32:
        return
    name = f'{value.name}_half'
    if name not in graph.initializers:
        with np.errstate(over='ignore'):
            rounded = array.astype(np.float16)
        if not np.isfinite(rounded).all():
            reason = f'weight {value.name} does not fit into fp16; use its fp32 or int8 file'
            raise InvalidModelError(path, reason)
        add_weight(graph, name, rounded)
    node.replace_input_with(index, graph.initializers[name])


def _cast_logits(graph: ir.Graph) -> None:
    """Put a cast to float32 behind the network: the contract's logits."""
    logits = graph.outputs[0]
    node = logits.producer()
    assert node is not None and logits.name is not None
    cast = ir.node('Cast', [logits], {'to': int(ir.DataType.FLOAT)}, name='logits_to_float')
    graph.insert_after(node, [cast])
    final = cast.outputs[0]
    final.name, final.shape, final.dtype = logits.name, logits.shape, ir.DataType.FLOAT
    logits.name = f'{final.name}_half'
    graph.outputs[0] = final
