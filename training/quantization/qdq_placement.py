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
Choose which activations and weights get Q/DQ pairs, so that every runtime fuses them.

A convolution reads int8 and has int8 weights. All terms of a sum go through a pair except its
branch, a convolution that nothing else reads: the sum then runs in that convolution's epilogue.
Pooling and concatenation have the same scale on both sides. The outputs of the last convolution
remain float, and so do biases.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import onnx_ir as ir
from training.quantization.onnx_graph import constant, convolutions, only_reader

# Operators allowed between a sum or concatenation and the pair of the convolution that reads it.
_PASS_THROUGH = ('BatchNormalization', 'Relu', 'Clip')


@dataclass(frozen=True)
class Placement:
    """
    The Q/DQ pairs of one graph.

    `readers` maps a tensor to the nodes and input indices that read it through its pair;
    `leaders` maps a tensor to the one whose scale it shares, itself if it shares none.
    """

    convolutions: tuple[str, ...]
    readers: Mapping[str, tuple[tuple[str, int], ...]]
    leaders: Mapping[str, str]


def place_pairs(
    graph: ir.Graph, layers: Mapping[str, str], quantized: Iterable[str] | None = None
) -> Placement:
    """Place the pairs for the layers named in `quantized`, for all layers if it is None."""
    chosen = set(layers.values()) if quantized is None else set(quantized)
    nodes = [node for node in convolutions(graph) if layers[node.name or ''] in chosen]
    builder = _PlacementBuilder({node.name or '' for node in nodes}, _depths(graph))
    for node in nodes:
        builder.add_pair(node, 0)
    # Backward, because whether an operation has pairs depends on its readers.
    for node in reversed(list(graph)):
        if node.op_type in _RULES and all(constant(value) is None for value in node.inputs[:1]):
            _RULES[node.op_type](builder, node)
    readers = {name: tuple(found) for name, found in builder.readers.items()}
    return Placement(tuple(node.name or '' for node in nodes), readers, builder.leaders)


@dataclass
class _PlacementBuilder:
    """The pairs placed so far."""

    convolutions: set[str]
    depths: dict[str, int]
    readers: dict[str, list[tuple[str, int]]] = field(default_factory=dict)
    leaders: dict[str, str] = field(default_factory=dict)

    def add_pair(self, node: ir.Node, index: int) -> str:
        """Let a node read an input through a pair; return the tensor's name."""
        value, reader = node.inputs[index], (node.name or '', index)
        assert value is not None and value.name is not None
        found = self.readers.setdefault(value.name, [])
        if reader not in found:
            found.append(reader)
        self.leaders.setdefault(value.name, value.name)
        return value.name

    def share_scale(self, names: Iterable[str]) -> None:
        """Let tensors, and all tensors that share a scale with them, share one scale."""
        leaders = {self.leaders[name] for name in names}
        first = min(leaders)
        for name, leader in self.leaders.items():
            if leader in leaders:
                self.leaders[name] = first

    def is_quantized(self, value: ir.Value) -> bool:
        """Return whether a tensor is read through a pair, directly or after pass-through nodes."""
        if value.name in self.readers:
            return True
        nodes = [use.node for use in value.uses()]
        return any(n.op_type in _PASS_THROUGH and self.is_quantized(n.outputs[0]) for n in nodes)


def _place_sum(builder: _PlacementBuilder, node: ir.Node) -> None:
    values = [value for value in node.inputs if value is not None and constant(value) is None]
    if len(values) < 2:
        return
    branch = _branch(values, builder.depths)
    is_integer = (
        builder.is_quantized(node.outputs[0])
        if branch is None
        else branch.name in builder.convolutions
    )
    for index, value in enumerate(values):
        if is_integer and (branch is None or value is not branch.outputs[0]):
            builder.add_pair(node, index)


def _place_pooling(builder: _PlacementBuilder, node: ir.Node) -> None:
    output = node.outputs[0].name
    if output in builder.readers:
        builder.share_scale([builder.add_pair(node, 0), output])


def _place_concat(builder: _PlacementBuilder, node: ir.Node) -> None:
    output = node.outputs[0]
    if not builder.is_quantized(output):
        return
    names = [builder.add_pair(node, index) for index in range(len(node.inputs))]
    for use in output.uses():
        names.append(builder.add_pair(use.node, use.idx))
    builder.share_scale(names)


_RULES: dict[str, Callable[[_PlacementBuilder, ir.Node], None]] = {
    'Add': _place_sum,
    'Concat': _place_concat,
    'MaxPool': _place_pooling,
}


def _depths(graph: ir.Graph) -> dict[str, int]:
    """Return the length of the longest chain of nodes that leads to each tensor."""
    depths: dict[str, int] = {}
    for node in graph:
        before = [depths.get(value.name or '', 0) for value in node.inputs if value is not None]
        depths.update({value.name or '': 1 + max(before, default=0) for value in node.outputs})
    return depths


def _branch(values: Iterable[ir.Value], depths: Mapping[str, int]) -> ir.Node | None:
    """
    Return the convolution in whose epilogue a sum can run, None if there is none.

    Of a residual block's two convolutions it is the deeper one, not that of the shortcut.
    """
    nodes = [node for value in values if only_reader(value) and (node := value.producer())]
    found = [node for node in nodes if node.op_type == 'Conv']
    return max(found, key=lambda node: depths[node.outputs[0].name or ''], default=None)
