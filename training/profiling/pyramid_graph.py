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

"""Assign each node of an exported SwiftNet to a pyramid level and block, and count its MACs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
import math
import re

import onnx
from swiftnet_ros.errors import InvalidModelError

LEVEL_PARTS = ('input', 'stem', 'block 1', 'block 2', 'block 3', 'block 4', 'laterals')
DECODER = 'decoder'
# Module paths of the networks, as the exporter writes them into the names of nodes.
_NAMES = (
    (re.compile(r'/encoder/stem(_\d+)?/'), 'stem'),
    (re.compile(r'/encoder/stages\.(?P<stage>\d)\.'), 'block'),
    (re.compile(r'/laterals\.\d'), 'laterals'),
    (re.compile(r'/(spp|upsample\.\d+|head)(_\d+)?/'), DECODER),
)
# The exporter numbers the modules that the pyramid calls again.
_LEVEL = re.compile(r'_(\d+)/[^/]*$')
_POOLING = 'AveragePool'


@dataclass(frozen=True)
class GraphPosition:
    """
    A pyramid level (0 is the full image) and a part of it, one of `LEVEL_PARTS`.

    The decoder belongs to all levels; its level is None.
    """

    level: int | None
    part: str


@dataclass(frozen=True)
class Gmacs:
    """1e9 multiply-adds: of convolutions alone, and with biases and batch norms (`count`)."""

    conv: float
    total: float


def graph_positions(model: onnx.ModelProto) -> dict[str, GraphPosition]:
    """
    Return the position of every node computed from the image; keys are nodes and their outputs.

    The part is in a node's name. The level is how often the image was halved before it. A node
    without a known name, such as the ReLU between two blocks, has the position of its input.
    """
    positions = {value.name: GraphPosition(0, 'input') for value in model.graph.input}
    for node in model.graph.node:
        before = next((positions[name] for name in node.input if name in positions), None)
        if before is not None:
            position = _position(node, before)
            positions.update(dict.fromkeys([node.name, *node.output], position))
    return positions


def position_of_layers(name: str) -> GraphPosition | None:
    """
    Return the position of a layer that a compiler made of nodes whose names it joined.

    Without the graph the level is the number at the end of a module's name, as in `conv1_1`;
    None for a layer without a known name.
    """
    # Weights are shared by the levels, convolutions are not.
    nodes = sorted(re.split(r'[\s|+]+', name), key=lambda node: not node.endswith('/Conv'))
    for node in nodes:
        for pattern, part in _NAMES:
            if match := pattern.search(node):
                if part == DECODER:
                    return GraphPosition(None, DECODER)
                level = _LEVEL.search(node)
                part = f'block {int(match["stage"]) + 1}' if part == 'block' else part
                return GraphPosition(int(level[1]) if level else 0, part)
    return None


def position_order(position: GraphPosition) -> tuple[float, int]:
    """Return a sort key: by level, then in the order of computation, the decoder last."""
    if position.level is None:
        return math.inf, 0
    return position.level, LEVEL_PARTS.index(position.part)


def require_blocks(path: object, positions: Mapping[str, GraphPosition]) -> None:
    """Raise InvalidModelError if the names of a network's nodes do not identify its blocks."""
    if not {position.part for position in positions.values()} >= {'stem', 'block 1', DECODER}:
        reason = 'the names of its nodes lack stem, blocks and decoder, which training export adds'
        raise InvalidModelError(path, f'{reason}; measure it without --per-block')


def count_gmacs(model: onnx.ModelProto) -> Gmacs:
    """Return the multiply-adds of a file; batch norms folded into convolutions do not count."""
    return _sum([gmacs for _, gmacs in _gmacs_by_node(model)])


def gmacs_by_position(model: onnx.ModelProto) -> dict[GraphPosition, Gmacs]:
    """Return the multiply-adds of each position of a network from `training export`."""
    positions, groups = graph_positions(model), dict[GraphPosition, list[Gmacs]]()
    for node, gmacs in _gmacs_by_node(model):
        groups.setdefault(positions[node.output[0]], []).append(gmacs)
    return {position: _sum(group) for position, group in groups.items()}


def _position(node: onnx.NodeProto, before: GraphPosition) -> GraphPosition:
    for pattern, part in _NAMES:
        if match := pattern.search(node.name):
            if part == DECODER:
                return GraphPosition(None, DECODER)
            part = f'block {int(match["stage"]) + 1}' if part == 'block' else part
            return GraphPosition(before.level, part)
    if node.op_type == _POOLING and before.part == 'input':
        assert before.level is not None
        return GraphPosition(before.level + 1, 'input')
    # Laterals of equal stride are summed over the levels.
    is_sum_of_levels = before.part == 'laterals' and node.op_type == 'Add'
    return GraphPosition(None, DECODER) if is_sum_of_levels else before


def _gmacs_by_node(model: onnx.ModelProto) -> Iterator[tuple[onnx.NodeProto, Gmacs]]:
    shapes = _shapes(onnx.shape_inference.infer_shapes(model, strict_mode=True))
    for node in model.graph.node:
        if node.op_type not in ('Conv', 'BatchNormalization'):
            continue
        elements = math.prod(shapes[node.output[0]])
        if node.op_type == 'BatchNormalization':
            yield node, Gmacs(0.0, 2 * elements / 1e9)
        else:
            convolution = elements * math.prod(shapes[node.input[1]][1:])
            bias = elements if len(node.input) > 2 else 0
            yield node, Gmacs(convolution / 1e9, (convolution + bias) / 1e9)


def _shapes(model: onnx.ModelProto) -> dict[str, tuple[int, ...]]:
    """Return the shape of every tensor of a graph, constants included."""
    graph = model.graph
    shapes = {item.name: tuple(item.dims) for item in graph.initializer}
    for value in (*graph.value_info, *graph.input, *graph.output):
        dims = value.type.tensor_type.shape.dim
        shapes[value.name] = tuple(dim.dim_value for dim in dims)
    return shapes


def _sum(counts: Sequence[Gmacs]) -> Gmacs:
    conv = math.fsum(count.conv for count in counts)
    return Gmacs(conv, math.fsum(count.total for count in counts))
