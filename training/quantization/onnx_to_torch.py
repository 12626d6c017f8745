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


"""A network read back from ONNX: its weights behind fake quantizers, ready to be trained."""

from collections.abc import Mapping

import numpy as np
import onnx
from onnx import numpy_helper
import onnx_ir as ir
from torch import nn, Tensor
from training.quantization.onnx_graph import constant, convolutions, FloatArray
from training.quantization.onnx_operators import apply, as_tensor, fake_quantized
from training.quantization.qdq_writer import quantize_weight, WEIGHT_BITS


class GraphNetwork(nn.Module):
    """
    Compute an ONNX graph in torch; weights and biases of its convolutions are parameters.

    Quantized weights start from the floats in `weights` and are rounded in every pass as the
    file will hold them. Everything else, scales and norms too, stays as it is in the graph.
    """

    def __init__(
        self, model: onnx.ModelProto, weights: Mapping[str, FloatArray], bits: int = WEIGHT_BITS
    ) -> None:
        super().__init__()
        self._graph = ir.from_proto(model).graph
        self._bits = bits
        self._nodes = [node for node in self._graph if not self._is_weight(node)]
        self._constants = {
            name: as_tensor(value.const_value.numpy())
            for name, value in self._graph.initializers.items()
            if value.const_value is not None
        }
        self.trained: dict[str, nn.Parameter] = {}
        for name in _trainable(self._graph):
            start = weights[name] if name in weights else self._constants[name].numpy()
            self.trained[name] = nn.Parameter(as_tensor(start))
        self._parameters_in_order = nn.ParameterList(self.trained.values())

    def forward(self, image: Tensor) -> Tensor:
        """Give logits [N, C, h, w] of uint8 [N, H, W, 3]."""
        values: dict[str, Tensor] = {**self._constants, **self.trained}
        values.update(self._rounded_weights())
        values[self._graph.inputs[0].name or ''] = image
        for node in self._nodes:
            inputs = [None if v is None else values[v.name or ''] for v in node.inputs]
            values[node.outputs[0].name or ''] = apply(node, inputs)
        return values[self._graph.outputs[0].name or '']

    def _rounded_weights(self) -> dict[str, Tensor]:
        """Round the weights of quantized convolutions by each channel's largest one."""
        rounded = {}
        highest = 2 ** (self._bits - 1) - 1
        for node in self._graph:
            if self._is_weight(node):
                weight = self.trained[node.inputs[0].name or '']  # type: ignore[union-attr]
                scale = weight.detach().abs().flatten(1).amax(1) / highest
                rounded[node.outputs[0].name or ''] = fake_quantized(weight, scale, 0)
        return rounded

    def _is_weight(self, node: ir.Node) -> bool:
        return node.op_type == 'DequantizeLinear' and constant(node.inputs[0]) is not None


def quantized_weights(network: GraphNetwork, model: onnx.ModelProto, bits: int) -> onnx.ModelProto:
    """Give a model with a network's parameters: weights as int8 with new scales, biases float."""
    changed = onnx.ModelProto()
    changed.CopyFrom(model)
    arrays = {name: value.detach().numpy() for name, value in network.trained.items()}
    for node in changed.graph.node:
        if node.op_type == 'DequantizeLinear' and node.input[0] in arrays:
            quantized = quantize_weight(arrays[node.input[0]], bits)
            arrays[node.input[0]], arrays[node.input[1]] = quantized.values, quantized.scales
    for weight in changed.graph.initializer:
        if weight.name in arrays:
            weight.CopyFrom(numpy_helper.from_array(np.asarray(arrays[weight.name]), weight.name))
    return changed


def float_weights(folded: ir.Model) -> dict[str, FloatArray]:
    """Give a folded network's weights by the names that they have in its INT8 file."""
    return {
        f'{node.name}/weight_quantized': np.asarray(constant(node.inputs[1]), np.float32)
        for node in convolutions(folded.graph)
    }


def _trainable(graph: ir.Graph) -> list[str]:
    """List the weights and biases of the convolutions of a graph, quantized or not."""
    names = []
    for node in graph:
        for value in node.inputs[1:] if node.op_type == 'Conv' else ():
            assert value is not None
            source = value.producer()
            first = source.inputs[0] if source is not None else value
            assert first is not None and first.name is not None
            names.append(first.name)
    return list(dict.fromkeys(names))
