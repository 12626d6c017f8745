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

"""An ONNX graph as a trainable torch network: its operators in torch, and fake quantizers."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import onnx
from onnx import numpy_helper
import onnx_ir as ir
from swiftnet_ros.errors import InvalidModelError
from swiftnet_ros.model_spec.qdq import DEQUANTIZE, QUANTIZE, with_own_weights
import torch
from torch import nn, Tensor
import torch.nn.functional as F
from training.quantization.onnx_graph import constant, convolutions
from training.quantization.qdq_writer import quantize_weight, WEIGHT_BITS

# (node, its inputs, None for an omitted one) -> its first output
Operator = Callable[[ir.Node, Sequence[Tensor | None]], Tensor]


def compute_node(node: ir.Node, inputs: Sequence[Tensor | None]) -> Tensor:
    """Return the output of a node; nodes of exported networks have one."""
    if node.op_type not in OPERATORS:
        reason = f'fine-tuning does not support operator {node.op_type}'
        raise InvalidModelError(node.name, reason)
    return OPERATORS[node.op_type](node, inputs)


def _ints(node: ir.Node, name: str, default: Sequence[int]) -> list[int]:
    return list(node.attributes[name].as_ints()) if name in node.attributes else list(default)


def _padded(node: ir.Node, image: Tensor, value: float) -> Tensor:
    """Return an image padded by the attribute `pads` (top, left, bottom, right)."""
    top, left, bottom, right = _ints(node, 'pads', (0, 0, 0, 0))
    if not any((top, left, bottom, right)):
        return image
    return F.pad(image, (left, right, top, bottom), value=value)


def _required(inputs: Sequence[Tensor | None], index: int) -> Tensor:
    value = inputs[index]
    assert value is not None
    return value


def _conv(node: ir.Node, inputs: Sequence[Tensor | None]) -> Tensor:
    bias = inputs[2] if len(inputs) > 2 else None
    groups = node.attributes['group'].as_int() if 'group' in node.attributes else 1
    return F.conv2d(
        _padded(node, _required(inputs, 0), 0.0),
        _required(inputs, 1),
        bias,
        _ints(node, 'strides', (1, 1)),
        0,
        _ints(node, 'dilations', (1, 1)),
        groups,
    )


def _pooling(
    node: ir.Node, inputs: Sequence[Tensor | None], padding: float
) -> tuple[Tensor, list[int], list[int]]:
    """Return the padded image, the kernel and the strides of a pooling."""
    image = _padded(node, _required(inputs, 0), padding)
    return image, _ints(node, 'kernel_shape', ()), _ints(node, 'strides', (1, 1))


def _resize(node: ir.Node, inputs: Sequence[Tensor | None]) -> Tensor:
    """Resize to the size in the graph: bilinear, half-pixel centers."""
    height, width = (int(side) for side in _required(inputs, 3)[2:])
    return F.interpolate(
        _required(inputs, 0), size=(height, width), mode='bilinear', align_corners=False
    )


def _batch_norm(node: ir.Node, inputs: Sequence[Tensor | None]) -> Tensor:
    image, gamma, beta, mean, variance = (_required(inputs, i) for i in range(5))
    epsilon = node.attributes['epsilon'].as_float() if 'epsilon' in node.attributes else 1e-5
    return F.batch_norm(image, mean, variance, gamma, beta, False, 0.0, epsilon)


def _clip(node: ir.Node, inputs: Sequence[Tensor | None]) -> Tensor:
    low, high = (inputs[i] if i < len(inputs) else None for i in (1, 2))
    return torch.clamp(_required(inputs, 0), low, high)


def fake_quantized(values: Tensor, scale: Tensor, axis: int | None = None) -> Tensor:
    """Quantize and dequantize; the gradient passes straight through unless a value is clipped."""
    if axis is None:
        # A scale tensor would have to be on the device of the values.
        return torch.fake_quantize_per_tensor_affine(values, float(scale), 0, -128, 127)
    zeros = torch.zeros_like(scale, dtype=torch.int32)
    return torch.fake_quantize_per_channel_affine(values, scale, zeros, axis, -127, 127)


def _transpose(node: ir.Node, value: Tensor) -> Tensor:
    """Return a copy: a view is channels last, where gradients may corrupt the heap."""
    return value.permute(_ints(node, 'perm', ())).contiguous()


OPERATORS: dict[str, Operator] = {
    'Add': lambda node, inputs: _required(inputs, 0) + _required(inputs, 1),
    'AveragePool': lambda node, inputs: F.avg_pool2d(*_pooling(node, inputs, 0.0)),
    'BatchNormalization': _batch_norm,
    'Cast': lambda node, inputs: _required(inputs, 0).float(),
    'Clip': _clip,
    'Concat': lambda node, inputs: torch.cat(
        [_required(inputs, i) for i in range(len(inputs))], node.attributes['axis'].as_int()
    ),
    'Conv': _conv,
    'MatMul': lambda node, inputs: torch.matmul(_required(inputs, 0), _required(inputs, 1)),
    'MaxPool': lambda node, inputs: F.max_pool2d(*_pooling(node, inputs, float('-inf'))),
    'Mul': lambda node, inputs: _required(inputs, 0) * _required(inputs, 1),
    # A Q/DQ pair rounds once, at its dequantizer.
    QUANTIZE: lambda node, inputs: _required(inputs, 0),
    DEQUANTIZE: lambda node, inputs: fake_quantized(_required(inputs, 0), _required(inputs, 1)),
    'Relu': lambda node, inputs: torch.relu(_required(inputs, 0)),
    'Resize': _resize,
    'Transpose': lambda node, inputs: _transpose(node, _required(inputs, 0)),
}


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
        # Levels that share int8 weights start from floats of their own.
        self._graph = ir.from_proto(with_own_weights(model)).graph
        self._bits = bits
        self._nodes = [node for node in self._graph if not _dequantizes_weight(node)]
        self._constants = {
            name: torch.tensor(value.const_value.numpy())
            for name, value in self._graph.initializers.items()
            if value.const_value is not None
        }
        self.trained: dict[str, nn.Parameter] = {}
        for name in _trainable_weights(self._graph):
            start = weights[name] if name in weights else self._constants[name].numpy()
            self.trained[name] = nn.Parameter(torch.tensor(start))
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
    changed = with_own_weights(model)
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
