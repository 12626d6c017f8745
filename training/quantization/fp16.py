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
Convert an FP32 file to a strongly typed FP16 file, for TensorRT 11 without its FP16 builder flag.

Everything between the image and the logits is FP16; input and output keep the contract. Batch
norms become one scale and one shift per channel, so that no variance has to fit into FP16.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
from swiftnet_ros.backends.registry import open_backend
from swiftnet_ros.core.frames import Frame
from swiftnet_ros.errors import InvalidModelError
from swiftnet_ros.model_spec import read_model_file, write_model
from training.quantization.folding import norm_scale_and_shift
from training.quantization.onnx_graph import (
    add_weight,
    constant,
    lift_constants,
    remove_unused_weights,
)
from training.warehouse_renderer import render

# Inputs that are float32 in ONNX whatever the data type: roi and scales of a resize.
_ALWAYS_FLOAT = {'Resize': (1, 2)}
# The seed of a scene that is not in the training set.
_SEED = 3


def write_fp16(source: Path, out: Path) -> float:
    """
    Write the FP16 file of an FP32 file; return the fraction of pixels with the same label.

    Labels are compared on the golden frame, else on a rendered one, by OpenVINO, which rounds
    weights to FP16 as the file has them but computes in FP32.
    """
    file = read_model_file(source)
    spec, golden = file.spec, file.golden
    assert file.graph is not None
    if spec.precision != 'fp32':
        reason = f'it is {spec.precision} already; convert the original fp32 file'
        raise InvalidModelError(source, reason)
    pixels = golden.frame if golden else render(_SEED, spec.input_height, spec.input_width).image
    labels = []

    def add_labels(path: Path) -> None:
        with open_backend(path, 'openvino', 'fp32') as engine:
            labels.append(engine.segment(Frame(pixels), pixels.shape[:2]).labels)

    add_labels(source)
    converted = to_fp16(file.graph, source)
    write_model(converted, out, replace(spec, precision='fp16'), golden, add_labels)
    return float(np.mean(labels[0] == labels[1]))


def to_fp16(model: onnx.ModelProto, path: object) -> onnx.ModelProto:
    """Return a copy of a model that computes in FP16; `path` is for error messages."""
    converted = ir.from_proto(model)
    graph = converted.graph
    lift_constants(graph)
    for node in graph:
        if node.op_type == 'BatchNormalization':
            _simplify_norm(graph, node)
    remove_unused_weights(graph)
    for node in list(graph):
        if node.op_type == 'Cast' and node.attributes['to'].as_int() == ir.DataType.FLOAT:
            node.attributes['to'] = ir.AttrInt64('to', int(ir.DataType.FLOAT16))
        for index, value in enumerate(node.inputs):
            if index not in _ALWAYS_FLOAT.get(node.op_type, ()):
                _convert_weight(graph, node, index, value, path)
        for value in node.outputs:
            if value.dtype == ir.DataType.FLOAT:
                value.dtype = ir.DataType.FLOAT16
    _cast_logits(graph)
    remove_unused_weights(graph)
    return ir.to_proto(converted)


def _simplify_norm(graph: ir.Graph, norm: ir.Node) -> None:
    scale, shift = norm_scale_and_shift(norm)
    arrays = (scale, shift, np.zeros_like(scale), np.ones_like(scale))
    for index, array in enumerate(arrays, 1):
        name = f'{norm.name}/{index}'
        norm.replace_input_with(index, add_weight(graph, name, array.astype(np.float32)))
    norm.attributes['epsilon'] = ir.AttrFloat32('epsilon', 0.0)


def _convert_weight(
    graph: ir.Graph, node: ir.Node, index: int, value: ir.Value | None, path: object
) -> None:
    """Replace a float weight that a node reads by its FP16 copy, one for all of its readers."""
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
    """Append a cast to float32, the type of the contract's logits."""
    logits = graph.outputs[0]
    node = logits.producer()
    assert node is not None and logits.name is not None
    cast = ir.node('Cast', [logits], {'to': int(ir.DataType.FLOAT)}, name='logits_to_float')
    graph.insert_after(node, [cast])
    final = cast.outputs[0]
    final.name, final.shape, final.dtype = logits.name, logits.shape, ir.DataType.FLOAT
    logits.name = f'{final.name}_half'
    graph.outputs[0] = final
