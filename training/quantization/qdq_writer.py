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

"""Write the Q/DQ pairs of a placement into a float graph: one INT8 file for every runtime."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import onnx
import onnx_ir as ir
from swiftnet_ros.model_spec.qdq import DEQUANTIZE, QUANTIZE
from training.quantization.bias_correction import correct_bias
from training.quantization.onnx_graph import (
    add_shared_weight,
    add_weight,
    float_weight,
    remove_unused_weights,
)
from training.quantization.qdq_placement import Placement

# CPUs without VNNI sum pairs of products in 16 bits, which weights of 8 bits overflow.
WEIGHT_BITS = 7


@dataclass(frozen=True)
class QuantizedWeight:
    """Weights int8 [O, ...] and one scale above 0 for each output channel."""

    values: npt.NDArray[np.int8]
    scales: npt.NDArray[np.float32]

    def dequantized(self) -> npt.NDArray[np.float64]:
        """Return the float weights [O, ...] that a network computes with."""
        shape = (-1, *[1] * (self.values.ndim - 1))
        return self.values * self.scales.astype(np.float64).reshape(shape)


def write_pairs(
    folded: ir.Model,
    placement: Placement,
    scales: Mapping[str, float],
    channel_means: Mapping[str, npt.NDArray[np.float64]],
    weight_bits: int = WEIGHT_BITS,
) -> onnx.ModelProto:
    """
    Return a copy of a folded model with the Q/DQ pairs of a placement and corrected biases.

    `scales` holds the scale of every activation that the placement names, `channel_means` the mean
    of each of its channels.
    """
    model = ir.from_proto(ir.to_proto(folded))
    nodes = {node.name: node for node in model.graph}
    values = {value.name: value for node in nodes.values() for value in node.outputs}
    means = {name: channel_means[_input_name(nodes[name])] for name in placement.convolutions}
    for name, readers in placement.readers.items():
        _quantize_activation(model.graph, values[name], readers, scales[name])
    for name in placement.convolutions:
        _quantize_convolution(model.graph, nodes[name], means[name], weight_bits)
    remove_unused_weights(model.graph)
    return ir.to_proto(model)


def quantize_weight(weight: npt.NDArray[np.float32], bits: int = WEIGHT_BITS) -> QuantizedWeight:
    """Quantize weights [O, ...] symmetrically, each output channel scaled by its largest."""
    highest = 2 ** (bits - 1) - 1
    largest = np.abs(weight).reshape(len(weight), -1).max(axis=1)
    scales = (largest / highest).astype(np.float32)
    shape = (-1, *[1] * (weight.ndim - 1))
    steps = np.rint(weight / scales.reshape(shape))
    return QuantizedWeight(np.clip(steps, -highest, highest).astype(np.int8), scales)


def _input_name(convolution: ir.Node) -> str:
    value = convolution.inputs[0]
    assert value is not None and value.name is not None
    return value.name


def _quantize_activation(
    graph: ir.Graph, value: ir.Value, readers: Iterable[tuple[str, int]], scale: float
) -> None:
    """Insert one pair after a tensor, for the given inputs of the given nodes only."""
    producer, wanted = value.producer(), set(readers)
    assert producer is not None
    step = add_weight(graph, f'{value.name}_scale', np.array(scale, np.float32))
    zero = add_weight(graph, f'{value.name}_zero_point', np.array(0, np.int8))
    uses = [use for use in value.uses() if (use.node.name, use.idx) in wanted]
    quantized = ir.node(
        QUANTIZE, [value, step, zero], name=f'{value.name}_{QUANTIZE}', num_outputs=1
    )
    quantized.outputs[0].name = f'{value.name}_quantized'
    restored = ir.node(
        DEQUANTIZE,
        [quantized.outputs[0], step, zero],
        name=f'{value.name}_{DEQUANTIZE}',
        num_outputs=1,
    )
    restored.outputs[0].name = f'{value.name}_dequantized'
    graph.insert_after(producer, [quantized, restored])
    for use in uses:
        use.node.replace_input_with(use.idx, restored.outputs[0])


def _quantize_convolution(
    graph: ir.Graph, convolution: ir.Node, input_means: npt.NDArray[np.float64], bits: int
) -> None:
    """
    Store a convolution's weights as int8, read through a dequantizer per output channel.

    The levels of a pyramid differ in their scales only, and share the int8 weights.
    """
    name = f'{convolution.name}/weight'
    weight = float_weight(convolution.inputs[1])
    quantized = quantize_weight(weight, bits)
    correct_bias(graph, convolution, quantized.dequantized() - weight, input_means)
    inputs = [
        add_shared_weight(graph, f'{name}_quantized', quantized.values),
        add_weight(graph, f'{name}_scale', quantized.scales),
        add_weight(graph, f'{name}_zero_point', np.zeros(len(quantized.scales), np.int8)),
    ]
    restored = ir.node(DEQUANTIZE, inputs, {'axis': 0}, name=f'{name}_{DEQUANTIZE}', num_outputs=1)
    restored.outputs[0].name = f'{name}_dequantized'
    graph.insert_before(convolution, [restored])
    convolution.replace_input_with(1, restored.outputs[0])
