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

"""TensorRT's network definition, parsed from an ONNX model."""

from pathlib import Path
from typing import List, TYPE_CHECKING

from swiftnet_ros.backends.tensorrt.api import is_strongly_typed
from swiftnet_ros.errors import BuildError, listing

if TYPE_CHECKING:
    import onnx
    from swiftnet_ros.backends.tensorrt.api import TensorRt, tensorrt


def create_network(trt: 'TensorRt', builder: 'tensorrt.Builder') -> 'tensorrt.INetworkDefinition':
    """Return an empty network with the creation flags that this TensorRT needs."""
    kinds, flags = trt.NetworkDefinitionCreationFlag, 0
    if hasattr(kinds, 'EXPLICIT_BATCH'):
        flags |= 1 << int(kinds.EXPLICIT_BATCH)
    if is_strongly_typed(trt) and hasattr(kinds, 'STRONGLY_TYPED'):
        flags |= 1 << int(kinds.STRONGLY_TYPED)
    return builder.create_network(flags)


def parse_model(parser: 'tensorrt.OnnxParser', model: 'onnx.ModelProto', path: Path) -> None:
    """Parse a model into the parser's network; raise BuildError, which names the operator."""
    if hasattr(parser, 'supports_operator'):
        kinds = {node.op_type for node in model.graph.node}
        unknown = sorted(kind for kind in kinds if not parser.supports_operator(kind))
        if unknown:
            raise BuildError(path, f'this TensorRT has no operator {listing(unknown)}')
    if not parser.parse(model.SerializeToString()):
        raise BuildError(path, '; '.join(_parser_errors(parser, model)) or 'its parser failed')


def _parser_errors(parser: 'tensorrt.OnnxParser', model: 'onnx.ModelProto') -> List[str]:
    texts = []
    for index in range(parser.num_errors):
        error = parser.get_error(index)
        text, node = error.desc(), error.node()
        if 0 <= node < len(model.graph.node):
            operator = model.graph.node[node]
            text = f'operator {operator.op_type} {operator.name}: {text}'
        texts.append(text)
    return texts
