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

"""The precision of every layer of an engine, as TensorRT's inspector reports it."""

import json
import re
from typing import Any, Dict, List, Optional, TYPE_CHECKING

if TYPE_CHECKING:
    from swiftnet_ros.backends.tensorrt.api import TensorRt, tensorrt

# Searched in this order, since UInt8 contains Int8.
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


def layer_precisions(
    trt: 'TensorRt', logger: 'tensorrt.ILogger', serialized: bytes
) -> Dict[str, str]:
    """Return the precision of each layer by its name; empty if the engine does not load here."""
    engine = trt.Runtime(logger).deserialize_cuda_engine(serialized)
    if engine is None:
        return {}
    inspector = engine.create_engine_inspector()
    try:
        return read_layers(inspector.get_engine_information(trt.LayerInformationFormat.JSON))
    except json.JSONDecodeError:
        return {}


def read_layers(text: str) -> Dict[str, str]:
    """
    Read the precision of each layer from the inspector's JSON.

    A layer computes in the type of its weights, else of its inputs. Without detailed profiling
    verbosity there are only names of layers, which are left out.
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
    for tensor in (*layer.get('Inputs', ()), *layer.get('Outputs', ())):
        if isinstance(tensor, dict):
            texts += [str(tensor[key]) for key in ('Datatype', 'Format/Datatype') if key in tensor]
    for text in texts:
        for name, pattern in _PRECISIONS:
            if re.search(pattern, text, re.IGNORECASE):
                return name
    return None
