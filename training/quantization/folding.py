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

A norm after a convolution goes into it. A norm after a sum (the decoder's units start with one)
goes through the additions and resizes into the convolutions that feed the sum: the scale of a
channel commutes with both. A norm whose input has other readers remains a node.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import onnx
import onnx_ir as ir
from training.quantization.onnx_graph import (
    add_weight,
    constant,
    convolution_bias,
    convolutions,
    float_weight,
    layer_name,
    lift_constants,
    only_reader,
    remove_unused_weights,
)


@dataclass(frozen=True)
class FoldedGraph:
    """A float graph without foldable norms; `layers` maps names of convolutions to layers."""

    model: ir.Model
    layers: dict[str, str]


def fold_batch_norms(model: onnx.ModelProto) -> FoldedGraph:
    """
    Fold the batch norms of a copy of a model.

    Tensors whose values change are renamed to `..._scaled`; all others keep names and values.
    """
    folded = ir.from_proto(model)
    graph = folded.graph
    lift_constants(graph)
    layers = {node.name or '': layer_name(node) for node in convolutions(graph)}
    for node in list(graph):
        if node.op_type == 'BatchNormalization':
            _fold_norm(graph, node)
    remove_unused_weights(graph)
    return FoldedGraph(folded, layers)


def norm_scale_and_shift(norm: ir.Node) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the scale and shift of each channel that a batch norm is equal to."""
    gamma, beta, mean, variance = (float_weight(value) for value in norm.inputs[1:5])
    epsilon = norm.attributes['epsilon'].as_float() if 'epsilon' in norm.attributes else 1e-5
    # In double precision, so that the folded weights are rounded only once.
    scale = gamma / np.sqrt(variance.astype(np.float64) + epsilon)
    return scale, beta - mean * scale


def _fold_norm(graph: ir.Graph, norm: ir.Node) -> None:
    source, normalized = norm.inputs[0], norm.outputs[0]
    assert source is not None
    if normalized.is_graph_output() or not _can_scale(source):
        return
    scale, shift = norm_scale_and_shift(norm)
    _scale(graph, source, scale, shift)
    ir.convenience.replace_all_uses_with(normalized, source)
    graph.remove(norm, safe=True)
    source.name = normalized.name


def _can_scale(value: ir.Value) -> bool:
    """Return whether the convolutions that produce a tensor can scale its channels."""
    node = value.producer()
    if node is None or only_reader(value) is None:
        return False
    if node.op_type == 'Conv':
        return constant(node.inputs[1]) is not None
    if node.op_type == 'Add':
        return all(term is not None and _can_scale(term) for term in node.inputs)
    return node.op_type == 'Resize' and node.inputs[0] is not None and _can_scale(node.inputs[0])


def _scale(
    graph: ir.Graph,
    value: ir.Value,
    scale: npt.NDArray[np.float64],
    shift: npt.NDArray[np.float64],
) -> None:
    """Scale and shift the channels of a tensor in the convolutions that produce it."""
    node = value.producer()
    assert node is not None
    value.name = f'{value.name}_scaled'
    if node.op_type == 'Conv':
        _scale_convolution(graph, node, scale, shift)
        return
    # Only one term of a sum takes the shift; a resize does not change constants.
    terms = [term for term in node.inputs if term is not None and constant(term) is None]
    for index, term in enumerate(terms):
        _scale(graph, term, scale, shift if index == 0 else np.zeros_like(shift))


def _scale_convolution(
    graph: ir.Graph, node: ir.Node, scale: npt.NDArray[np.float64], shift: npt.NDArray[np.float64]
) -> None:
    weight = float_weight(node.inputs[1]) * scale[:, None, None, None]
    bias = shift + convolution_bias(node) * scale
    node.resize_inputs(3)
    for index, name, array in ((1, 'weight', weight), (2, 'bias', bias)):
        # A second norm may follow the first, as the decoder's after MobileNetV2's linear blocks.
        graph.initializers.pop(f'{node.name}/{name}', None)
        folded = add_weight(graph, f'{node.name}/{name}', array.astype(np.float32))
        node.replace_input_with(index, folded)
