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


"""The Q/DQ pairs of an ONNX graph, and what reads and writes its values."""

from typing import Any, Dict, List, Optional

import numpy as np
import numpy.typing as npt
import onnx
from onnx import numpy_helper

QUANTIZE = 'QuantizeLinear'
DEQUANTIZE = 'DequantizeLinear'


class Pairs:
    """A graph indexed by its values; a `source` is what a pair makes coarser."""

    def __init__(self, model: onnx.ModelProto) -> None:
        """Index a graph."""
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
        """List the nodes that read a value."""
        return self._readers.get(value, [])

    def of_type(self, *kinds: str) -> List[onnx.NodeProto]:
        """List the nodes of some types in the order of computation."""
        return [node for node in self.nodes if node.op_type in kinds]

    def array(self, name: str) -> Optional[npt.NDArray[Any]]:
        """Give a constant, None for what is computed."""
        weight = self.weights.get(name)
        return None if weight is None else np.asarray(numpy_helper.to_array(weight))

    def writer(self, value: str, *kinds: str) -> Optional[onnx.NodeProto]:
        """Give the node that writes a value if it is of one of the types."""
        node = self.writers.get(value)
        return node if node is not None and node.op_type in kinds else None

    def quantizer(self, value: str) -> Optional[onnx.NodeProto]:
        """Give the quantizer of the pair that a value comes out of, None where there is none."""
        restored = self.writer(value, DEQUANTIZE)
        return None if restored is None else self.writer(restored.input[0], QUANTIZE)

    def scale(self, node: onnx.NodeProto) -> Optional[npt.NDArray[Any]]:
        """Give the scales of a quantizer or dequantizer, None if they are computed."""
        return self.array(node.input[1])
