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
from onnx import numpy_helper
import onnx.parser
from swiftnet_ros.backends.openvino.engine import openvino_core
from swiftnet_ros.model_spec.contract import IR_VERSION, OPSET
from swiftnet_ros.model_spec.qdq import DEQUANTIZE, QUANTIZE
from training.profiling.timing import milliseconds
from training.quantization.qdq_writer import WEIGHT_BITS

SIDE = 4096
BEST_OF = 5
_FLOAT_NODES = 'y = Gemm<transB = 1>(x, w)'
_INT8_NODES = f"""
    x_float = {DEQUANTIZE}(x, scale, zero)
    w_float = {DEQUANTIZE}(w, scale, zero)
    y_float = Gemm<transB = 1>(x_float, w_float)
    y = {QUANTIZE}(y_float, y_scale, zero)
"""
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
        """Compute the product once; do nothing after a warm-up and enough measurements."""
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
    kind, nodes = ('int8', _INT8_NODES) if precision == 'int8' else ('float', _FLOAT_NODES)
    model = onnx.parser.parse_model(
        f'<ir_version: {IR_VERSION}, opset_import: ["": {OPSET}]> product'
        f'({kind}[{side}, {side}] x) => ({kind}[{side}, {side}] y) {{ {nodes} }}'
    )
    highest = 2 ** (WEIGHT_BITS - 1) - 1
    weights = np.random.default_rng(0).integers(-highest, highest + 1, (side, side), np.int8)
    constants: dict[str, Any] = {'w': weights}
    if precision == 'int8':
        constants |= {'scale': np.float32(1 / 127), 'zero': np.int8(0)}
        constants['y_scale'] = np.float32(side / 127)
    else:
        constants['w'] = weights.astype(np.float32)
    for name, value in constants.items():
        model.graph.initializer.append(numpy_helper.from_array(np.asarray(value), name))
    return model
