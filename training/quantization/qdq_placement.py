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
Which values and weights get Q/DQ pairs, so that every runtime fuses them into its layers.

A convolution reads int8 and has int8 weights. Of a sum, all inputs but the branch, which is a
convolution that nothing else reads, go through a pair: the sum then runs in the convolution's
epilogue. Pooling and concatenation keep one scale on both sides. What follows the last
convolution stays float, and so do biases.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import onnx_ir as ir
from training.quantization.onnx_graph import constant, convolutions, only_use

# What lies between a sum or concatenation and the pair of the convolution that reads it.
_PASSED = ('BatchNormalization', 'Relu', 'Clip')


@dataclass(frozen=True)
class Placement:
    """
    The pairs of one graph.

    `readers` maps a value to the nodes and input numbers that read it through its pair; `leaders`
    maps a value to the one whose scale it shares, itself where it shares none.
    """

    convolutions: tuple[str, ...]
    readers: Mapping[str, tuple[tuple[str, int], ...]]
    leaders: Mapping[str, str]


@dataclass
class _Pairs:
    """What has been placed so far."""

    graph: ir.Graph
    convolutions: set[str]
    readers: dict[str, list[tuple[str, int]]] = field(default_factory=dict)
    leaders: dict[str, str] = field(default_factory=dict)
    depths: dict[str, int] = field(default_factory=dict)

    def read(self, node: ir.Node, index: int) -> str:
        """Let a node read an input through a pair; give the value's name."""
        value, reader = node.inputs[index], (node.name or '', index)
        assert value is not None and value.name is not None
        found = self.readers.setdefault(value.name, [])
        if reader not in found:
            found.append(reader)
        self.leaders.setdefault(value.name, value.name)
        return value.name

    def share(self, names: Iterable[str]) -> None:
        """Give several values one scale, and so all values that share one with them."""
        leaders = {self.leaders[name] for name in names}
        first = min(leaders)
        for name, leader in self.leaders.items():
            if leader in leaders:
                self.leaders[name] = first

    def is_read(self, value: ir.Value) -> bool:
        """Tell whether a value is read through a pair, at once or behind norm and activation."""
        if value.name in self.readers:
            return True
        nodes = [use.node for use in value.uses()]
        return any(n.op_type in _PASSED and self.is_read(n.outputs[0]) for n in nodes)


def place(
    graph: ir.Graph, layers: Mapping[str, str], quantized: Iterable[str] | None = None
) -> Placement:
    """Place the pairs for the layers named in `quantized`, for all where it is None."""
    chosen = set(layers.values()) if quantized is None else set(quantized)
    nodes = [node for node in convolutions(graph) if layers[node.name or ''] in chosen]
    pairs = _Pairs(graph, {node.name or '' for node in nodes}, depths=_depths(graph))
    for node in nodes:
        pairs.read(node, 0)
    # Backwards: whether an operation has pairs depends on what reads it.
    for node in reversed(list(graph)):
        if node.op_type in _RULES and all(constant(value) is None for value in node.inputs[:1]):
            _RULES[node.op_type](pairs, node)
    readers = {name: tuple(found) for name, found in pairs.readers.items()}
    return Placement(tuple(node.name or '' for node in nodes), readers, pairs.leaders)


def _place_sum(pairs: _Pairs, node: ir.Node) -> None:
    values = [value for value in node.inputs if value is not None and constant(value) is None]
    if len(values) < 2:
        return
    branch = _branch(values, pairs.depths)
    is_integer = (
        pairs.is_read(node.outputs[0]) if branch is None else branch.name in pairs.convolutions
    )
    for index, value in enumerate(values):
        if is_integer and (branch is None or value is not branch.outputs[0]):
            pairs.read(node, index)


def _place_pooling(pairs: _Pairs, node: ir.Node) -> None:
    output = node.outputs[0].name
    if output in pairs.readers:
        pairs.share([pairs.read(node, 0), output])


def _place_concat(pairs: _Pairs, node: ir.Node) -> None:
    output = node.outputs[0]
    if not pairs.is_read(output):
        return
    names = [pairs.read(node, index) for index in range(len(node.inputs))]
    for use in output.uses():
        names.append(pairs.read(use.node, use.idx))
    pairs.share(names)


_RULES: dict[str, Callable[[_Pairs, ir.Node], None]] = {
    'Add': _place_sum,
    'Concat': _place_concat,
    'MaxPool': _place_pooling,
}


def _depths(graph: ir.Graph) -> dict[str, int]:
    """Count the longest chain of nodes before every value."""
    depths: dict[str, int] = {}
    for node in graph:
        before = [depths.get(value.name or '', 0) for value in node.inputs if value is not None]
        depths.update({value.name or '': 1 + max(before, default=0) for value in node.outputs})
    return depths


def _branch(values: Iterable[ir.Value], depths: Mapping[str, int]) -> ir.Node | None:
    """
    Give the convolution in whose epilogue a sum can run, None where there is none.

    Of a block's two convolutions the shortcut's is the one with fewer layers before it.
    """
    nodes = [node for value in values if only_use(value) and (node := value.producer())]
    found = [node for node in nodes if node.op_type == 'Conv']
    return max(found, key=lambda node: depths[node.outputs[0].name or ''], default=None)
