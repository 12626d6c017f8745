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

"""ONNX to TensorRT's network, or an error that names the operator."""

import json
from pathlib import Path
import re
from typing import Any, Dict, List, Optional, TYPE_CHECKING

import onnx
from swiftnet_ros.backends.tensorrt.api import is_strongly_typed
from swiftnet_ros.errors import BuildError, listing

if TYPE_CHECKING:
    from swiftnet_ros.backends.tensorrt.api import TensorRt, tensorrt

# In the order in which they are looked for: UInt8 holds Int8.
_PRECISIONS = (
    ('uint8', r'uint8'),
    ('int8', r'int8|signed 8'),
    ('bf16', r'bf16|bfloat16'),
    ('fp16', r'fp16|half|float16'),
    ('fp32', r'fp32|float'),
    ('int32', r'int32'),
    ('int64', r'int64'),
    ('bool', r'bool'),
)


def layer_precisions(trt: 'TensorRt', engine: 'tensorrt.ICudaEngine') -> Dict[str, str]:
    """Give the precision of every layer that an engine has, in its order."""
    inspector = engine.create_engine_inspector()
    return read_layers(inspector.get_engine_information(trt.LayerInformationFormat.JSON))


def read_layers(text: str) -> Dict[str, str]:
    """
    Read the inspector's JSON: a layer computes in what its weights are, else in what it reads.

    An engine that was built without details names its layers only; they are left out.
    """
    tree: Any = json.loads(text)
    layers: List[Any] = tree.get('Layers', []) if isinstance(tree, dict) else []
    found = {}
    for layer in layers:
        precision = _precision(layer) if isinstance(layer, dict) else None
        if precision is not None:
            found[str(layer.get('Name'))] = precision
    return found


def _precision(layer: Dict[str, Any]) -> Optional[str]:
    weights = layer.get('Weights')
    texts = [str(weights.get('Type'))] if isinstance(weights, dict) else []
    for edge in (*layer.get('Inputs', ()), *layer.get('Outputs', ())):
        if isinstance(edge, dict):
            texts += [str(edge[key]) for key in ('Datatype', 'Format/Datatype') if key in edge]
    for text in texts:
        for name, pattern in _PRECISIONS:
            if re.search(pattern, text, re.IGNORECASE):
                return name
    return None


def make_network(trt: 'TensorRt', builder: 'tensorrt.Builder') -> 'tensorrt.INetworkDefinition':
    """Make an empty network with what this TensorRT has to be told."""
    kinds, flags = trt.NetworkDefinitionCreationFlag, 0
    if hasattr(kinds, 'EXPLICIT_BATCH'):
        flags |= 1 << int(kinds.EXPLICIT_BATCH)
    if is_strongly_typed(trt) and hasattr(kinds, 'STRONGLY_TYPED'):
        flags |= 1 << int(kinds.STRONGLY_TYPED)
    return builder.create_network(flags)


def parse(parser: 'tensorrt.OnnxParser', model: onnx.ModelProto, path: Path) -> None:
    """Fill the parser's network."""
    if hasattr(parser, 'supports_operator'):
        kinds = {node.op_type for node in model.graph.node}
        unknown = sorted(kind for kind in kinds if not parser.supports_operator(kind))
        if unknown:
            raise BuildError(path, f'this TensorRT has no operator {listing(unknown)}')
    if not parser.parse(model.SerializeToString()):
        raise BuildError(path, '; '.join(_errors(parser, model)) or 'its parser failed')


def _errors(parser: 'tensorrt.OnnxParser', model: onnx.ModelProto) -> List[str]:
    texts = []
    for index in range(parser.num_errors):
        error = parser.get_error(index)
        node = error.node()
        nodes = model.graph.node
        where = (
            f'operator {nodes[node].op_type} {nodes[node].name}: '
            if 0 <= node < len(nodes)
            else ''
        )
        texts.append(f'{where}{error.desc()}')
    return texts
