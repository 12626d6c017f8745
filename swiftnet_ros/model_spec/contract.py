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

"""The contract of ONNX graphs: opset, input `image` and output `logits`."""

from dataclasses import dataclass
from typing import List, Sequence, Tuple

import onnx
from swiftnet_ros.errors import InvalidModelError
from swiftnet_ros.model_spec.parsing import type_name
from swiftnet_ros.model_spec.spec import ModelSpec

INPUT_NAME = 'image'
OUTPUT_NAME = 'logits'
# The newest that TensorRT 8.5 reads.
OPSET = 17
IR_VERSION = 8

_INTEGERS = frozenset(
    onnx.TensorProto.DataType.Value(f'{sign}INT{bits}')
    for sign in ('', 'U')
    for bits in (8, 16, 32, 64)
)
_REARRANGES = frozenset(['Cast', 'Identity', 'Reshape', 'Squeeze', 'Transpose', 'Unsqueeze'])


@dataclass(frozen=True)
class Edge:
    """An input or output of a graph, with its ONNX data type; 0 is a dynamic dimension."""

    name: str
    data_type: int
    shape: Tuple[int, ...]

    def __str__(self) -> str:
        """Return the edge as text for messages."""
        return f'{self.name!r} {type_name(self.data_type)} {list(self.shape)}'


def inputs(model: onnx.ModelProto) -> List[Edge]:
    """Return the inputs of a graph, without the weights that old files list as inputs."""
    weights = {item.name for item in model.graph.initializer}
    return [_edge(value) for value in model.graph.input if value.name not in weights]


def outputs(model: onnx.ModelProto) -> List[Edge]:
    """Return the outputs of a graph."""
    return [_edge(value) for value in model.graph.output]


def check_graph(model: onnx.ModelProto, spec: ModelSpec, path: object) -> None:
    """Raise InvalidModelError if the input or output is not as its specification says."""
    image = Edge(INPUT_NAME, onnx.TensorProto.UINT8, (1, spec.input_height, spec.input_width, 3))
    logits = Edge(OUTPUT_NAME, onnx.TensorProto.FLOAT, (1, *spec.logits_shape))
    why = f'{len(spec.classes)} classes at output stride {spec.output_stride}'
    check_logits(model, len(spec.classes), path)
    _expect(path, 'input', inputs(model), image, 'pixels in RGB')
    _expect(path, 'output', outputs(model), logits, why)


def check_logits(model: onnx.ModelProto, classes: int, path: object) -> None:
    """Raise InvalidModelError if the output is class ids, or has the classes in the last axis."""
    for output in outputs(model):
        wanted = f'float [1, {classes}, H, W]'
        if output.data_type in _INTEGERS or _comes_from_argmax(model, output.name):
            reason = f'its output is class ids ({output}); export the logits before the argmax'
            raise InvalidModelError(path, f'{reason}, {wanted}')
        if len(output.shape) == 4 and output.shape[3] == classes != output.shape[1]:
            reason = f'its output {output} has the classes in the last axis'
            raise InvalidModelError(path, f'{reason}; export it as {wanted}')


def _comes_from_argmax(model: onnx.ModelProto, name: str) -> bool:
    producers = {output: node for node in model.graph.node for output in node.output}
    # A cyclic graph ends too: every node is taken out.
    while name in producers:
        node = producers.pop(name)
        if node.op_type == 'ArgMax':
            return True
        if node.op_type not in _REARRANGES or not node.input:
            return False
        name = node.input[0]
    return False


def _expect(path: object, what: str, received: Sequence[Edge], expected: Edge, why: str) -> None:
    if list(received) != [expected]:
        found = ' and '.join(str(edge) for edge in received) or 'none'
        raise InvalidModelError(
            path, f'its {what} is {found}, its specification expects {expected} ({why})'
        )


def _edge(value: onnx.ValueInfoProto) -> Edge:
    tensor = value.type.tensor_type
    shape = tuple(dimension.dim_value for dimension in tensor.shape.dim)
    return Edge(value.name, tensor.elem_type, shape)
