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
Q/DQ pairs (QuantizeLinear, DequantizeLinear) in ONNX graphs: find, check and rewrite them.

An INT8 graph has the pattern that TensorRT 8.5 to 11 and OpenVINO fuse: symmetric int8 with zero
points 0, FP32 scales above 0, no quantized bias, opset 17 and IR 8; a quantized convolution reads
both of its inputs through dequantizers; in a sum, the branch of a convolution has no pair; a
concatenation has one scale on both sides; all that follows the last convolution is float.
TensorRT reports some violations late and crashes on others.
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
_INT8 = onnx.TensorProto.INT8


class QdqPairError(InvalidModelError):
    """A node that violates the Q/DQ pattern."""

    def __init__(self, path: object, node: onnx.NodeProto, reason: str) -> None:
        """Name the node and what is wrong with it."""
        super().__init__(
            path,
            f'{node.op_type} {node.name or node.output[0]!r} {reason}; quantize the fp32 file '
            'with: python -m training quantize',
        )


def is_quantized(model: onnx.ModelProto) -> bool:
    """Return whether a graph has Q/DQ pairs, which make it an INT8 model."""
    return any(node.op_type in (QUANTIZE, DEQUANTIZE) for node in model.graph.node)


def check_pairs(model: onnx.ModelProto, path: object) -> None:
    """Raise InvalidModelError, which names `path`, if a graph violates the Q/DQ pattern."""
    opset = [item.version for item in model.opset_import if item.domain in ('', 'ai.onnx')]
    if opset != [OPSET] or model.ir_version > IR_VERSION:
        received, expected = (opset, model.ir_version), (OPSET, IR_VERSION)
        reason = 'it has opset {} and IR {}, expected opset {} and IR {}'
        raise InvalidModelError(path, reason.format(*received, *expected))
    if not is_quantized(model):
        raise InvalidModelError(path, 'it has no Q/DQ pairs, so it is not an int8 file')
    graph = _QdqGraph(model)
    for node in graph.nodes:
        if node.op_type in _CHECKS:
            _CHECKS[node.op_type](graph, node, path)
    for name in graph.outputs:
        _check_output(graph, name, path)


def with_own_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    """
    Return a copy in which no two dequantizers share their int8 weights.

    The levels of a pyramid do in a file, as they differ in their scales only.
    """
    copied = onnx.ModelProto()
    copied.CopyFrom(model)
    weights = {item.name: item for item in model.graph.initializer}
    used = set()
    for node in copied.graph.node:
        name = node.input[0] if node.op_type == DEQUANTIZE else None
        if name in used:
            own = copied.graph.initializer.add()
            own.CopyFrom(weights[name])
            # As `quantize` names the weights of the first level.
            own.name = node.output[0].replace('_dequantized', '') + '_quantized'
            node.input[0] = own.name
        elif name in weights:
            used.add(name)
    return copied


def with_float_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    """
    Return a copy whose int8 weights are FP32 weights with a Q/DQ pair, for older TensorRT.

    Quantizing them gives the same int8 values: each is a multiple of the scale.
    """
    model = with_own_weights(model)
    graph = _QdqGraph(model)
    nodes, weights = [], dict(graph.weights)
    for node in graph.nodes:
        name = node.input[0] if node.op_type == DEQUANTIZE else None
        if name in graph.weights:
            weights.pop(name, None)
            weights[f'{name}_float'] = _dequantized(graph, node)
            nodes.append(_weight_quantizer(node))
        nodes.append(node)
    rewritten = onnx.ModelProto()
    rewritten.CopyFrom(model)
    for field, content in (('node', nodes), ('initializer', weights.values())):
        rewritten.graph.ClearField(field)
        getattr(rewritten.graph, field).extend(content)
    return rewritten


class _QdqGraph:
    """A graph indexed by its values."""

    def __init__(self, model: onnx.ModelProto) -> None:
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
        """Return the nodes that read a value."""
        return self._readers.get(value, [])

    def writer(self, value: str, *kinds: str) -> Optional[onnx.NodeProto]:
        """Return the node that writes a value if it is of one of the types."""
        node = self.writers.get(value)
        return node if node is not None and node.op_type in kinds else None

    def quantizer(self, value: str) -> Optional[onnx.NodeProto]:
        """Return the quantizer of the pair that writes a value, None if there is no pair."""
        dequantizer = self.writer(value, DEQUANTIZE)
        return None if dequantizer is None else self.writer(dequantizer.input[0], QUANTIZE)

    def array(self, name: str) -> Optional[npt.NDArray[Any]]:
        """Return a constant, None for a computed value."""
        weight = self.weights.get(name)
        return None if weight is None else np.asarray(numpy_helper.to_array(weight))

    def scale(self, node: onnx.NodeProto) -> Optional[npt.NDArray[Any]]:
        """Return the scales of a quantizer or dequantizer, None if they are computed."""
        return self.array(node.input[1])


def _check_quantizer(graph: _QdqGraph, node: onnx.NodeProto, path: object) -> None:
    _check_scale(graph, node, path)
    for reader in graph.readers(node.output[0]):
        if reader.op_type != DEQUANTIZE:
            raise QdqPairError(path, node, f'is read by {reader.op_type}, expected {DEQUANTIZE}')
        if not np.array_equal(graph.scale(node), graph.scale(reader)):  # type: ignore[arg-type]
            raise QdqPairError(path, node, 'and its dequantizer have different scales')


