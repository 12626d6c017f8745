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


"""An ONNX graph as a trainable torch network with fake-quantized weights."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import onnx
from onnx import numpy_helper
import onnx_ir as ir
from swiftnet_ros.model_spec.qdq import DEQUANTIZE
from torch import nn, Tensor
from training.quantization.onnx_graph import constant, convolutions
from training.quantization.onnx_operators import as_tensor, compute_node, fake_quantized
from training.quantization.qdq_writer import quantize_weight, WEIGHT_BITS


class OnnxNetwork(nn.Module):
    """
    An ONNX graph in torch; the parameters are weights and biases of its convolutions.

    Quantized weights start from the floats in `weights` and are fake-quantized in every forward
    pass as in the file. Everything else, activation scales and norms included, is constant.
    """

    def __init__(
        self,
        model: onnx.ModelProto,
        weights: Mapping[str, npt.NDArray[np.float32]],
        bits: int = WEIGHT_BITS,
    ) -> None:
        super().__init__()
        self._graph = ir.from_proto(model).graph
        self._bits = bits
        self._nodes = [node for node in self._graph if not _dequantizes_weight(node)]
        self._constants = {
            name: as_tensor(value.const_value.numpy())
            for name, value in self._graph.initializers.items()
            if value.const_value is not None
        }
        self.trained: dict[str, nn.Parameter] = {}
        for name in _trainable_weights(self._graph):
            start = weights[name] if name in weights else self._constants[name].numpy()
            self.trained[name] = nn.Parameter(as_tensor(start))
        self._parameters_in_order = nn.ParameterList(self.trained.values())

    def forward(self, image: Tensor) -> Tensor:
        """Return logits [N, C, h, w] of images uint8 [N, H, W, 3]."""
        values: dict[str, Tensor] = {**self._constants, **self.trained}
        values.update(self._fake_quantized_weights())
        values[self._graph.inputs[0].name or ''] = image
        for node in self._nodes:
            inputs = [None if v is None else values[v.name or ''] for v in node.inputs]
            values[node.outputs[0].name or ''] = compute_node(node, inputs)
        return values[self._graph.outputs[0].name or '']

    def _fake_quantized_weights(self) -> dict[str, Tensor]:
        """Quantize and dequantize weights, each output channel scaled by its largest one."""
        weights = {}
        highest = 2 ** (self._bits - 1) - 1
        for node in self._graph:
            if _dequantizes_weight(node):
                weight = self.trained[node.inputs[0].name or '']  # type: ignore[union-attr]
                scale = weight.detach().abs().flatten(1).amax(1) / highest
                weights[node.outputs[0].name or ''] = fake_quantized(weight, scale, 0)
        return weights


def with_trained_weights(
    model: onnx.ModelProto, network: OnnxNetwork, bits: int
) -> onnx.ModelProto:
    """Return a copy of a model with a network's parameters, weights as int8 with new scales."""
    changed = onnx.ModelProto()
    changed.CopyFrom(model)
    arrays = {name: value.detach().numpy() for name, value in network.trained.items()}
    for node in changed.graph.node:
        if node.op_type == DEQUANTIZE and node.input[0] in arrays:
            quantized = quantize_weight(arrays[node.input[0]], bits)
            arrays[node.input[0]], arrays[node.input[1]] = quantized.values, quantized.scales
    for weight in changed.graph.initializer:
        if weight.name in arrays:
            weight.CopyFrom(numpy_helper.from_array(np.asarray(arrays[weight.name]), weight.name))
    return changed


def float_weights(folded: ir.Model) -> dict[str, npt.NDArray[np.float32]]:
    """Return a folded network's weights by their names in its INT8 file."""
    return {
        f'{node.name}/weight_quantized': np.asarray(constant(node.inputs[1]), np.float32)
        for node in convolutions(folded.graph)
    }


def _dequantizes_weight(node: ir.Node) -> bool:
    return node.op_type == DEQUANTIZE and constant(node.inputs[0]) is not None


def _trainable_weights(graph: ir.Graph) -> list[str]:
    """Return the names of weights and biases of convolutions, quantized or not."""
    names = []
    for node in graph:
        for value in node.inputs[1:] if node.op_type == 'Conv' else ():
            assert value is not None
            source = value.producer()
            first = source.inputs[0] if source is not None else value
            assert first is not None and first.name is not None
            names.append(first.name)
    return list(dict.fromkeys(names))
