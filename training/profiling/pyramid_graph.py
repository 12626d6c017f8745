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


"""Where each node of an exported SwiftNet belongs in the pyramid, and its multiply-adds."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
import math
import re

import onnx
from swiftnet_ros.errors import InvalidModelError

LEVEL_PARTS = ('input', 'stem', 'block 1', 'block 2', 'block 3', 'block 4', 'laterals')
DECODER = 'decoder'
# How the module paths of the networks show in the names that the exporter gives to nodes.
_NAMES = (
    (re.compile(r'/encoder/stem(_\d+)?/'), 'stem'),
    (re.compile(r'/encoder/stages\.(?P<stage>\d)\.'), 'block'),
    (re.compile(r'/laterals\.\d'), 'laterals'),
    (re.compile(r'/(spp|upsample\.\d+|head)(_\d+)?/'), DECODER),
)
_POOLING = 'AveragePool'


@dataclass(frozen=True)
class Place:
    """
    A pyramid level (0 is the full image) and a part of it, one of `LEVEL_PARTS`.

    The decoder belongs to all levels and has none.
    """

    level: int | None
    part: str


@dataclass(frozen=True)
class Gmacs:
    """1e9 multiply-adds: of convolutions, and by the seminar's rule."""

    conv: float
    seminar: float


def places(model: onnx.ModelProto) -> dict[str, Place]:
    """
    Give every node that works on the image its place; keys are names of nodes and of outputs.

    The part is in the name. The level is not: it is how often the image was halved before. What
    has no telling name, as the ReLU between two blocks, belongs to what comes before it.
    """
    known = {value.name: Place(0, 'input') for value in model.graph.input}
    for node in model.graph.node:
        before = next((known[name] for name in node.input if name in known), None)
        if before is not None:
            place = _place(node, before)
            known.update(dict.fromkeys([node.name, *node.output], place))
    return known


def order(place: Place) -> tuple[float, int]:
    """Sort by level, then as the image goes through it; the decoder comes last."""
    if place.level is None:
        return math.inf, 0
    return place.level, LEVEL_PARTS.index(place.part)


def require_blocks(path: object, found: Mapping[str, Place]) -> None:
    """Refuse a network whose nodes do not tell its blocks."""
    if not {place.part for place in found.values()} >= {'stem', 'block 1', DECODER}:
        reason = 'its nodes do not name stem, blocks and decoder as those of training export do'
        raise InvalidModelError(path, f'{reason}; measure it without --per-block')


def gmacs(model: onnx.ModelProto) -> Gmacs:
    """Count a whole file; batch norms that were folded into convolutions no longer count."""
    counted = list(_counted(model))
    return _sum([macs for _, macs in counted])


def gmacs_by_place(model: onnx.ModelProto) -> dict[Place, Gmacs]:
    """Count each place of a network of `training export`."""
    found, sums = places(model), dict[Place, list[Gmacs]]()
    for node, macs in _counted(model):
        sums.setdefault(found[node.output[0]], []).append(macs)
    return {place: _sum(parts) for place, parts in sums.items()}


def _place(node: onnx.NodeProto, before: Place) -> Place:
    for pattern, part in _NAMES:
        if match := pattern.search(node.name):
            if part == DECODER:
                return Place(None, DECODER)
            part = f'block {int(match["stage"]) + 1}' if part == 'block' else part
            return Place(before.level, part)
    if node.op_type == _POOLING and before.part == 'input':
        assert before.level is not None
        return Place(before.level + 1, 'input')
    # Laterals of equal stride are summed over the levels.
    summed = before.part == 'laterals' and node.op_type == 'Add'
    return Place(None, DECODER) if summed else before


def _counted(model: onnx.ModelProto) -> Iterator[tuple[onnx.NodeProto, Gmacs]]:
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
    """Give the shape of every tensor of a graph, constants included."""
    graph = model.graph
    shapes = {item.name: tuple(item.dims) for item in graph.initializer}
    for value in (*graph.value_info, *graph.input, *graph.output):
        dims = value.type.tensor_type.shape.dim
        shapes[value.name] = tuple(dim.dim_value for dim in dims)
    return shapes


def _sum(parts: Sequence[Gmacs]) -> Gmacs:
    conv = math.fsum(part.conv for part in parts)
    return Gmacs(conv, math.fsum(part.seminar for part in parts))
