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
A machine with a fake GPU and a fake TensorRT that builds engines and runs them.

An engine contains its ONNX file, which OpenVINO runs in FP32 whatever the engine's precision; the
kernels are the real ones. Python processes get such a machine by the folder `fake_machine_site`
in PYTHONPATH.
"""

import base64
import json
from pathlib import Path
import sys
from typing import Any, Dict, Optional, Tuple

from helpers.fake_gpu import FakeGpu
from helpers.fake_tensorrt_builder import BUILDER_CLASSES
from helpers.fake_tensorrt_runtime import FakeNetwork, IoTensor, runtime_classes
from helpers.tensorrt_setup import JETSON, use_gpu
from helpers.tensorrt_stub import make_stub
import numpy as np
import onnx

SITE = Path(__file__).with_name('fake_machine_site')


class FakeMachine:
    """Installs a fake GPU, `gpu`, and the fake TensorRT of a version, `trt`, by a MonkeyPatch."""

    def __init__(self, patch: Any, version: str = JETSON) -> None:
        """Install both; nothing has to be closed."""
        self.gpu = FakeGpu()
        self.gpu.needs_context = False
        use_gpu(patch, self.gpu)
        network = FakeNetwork([], lambda image: None, self.gpu)
        network.open_engine = self._open
        self.trt = make_stub(version, {**BUILDER_CLASSES, **runtime_classes(network)})
        patch.setitem(sys.modules, self.trt.__name__, self.trt)
        self._opened: Dict[bytes, Any] = {}

    def _open(self, content: bytes) -> Optional[Tuple[Any, Any]]:
        """Return the I/O tensors of an engine and its inference, None for no engine."""
        if content not in self._opened:
            try:
                model = base64.b64decode(json.loads(content)['model'])
            except (ValueError, KeyError):
                return None
            self._opened[content] = _compiled(model)
        return self._opened[content]


def _compiled(model: bytes) -> Tuple[Any, Any]:
    """Return the I/O tensors of an ONNX file, and a function from its image to its logits."""
    from swiftnet_ros.backends.openvino.engine import openvino_core

    options = {'INFERENCE_PRECISION_HINT': 'f32', 'INFERENCE_NUM_THREADS': '1'}
    graph = openvino_core().read_model(model, b'')
    request = openvino_core().compile_model(graph, 'CPU', options).create_infer_request()
    parsed = onnx.load_model_from_string(model).graph
    tensors = [
        IoTensor(value.name, mode, dtype, tuple(d.dim_value for d in _dims(value)))
        for value, mode, dtype in (
            (parsed.input[0], 'INPUT', 'UINT8'),
            (parsed.output[0], 'OUTPUT', 'FLOAT'),
        )
    ]

    def infer(image: Any) -> Any:
        request.infer([image], share_inputs=False)
        return np.array(request.get_output_tensor(0).data[0])

    return tensors, infer


def _dims(value: onnx.ValueInfoProto) -> Any:
    return value.type.tensor_type.shape.dim
