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

"""Helpers on ONNX graphs that folding, Q/DQ placement and writing share."""

from collections.abc import Iterator
import re

import numpy as np
import numpy.typing as npt
import onnx_ir as ir


def constant(value: ir.Value | None) -> npt.NDArray[np.generic] | None:
    """Return the array of a constant, None if the value is computed."""
    if value is None or value.const_value is None or value.producer() is not None:
        return None
    return value.const_value.numpy()


def float_weight(value: ir.Value | None) -> npt.NDArray[np.float32]:
    """Return the array of a weight that has to be a constant."""
    array = constant(value)
    assert array is not None
    return np.asarray(array, np.float32)


def convolution_bias(convolution: ir.Node) -> npt.NDArray[np.float32] | float:
    """Return the bias [O] of a convolution, 0 if it has none."""
    has_bias = len(convolution.inputs) > 2 and convolution.inputs[2] is not None
    return float_weight(convolution.inputs[2]) if has_bias else 0.0


def convolutions(graph: ir.Graph) -> Iterator[ir.Node]:
    """Yield the convolutions with constant weights, in topological order."""
    for node in graph:
        if node.op_type == 'Conv' and constant(node.inputs[1]) is not None:
            yield node


def layer_name(convolution: ir.Node) -> str:
    """Return a convolution's name in the torch network, the same for all pyramid levels."""
    weight = convolution.inputs[1]
    assert weight is not None and weight.name is not None
    return re.sub(r'^network[./]|[./]weight$', '', weight.name)


def only_reader(value: ir.Value) -> ir.Node | None:
    """Return the only node that reads a value, None if it has several or is an output."""
    uses = list(value.uses())
    return uses[0].node if len(uses) == 1 and not value.is_graph_output() else None


def add_weight(graph: ir.Graph, name: str, array: npt.NDArray[np.generic]) -> ir.Value:
    """Add an initializer to the graph."""
    tensor = ir.tensor(array, name=name)
    shape = ir.Shape(array.shape)
    weight = ir.Value(name=name, shape=shape, type=ir.TensorType(tensor.dtype), const_value=tensor)
    graph.register_initializer(weight)
    return weight


def add_shared_weight(graph: ir.Graph, name: str, array: npt.NDArray[np.generic]) -> ir.Value:
    """Return an initializer that equals an array, added to the graph unless it has one."""
    for value in graph.initializers.values():
        own = constant(value) if value.shape == array.shape else None
        if own is not None and own.dtype == array.dtype and np.array_equal(own, array):
            return value
    return add_weight(graph, name, array)


def remove_unused_weights(graph: ir.Graph) -> None:
    """Remove the initializers that no node reads."""
    unused = [name for name, value in graph.initializers.items() if not value.uses()]
    for name in unused:
        del graph.initializers[name]


def lift_constants(graph: ir.Graph) -> None:
    """Turn Constant nodes into initializers, so that there is one kind of constant."""
    for node in list(graph):
        if node.op_type == 'Constant' and 'value' in node.attributes:
            value = node.outputs[0]
            tensor = node.attributes['value'].as_tensor()
            weight = add_weight(graph, f'{value.name}_constant', tensor.numpy())
            ir.convenience.replace_all_uses_with(value, weight)
            graph.remove(node, safe=True)
