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
Fold batch norms into convolutions, so that integer arithmetic covers them.

A norm behind a convolution goes into it. A norm behind a sum (the decoder's units start with
one) goes through the additions and resizes into the convolutions that feed the sum: the scale
of a channel commutes with both. A norm whose input is also used elsewhere stays a node.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import onnx
import onnx_ir as ir
from training.quantization.onnx_graph import (
    add_weight,
    constant,
    convolutions,
    drop_unused_weights,
    floats,
    layer_name,
    lift_constants,
    only_use,
)

DoubleArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class FoldedGraph:
    """A float graph without foldable norms; `layers` maps a convolution's node to its layer."""

    model: ir.Model
    layers: dict[str, str]


def fold(model: onnx.ModelProto) -> FoldedGraph:
    """
    Fold the batch norms of a model, whose own protocol stays as it is.

    Values that come out multiplied are renamed to `..._scaled`; all others keep their names and
    contents.
    """
    folded = ir.from_proto(model)
    graph = folded.graph
    lift_constants(graph)
    layers = {node.name or '': layer_name(node) for node in convolutions(graph)}
    for node in list(graph):
        if node.op_type == 'BatchNormalization':
            _fold_norm(graph, node)
    drop_unused_weights(graph)
    return FoldedGraph(folded, layers)


def _fold_norm(graph: ir.Graph, norm: ir.Node) -> None:
    source, normalized = norm.inputs[0], norm.outputs[0]
    assert source is not None
    if normalized.is_graph_output() or not _can_scale(source):
        return
    scale, shift = norm_as_scale(norm)
    _scale(graph, source, scale, shift)
    ir.convenience.replace_all_uses_with(normalized, source)
    graph.remove(norm, safe=True)
    source.name = normalized.name


def norm_as_scale(norm: ir.Node) -> tuple[DoubleArray, DoubleArray]:
    """Give the factor and the summand of each channel that a norm amounts to."""
    gamma, beta, mean, variance = (floats(value) for value in norm.inputs[1:5])
    epsilon = norm.attributes['epsilon'].as_float() if 'epsilon' in norm.attributes else 1e-5
    # In double: what they are folded into is rounded once.
    scale = gamma / np.sqrt(variance.astype(np.float64) + epsilon)
    return scale, beta - mean * scale


def _can_scale(value: ir.Value) -> bool:
    """Tell whether the channels of a value can be scaled where it comes from."""
    node = value.producer()
    if node is None or only_use(value) is None:
        return False
    if node.op_type == 'Conv':
        return constant(node.inputs[1]) is not None
    if node.op_type == 'Add':
        return all(part is not None and _can_scale(part) for part in node.inputs)
    return node.op_type == 'Resize' and node.inputs[0] is not None and _can_scale(node.inputs[0])


def _scale(graph: ir.Graph, value: ir.Value, scale: DoubleArray, shift: DoubleArray) -> None:
    """Multiply the channels of a value and add to them, in the convolutions that feed it."""
    node = value.producer()
    assert node is not None
    value.name = f'{value.name}_scaled'
    if node.op_type == 'Conv':
        _scale_convolution(graph, node, scale, shift)
        return
    # A sum takes the shift once; a resize leaves constants as they are.
    parts = [part for part in node.inputs if part is not None and constant(part) is None]
    for index, part in enumerate(parts):
        _scale(graph, part, scale, shift if index == 0 else np.zeros_like(shift))


def _scale_convolution(
    graph: ir.Graph, node: ir.Node, scale: DoubleArray, shift: DoubleArray
) -> None:
    weight = floats(node.inputs[1]) * scale[:, None, None, None]
    has_bias = len(node.inputs) > 2 and node.inputs[2] is not None
    bias = shift + (floats(node.inputs[2]) * scale if has_bias else 0)
    node.resize_inputs(3)
    for index, name, array in ((1, 'weight', weight), (2, 'bias', bias)):
        folded = add_weight(graph, f'{node.name}/{name}', array.astype(np.float32))
        node.replace_input_with(index, folded)