def _check_dequantizer(graph: _QdqGraph, node: onnx.NodeProto, path: object) -> None:
    weight = graph.weights.get(node.input[0])
    if weight is not None and weight.data_type != _INT8:
        kind = onnx.TensorProto.DataType.Name(weight.data_type).lower()
        what = 'a quantized bias' if weight.data_type == onnx.TensorProto.INT32 else 'constants'
        raise QdqPairError(path, node, f'dequantizes {what} of type {kind}, expected int8 weights')
    if weight is None and graph.writer(node.input[0], QUANTIZE) is None:
        raise QdqPairError(path, node, f'reads neither weights nor a {QUANTIZE}')
    _check_scale(graph, node, path)


def _check_scale(graph: _QdqGraph, node: onnx.NodeProto, path: object) -> None:
    """Check the scale and zero point of a quantizer or dequantizer."""
    scale = graph.scale(node)
    if scale is None or scale.dtype != np.float32:
        received = 'computed' if scale is None else f'of type {scale.dtype}'
        reason = f'has a scale that is {received}, expected constant float32'
        raise QdqPairError(path, node, reason)
    if not (np.isfinite(scale).all() and (scale > 0).all()):
        raise QdqPairError(path, node, f'has a scale of {scale.min():g}, expected above 0')
    zero = graph.array(node.input[2]) if len(node.input) > 2 and node.input[2] else None
    if zero is None or zero.dtype != np.int8 or zero.any():
        raise QdqPairError(path, node, 'is not symmetric int8: its zero points must be int8 and 0')


def _check_convolution(graph: _QdqGraph, node: onnx.NodeProto, path: object) -> None:
    data, weight = (graph.writer(name, DEQUANTIZE) for name in node.input[:2])
    if (data is None) != (weight is None):
        missing = 'input' if data is None else 'weights'
        raise QdqPairError(path, node, f'is half quantized: its {missing} has no dequantizer')
    if len(node.input) > 2 and node.input[2] and node.input[2] not in graph.weights:
        reason = 'has a quantized or computed bias, expected float constants'
        raise QdqPairError(path, node, reason)
    if weight is not None:
        axis = next((item.i for item in weight.attribute if item.name == 'axis'), 1)
        scale = graph.scale(weight)
        if scale is None or scale.ndim != 1 or axis != 0:
            raise QdqPairError(path, weight, 'needs one scale per output channel (axis 0)')


def _check_sum(graph: _QdqGraph, node: onnx.NodeProto, path: object) -> None:
    quantizers = [graph.quantizer(name) for name in node.input]
    for name, quantizer in zip(node.input, quantizers):
        if None in quantizers or quantizer is None:
            return
        branch = graph.writer(quantizer.input[0], 'Conv')
        readers = graph.readers(quantizer.input[0]) + graph.readers(name)
        # The readers of the pair itself are its quantizer and this sum.
        if branch is not None and len(readers) == 2:
            raise QdqPairError(path, node, f'reads its branch {branch.name} through a pair')


def _check_concat(graph: _QdqGraph, node: onnx.NodeProto, path: object) -> None:
    inputs = [graph.quantizer(name) for name in node.input]
    outputs = [r if r.op_type == QUANTIZE else None for r in graph.readers(node.output[0])]
    scales = [None if item is None else graph.scale(item) for item in inputs + outputs]
    if all(scale is None for scale in scales[: len(inputs)]):
        return
    first = next(scale for scale in scales if scale is not None)
    if any(scale is None or not np.array_equal(scale, first) for scale in scales):
        raise QdqPairError(path, node, 'needs the same scale for all inputs and its output')


def _check_output(graph: _QdqGraph, name: str, path: object) -> None:
    """Check that everything from the last convolution to an output is float."""
    waiting, seen = [name], {name}
    while waiting:
        node = graph.writers.get(waiting.pop())
        if node is None or node.op_type == 'Conv':
            continue
        if node.op_type in (QUANTIZE, DEQUANTIZE):
            reason = 'follows the last convolution, after which all is float'
            raise QdqPairError(path, node, reason)
        waiting.extend(value for value in node.input if value not in seen)
        seen.update(node.input)


_CHECKS: Dict[str, Callable[[_QdqGraph, onnx.NodeProto, object], None]] = {
    QUANTIZE: _check_quantizer,
    DEQUANTIZE: _check_dequantizer,
    'Conv': _check_convolution,
    'Add': _check_sum,
    'Concat': _check_concat,
}


def _weight_quantizer(node: onnx.NodeProto) -> onnx.NodeProto:
    """Return the quantizer that computes the int8 weights of a dequantizer."""
    name = node.input[0]
    quantizer = helper.make_node(
        QUANTIZE, [f'{name}_float', *node.input[1:]], [name], f'{name}_{QUANTIZE}'
    )
    quantizer.attribute.extend(node.attribute)
    return quantizer


def _dequantized(graph: _QdqGraph, node: onnx.NodeProto) -> onnx.TensorProto:
    """Return the FP32 weights that a dequantizer computes."""
    weights, scale = graph.array(node.input[0]), graph.scale(node)
    assert weights is not None and scale is not None
    shape = [-1] + [1] * (weights.ndim - 1) if scale.ndim else []
    floats = weights.astype(np.float32) * scale.reshape(shape)
    return numpy_helper.from_array(floats, f'{node.input[0]}_float')
