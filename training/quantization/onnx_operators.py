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


"""Torch implementations of the ONNX operators of exported networks, used by QAT."""

from collections.abc import Callable, Sequence

import numpy as np
import onnx_ir as ir
from swiftnet_ros.errors import InvalidModelError
from swiftnet_ros.model_spec.qdq import DEQUANTIZE, QUANTIZE
import torch
from torch import Tensor
import torch.nn.functional as F

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


def _max_pool(node: ir.Node, inputs: Sequence[Tensor | None]) -> Tensor:
    image = _padded(node, _required(inputs, 0), float('-inf'))
    return F.max_pool2d(image, _ints(node, 'kernel_shape', ()), _ints(node, 'strides', (1, 1)))


def _average_pool(node: ir.Node, inputs: Sequence[Tensor | None]) -> Tensor:
    image = _padded(node, _required(inputs, 0), 0.0)
    return F.avg_pool2d(image, _ints(node, 'kernel_shape', ()), _ints(node, 'strides', (1, 1)))


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


def _transpose(node: ir.Node, inputs: Sequence[Tensor | None]) -> Tensor:
    return _required(inputs, 0).permute(_ints(node, 'perm', ()))


def _concat(node: ir.Node, inputs: Sequence[Tensor | None]) -> Tensor:
    tensors = [_required(inputs, index) for index in range(len(inputs))]
    return torch.cat(tensors, node.attributes['axis'].as_int())


def _cast(node: ir.Node, inputs: Sequence[Tensor | None]) -> Tensor:
    return _required(inputs, 0).float()


OPERATORS: dict[str, Operator] = {
    'Add': lambda node, inputs: _required(inputs, 0) + _required(inputs, 1),
    'AveragePool': _average_pool,
    'BatchNormalization': _batch_norm,
    'Cast': _cast,
    'Clip': _clip,
    'Concat': _concat,
    'Conv': _conv,
    'MatMul': lambda node, inputs: torch.matmul(_required(inputs, 0), _required(inputs, 1)),
    'MaxPool': _max_pool,
    'Mul': lambda node, inputs: _required(inputs, 0) * _required(inputs, 1),
    # A Q/DQ pair rounds once, at its dequantizer.
    QUANTIZE: lambda node, inputs: _required(inputs, 0),
    DEQUANTIZE: lambda node, inputs: fake_quantized(_required(inputs, 0), _required(inputs, 1)),
    'Relu': lambda node, inputs: torch.relu(_required(inputs, 0)),
    'Resize': _resize,
    'Transpose': _transpose,
}


def as_tensor(array: np.ndarray) -> Tensor:
    """Return a copy of an ONNX constant."""
    return torch.from_numpy(np.array(array))
