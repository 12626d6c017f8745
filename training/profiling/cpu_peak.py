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

"""The peak throughput of this CPU: one large matrix product in OpenVINO, in each precision."""

from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper, TensorProto
from swiftnet_ros.backends.openvino.engine import openvino_core
from swiftnet_ros.model_spec.contract import IR_VERSION, OPSET
from swiftnet_ros.model_spec.qdq import DEQUANTIZE, QUANTIZE
from training.profiling.timing import milliseconds
from training.quantization.qdq_writer import WEIGHT_BITS

SIDE = 4096
BEST_OF = 5
_HINTS = {'fp32': 'f32', 'bf16': 'bf16', 'int8': 'f32'}


class CpuPeak:
    """
    The product of two square matrices, of which the second is constant as weights are.

    In int8 both factors and the product are int8, as between quantized layers.
    """

    def __init__(self, precision: str, threads: int, side: int = SIDE) -> None:
        self.precision = precision
        self._side = side
        model = openvino_core().read_model(_product(precision, side).SerializeToString(), b'')
        options = {
            'PERFORMANCE_HINT': 'LATENCY',
            'NUM_STREAMS': '1',
            'INFERENCE_NUM_THREADS': str(threads),
            'INFERENCE_PRECISION_HINT': _HINTS[precision],
        }
        self._request = openvino_core().compile_model(model, 'CPU', options).create_infer_request()
        dtype = np.int8 if precision == 'int8' else np.float32
        self._factor = np.random.default_rng(1).integers(-127, 128, (side, side)).astype(dtype)
        self._ms: list[float] = []

    def measure(self) -> None:
        """Compute the product once, unless it was measured often enough after one warm-up."""
        if len(self._ms) <= BEST_OF:
            self._ms.append(milliseconds(self._infer, self._factor))

    def facts(self) -> dict[str, Any]:
        """Return the best time and the throughput in 1e9 multiply-adds per second."""
        best = min(self._ms[1:])
        gmacs = self._side**3 / 1e9
        return {
            'precision': self.precision,
            'side': self._side,
            'best_ms': best,
            'gmacs_per_second': gmacs * 1000 / best,
            'rounds': [round(time, 3) for time in self._ms[1:]],
        }

    def _infer(self, factor: Any) -> None:
        self._request.infer([factor], share_inputs=True, share_outputs=True)


def _product(precision: str, side: int) -> onnx.ModelProto:
    highest = 2 ** (WEIGHT_BITS - 1) - 1
    weights = np.random.default_rng(0).integers(-highest, highest + 1, (side, side), np.int8)
    is_int8 = precision == 'int8'
    names, nodes = ('x', 'w'), []
    if is_int8:
        names = ('x_float', 'w_float')
        for value, name in zip('xw', names, strict=True):
            nodes.append(helper.make_node(DEQUANTIZE, [value, 'scale', 'zero'], [name]))
    product = 'y_float' if is_int8 else 'y'
    nodes.append(helper.make_node('Gemm', names, [product], transB=1))
    if is_int8:
        nodes.append(helper.make_node(QUANTIZE, [product, 'y_scale', 'zero'], ['y']))
    constants = {
        'w': weights if is_int8 else weights.astype(np.float32),
        'scale': np.float32(1 / 127),
        'zero': np.int8(0),
        'y_scale': np.float32(side / 127),
    }
    element_type = TensorProto.INT8 if is_int8 else TensorProto.FLOAT
    ends = [helper.make_tensor_value_info(name, element_type, [side, side]) for name in 'xy']
    used = {name for node in nodes for name in node.input}
    initializers = [
        numpy_helper.from_array(np.asarray(value), name)
        for name, value in constants.items()
        if name in used
    ]
    graph = helper.make_graph(nodes, 'product', ends[:1], ends[1:], initializers)
    opsets = [helper.make_opsetid('', OPSET)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)
