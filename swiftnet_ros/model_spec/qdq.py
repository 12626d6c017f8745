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
Hold an INT8 graph to the pattern that TensorRT 8.5 to 11 and OpenVINO fuse.

Symmetric int8 with zero points 0, FP32 scales above 0, no quantized bias, opset 17 and IR 8; a
quantized convolution reads both of its inputs through dequantizers; in a sum the convolution's
branch has no pair; a concatenation has one scale on both sides; what follows the last
convolution is float. TensorRT itself reports some of this late, some by crashing.
"""

from typing import Any, Callable, Dict, List, Optional

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper
from swiftnet_ros.errors import InvalidModelError
from swiftnet_ros.model_spec.contract import IR_VERSION, OPSET

QUANTIZE = 'QuantizeLinear'
DEQUANTIZE = 'DequantizeLinear'


def is_quantized(model: onnx.ModelProto) -> bool:
    """Return whether a graph has Q/DQ pairs, which make it an INT8 model."""
    return any(node.op_type in (QUANTIZE, DEQUANTIZE) for node in model.graph.node)


class Pairs:
    """A graph indexed by its values; a `source` is what a pair makes coarser."""

    def __init__(self, model: onnx.ModelProto) -> None:
        """Index a graph."""
        graph = model.graph
        self.nodes: List[onnx.NodeProto] = list(graph.node)
        self.weights: Dict[str, onnx.TensorProto] = {item.name: item for item in graph.initializer}
        self.writers = {name: node for node in self.nodes for name in node.output}
        self.outputs = [value.name for value in graph.output]
        self._readers: Dict[str, List[onnx.NodeProto]] = {}
        for node in self.nodes:
            for name in node.input:
                self._readers.setdefault(name, []).append(node)

    def readers(self, value: str) -> List[onnx.NodeProto]:
        """List the nodes that read a value."""
        return self._readers.get(value, [])

    def of_type(self, *kinds: str) -> List[onnx.NodeProto]:
        """List the nodes of some types in the order of computation."""
        return [node for node in self.nodes if node.op_type in kinds]

    def array(self, name: str) -> Optional[npt.NDArray[Any]]:
        """Give a constant, None for what is computed."""
        weight = self.weights.get(name)
        return None if weight is None else np.asarray(numpy_helper.to_array(weight))

    def writer(self, value: str, *kinds: str) -> Optional[onnx.NodeProto]:
        """Give the node that writes a value if it is of one of the types."""
        node = self.writers.get(value)
        return node if node is not None and node.op_type in kinds else None

    def quantizer(self, value: str) -> Optional[onnx.NodeProto]:
        """Give the quantizer of the pair that a value comes out of, None where there is none."""
        restored = self.writer(value, DEQUANTIZE)
        return None if restored is None else self.writer(restored.input[0], QUANTIZE)

    def scale(self, node: onnx.NodeProto) -> Optional[npt.NDArray[Any]]:
        """Give the scales of a quantizer or dequantizer, None if they are computed."""
        return self.array(node.input[1])


_INT8 = onnx.TensorProto.INT8


class PairError(InvalidModelError):
    """A Q/DQ pair that not every runtime reads as it is meant."""

    def __init__(self, path: object, node: onnx.NodeProto, reason: str) -> None:
        """Name the node and what is wrong with it."""
        super().__init__(
            path,
            f'{node.op_type} {node.name or node.output[0]!r} {reason}; quantize the fp32 file '
            'with: python -m training quantize',
        )


def check_pairs(model: onnx.ModelProto, path: object) -> None:
    """Refuse an INT8 graph that does not keep the pattern; `path` is for messages."""
    opset = [item.version for item in model.opset_import if item.domain in ('', 'ai.onnx')]
    if opset != [OPSET] or model.ir_version > IR_VERSION:
        received = f'opset {opset} and IR {model.ir_version}'
        raise InvalidModelError(
            path, f'it has {received}, expected opset {OPSET} and IR {IR_VERSION}'
        )
    pairs = Pairs(model)
    if not is_quantized(model):
        raise InvalidModelError(path, 'it has no Q/DQ pairs; it is no int8 file')
    for node in pairs.nodes:
        if node.op_type in _CHECKS:
            _CHECKS[node.op_type](pairs, node, path)
    for name in pairs.outputs:
        _check_output(pairs, name, path)


def _check_linear(pairs: Pairs, node: onnx.NodeProto, path: object) -> None:
    """Check type, scale and zero point of a quantizer or dequantizer."""
    scale = pairs.scale(node)
    if scale is None or scale.dtype != np.float32:
        received = 'computed' if scale is None else f'of type {scale.dtype}'
        raise PairError(path, node, f'has a scale that is {received}, expected constant float32')
    if not (np.isfinite(scale).all() and (scale > 0).all()):
        raise PairError(path, node, f'has a scale of {scale.min():g}, expected above 0')
    zero = pairs.array(node.input[2]) if len(node.input) > 2 and node.input[2] else None
    if zero is None or zero.dtype != np.int8 or zero.any():
        raise PairError(path, node, 'is not symmetric int8: its zero points must be int8 and 0')


def _check_quantizer(pairs: Pairs, node: onnx.NodeProto, path: object) -> None:
    _check_linear(pairs, node, path)
    for reader in pairs.readers(node.output[0]):
        if reader.op_type != DEQUANTIZE:
            raise PairError(path, node, f'is read by {reader.op_type}, expected {DEQUANTIZE}')
        if not np.array_equal(pairs.scale(node), pairs.scale(reader)):  # type: ignore[arg-type]
            raise PairError(path, node, 'and its dequantizer have different scales')


def _check_dequantizer(pairs: Pairs, node: onnx.NodeProto, path: object) -> None:
    weight = pairs.weights.get(node.input[0])
    if weight is not None and weight.data_type != _INT8:
        kind = onnx.TensorProto.DataType.Name(weight.data_type).lower()
        what = 'a quantized bias' if weight.data_type == onnx.TensorProto.INT32 else 'constants'
        raise PairError(path, node, f'dequantizes {what} of type {kind}, expected int8 weights')
    if weight is None and pairs.writer(node.input[0], QUANTIZE) is None:
        raise PairError(path, node, f'reads neither weights nor a {QUANTIZE}')
    _check_linear(pairs, node, path)


def _check_convolution(pairs: Pairs, node: onnx.NodeProto, path: object) -> None:
    data, weight = (pairs.writer(name, DEQUANTIZE) for name in node.input[:2])
    if (data is None) != (weight is None):
        missing = 'input' if data is None else 'weights'
        raise PairError(path, node, f'is half quantized: no dequantizer gives its {missing}')
    if len(node.input) > 2 and node.input[2] and node.input[2] not in pairs.weights:
        raise PairError(path, node, 'has a quantized or computed bias, expected float constants')
    if weight is not None:
        axis = next((item.i for item in weight.attribute if item.name == 'axis'), 1)
        scale = pairs.scale(weight)
        if scale is None or scale.ndim != 1 or axis != 0:
            raise PairError(path, weight, 'has no scale for each output channel (axis 0)')


def _check_sum(pairs: Pairs, node: onnx.NodeProto, path: object) -> None:
    quantizers = [pairs.quantizer(name) for name in node.input]
    for name, quantizer in zip(node.input, quantizers):
        if None in quantizers or quantizer is None:
            return
        branch = pairs.writer(quantizer.input[0], 'Conv')
        readers = pairs.readers(quantizer.input[0]) + pairs.readers(name)
        # Those of the pair itself: the quantizer and this sum.
        if branch is not None and len(readers) == 2:
            raise PairError(path, node, f'reads its branch {branch.name} through a pair')


def _check_concat(pairs: Pairs, node: onnx.NodeProto, path: object) -> None:
    inputs = [pairs.quantizer(name) for name in node.input]
    outputs = [r if r.op_type == QUANTIZE else None for r in pairs.readers(node.output[0])]
    linked = [None if item is None else pairs.scale(item) for item in inputs + outputs]
    if all(scale is None for scale in linked[: len(inputs)]):
        return
    first = next(scale for scale in linked if scale is not None)
    if any(scale is None or not np.array_equal(scale, first) for scale in linked):
        raise PairError(path, node, 'does not have one and the same scale on both sides')


def _check_output(pairs: Pairs, name: str, path: object) -> None:
    """Walk from an output back to the convolution before it: all of it has to be float."""
    node = pairs.writers.get(name)
    if node is None or node.op_type == 'Conv':
        return
    if node.op_type in (QUANTIZE, DEQUANTIZE):
        raise PairError(path, node, 'is behind the last convolution, where all has to be float')
    for value in node.input:
        _check_output(pairs, value, path)


_CHECKS: Dict[str, Callable[[Pairs, onnx.NodeProto, object], None]] = {
    QUANTIZE: _check_quantizer,
    DEQUANTIZE: _check_dequantizer,
    'Conv': _check_convolution,
    'Add': _check_sum,
    'Concat': _check_concat,
}


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
