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

"""A fake engine file, and a fake TensorRT and GPU that run it with the real kernels."""

import hashlib
from pathlib import Path
import sys
from types import ModuleType
from typing import Any, Callable, Dict, List, Optional

from helpers.fake_cuda import COMPILED, NAME
from helpers.fake_gpu import FakeGpu
from helpers.fake_tensorrt_runtime import FakeNetwork, IoTensor, runtime_classes
from helpers.tensorrt_stub import make_stub
import numpy as np
import pytest
from swiftnet_ros.backends.cuda import device, driver
from swiftnet_ros.backends.cuda.driver import Gpu
from swiftnet_ros.backends.tensorrt import identity
from swiftnet_ros.backends.tensorrt.engine_file import Sidecar, store
from swiftnet_ros.backends.tensorrt.identity import EngineIdentity
from swiftnet_ros.model_spec import ModelSpec

JETSON = 'tensorrt-8.5.2.2'
# Layers as the inspector reports them, of a network whose first layer is a cast.
PRECISIONS = {
    'cast': 'fp32',
    **{f'conv {i}': 'int8' for i in range(15)},
    **{f'head {i}': 'fp16' for i in range(4)},
}


def use_gpu(patch: pytest.MonkeyPatch, gpu: FakeGpu) -> None:
    """Install a fake GPU, and PyCUDA for it."""
    package: Any = ModuleType('pycuda')
    package.driver = gpu.driver
    patch.setitem(sys.modules, 'pycuda', package)
    patch.setitem(sys.modules, 'pycuda.driver', gpu.driver)
    patch.setattr(identity, 'find_gpu', lambda backend: Gpu(NAME, '7.2'))
    patch.setattr(driver, 'load_driver', lambda: gpu.library)
    patch.setattr(device, 'compile_for', lambda source, capability: COMPILED)


class FakeTensorRtSetup:
    """The fakes of one test; `dtype` is the data type of the logits."""

    def __init__(self, patch: pytest.MonkeyPatch, spec: ModelSpec, infer: Callable[[Any], Any]):
        """Install a fake GPU; `install` installs a fake TensorRT whose engines call `infer`."""
        self._patch, self.spec, self._infer = patch, spec, infer
        self.dtype = 'FLOAT'
        self.use_gpu(FakeGpu())

    def use_gpu(self, gpu: FakeGpu) -> None:
        self.gpu = gpu
        use_gpu(self._patch, gpu)

    def install(
        self, version: str = JETSON, io_tensors: Optional[List[IoTensor]] = None
    ) -> ModuleType:
        logits = IoTensor('logits', 'OUTPUT', self.dtype, (1, *self.spec.logits_shape))
        image = (1, self.spec.input_height, self.spec.input_width, 3)
        io_tensors = io_tensors or [logits, IoTensor('image', 'INPUT', 'UINT8', image)]
        self.network = FakeNetwork(io_tensors, self._infer, self.gpu)
        self.trt = make_stub(version, runtime_classes(self.network))
        self._patch.setitem(sys.modules, self.trt.__name__, self.trt)
        return self.trt

    def write_engine(self, path: Path, **changes: Any) -> Path:
        """Write an engine file and its sidecar for the fake TensorRT and GPU."""
        content = changes.pop('content', b'an engine')
        made: Dict[str, Any] = {
            'module': self.trt.__name__,
            'tensorrt_version': self.trt.__version__,
            'gpu_name': NAME,
            'compute_capability': '7.2',
            'precision': 'int8',
            'dla': None,
            'flags': ('INT8', 'FP16'),
            'model_sha256': '0' * 64,
            'calibration_sha256': None,
        }
        sidecar = Sidecar(
            identity=EngineIdentity(**{**made, **changes.pop('identity', {})}),
            spec=self.spec,
            golden=changes.pop('golden', None),
            engine_sha256=hashlib.sha256(content).hexdigest(),
            build_seconds=1.0,
            precisions=changes.pop('precisions', PRECISIONS),
            dla_fallback=(),
            workspace_mb=0,
            swiftnet_ros='0',
        )
        assert not changes
        store(path, content, sidecar)
        return path


def copied_logits(logits: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a function that copies its logits, which the next call would overwrite."""
    return lambda image: np.array(logits(image))
