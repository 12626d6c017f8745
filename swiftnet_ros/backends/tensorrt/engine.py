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

"""The TensorRT backend: everything on the GPU, from the camera's pixels to the labels."""

from collections import OrderedDict
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import ContextManager, Dict, Optional, Union

import numpy as np
import numpy.typing as npt
from swiftnet_ros.backends.base import Backend
from swiftnet_ros.backends.cuda.device import CudaDevice
from swiftnet_ros.backends.cuda.driver import find_gpu
from swiftnet_ros.backends.engine_build import EngineBuild, EngineFile
from swiftnet_ros.backends.options import AUTO, BackendOptions
from swiftnet_ros.backends.tensorrt.api import tensorrt_module
from swiftnet_ros.backends.tensorrt.engine_cache import prepared_engine
from swiftnet_ros.backends.tensorrt.engine_file import load, Sidecar
from swiftnet_ros.backends.tensorrt.execution import EngineExecution
from swiftnet_ros.backends.tensorrt.frame_plan import FrameFormat, FramePlan
from swiftnet_ros.backends.tensorrt.identity import this_machine
from swiftnet_ros.backends.tensorrt.source import file_precision
from swiftnet_ros.core.frames import Frame
from swiftnet_ros.core.labels import Labels, Logits, Segmentation
from swiftnet_ros.errors import EngineMismatchError, EngineUnavailableError, InvalidValueError
from swiftnet_ros.model_spec import ModelFile
from swiftnet_ros.system.image_size import Size

# Frame formats whose memory and graphs are kept, for cameras that take turns.
_MAX_PLANS = 8
# Ignore a precision used by fewer layers than this fraction: those are I/O casts.
_MIN_FRACTION = 0.1
_PRECISIONS = ('int8', 'fp16', 'bf16', 'fp32')


class TensorRtBackend(Backend):
    """
    An engine of TensorRT 8.5 or newer, in a CUDA context of its own.

    It must be used on the thread that opened it.
    """

    name = 'tensorrt'
    # The CPU only waits.
    threads = 1

    @classmethod
    def unavailable_reason(cls) -> str:
        """Return what this computer lacks for TensorRT, empty if it can be used."""
        for module in ('tensorrt', 'pycuda'):
            if not _is_installed(module):
                return f'the Python module {module} is not installed'
        try:
            find_gpu()
        except EngineUnavailableError:
            return 'there is no NVIDIA GPU'
        return ''

    @classmethod
    def file_precision(cls, options: BackendOptions) -> str:
        """Return which file of a pair suits the options, empty for the default one."""
        return file_precision(options)

    @classmethod
    def prepare(
        cls, model: ModelFile, options: BackendOptions, build: EngineBuild
    ) -> ContextManager[EngineFile]:
        """Find the engine of a model, or build it in a child process."""
        return prepared_engine(model, options, build)

    @classmethod
    def open(  # noqa: A003
        cls, model: ModelFile, file: EngineFile, options: BackendOptions
    ) -> 'TensorRtBackend':
        """Load an engine that has its sidecar; it must have been built from this very model."""
        return cls(file.path, options.precision, model, file.source_sha256)

    def __init__(
        self,
        path: Union[str, Path],
        precision: str = AUTO,
        model: Optional[ModelFile] = None,
        source_sha256: str = '',
    ) -> None:
        """
        Load an engine file and its sidecar.

        Unless `precision` is auto, it must match the engine's. If there is a `model`, the engine
        must be that, or be built from it, or from the file of its pair with `source_sha256`.
        """
        path = Path(path)
        content, sidecar = load(path)
        if model is not None:
            _check_model(path, sidecar, model, source_sha256)
        _check(path, sidecar, precision)
        super().__init__(sidecar.spec)
        self.precision = used_precision(sidecar)
        self._plans: OrderedDict[FrameFormat, FramePlan] = OrderedDict()
        self._can_capture = True
        self._cuda = CudaDevice()
        self.device = self._cuda.name
        try:
            with self._cuda.current():
                trt = tensorrt_module(sidecar.identity.module)
                self._execution = EngineExecution(trt, self._cuda, path, content, self.spec)
        except BaseException:
            self._cuda.close()
            raise

    @property
    def uses_cuda_graph(self) -> bool:
        """Return whether the work of a frame is launched as one CUDA graph."""
        return self._can_capture and bool(self._plans)

    @property
    def device_memory_mb(self) -> float:
        """Return the memory of the GPU that is in use, in 1e6 bytes; other processes count."""
        with self._cuda.current():
            free, total = self._cuda.cuda.mem_get_info()
        return (total - free) / 1e6

    def layer_ms(self, runs: int) -> Dict[str, float]:
        """Return the median milliseconds of every layer of the engine."""
        with self._cuda.current():
            return self._execution.layer_ms(runs)

    def segment(
        self,
        frame: Frame,
        output_size: Size,
        with_confidence: bool = False,
        out: Optional[Labels] = None,
    ) -> Segmentation:
        """Label a frame with everything on the GPU; see `Backend.segment`."""
        frame_size = (frame.height, frame.width)
        key = FrameFormat(frame_size, frame.channel_order, output_size, with_confidence)
        with self._cuda.current():
            plan = self._plans.pop(key, None)
            is_new = plan is None
            if plan is None:
                self._free_oldest_plans()
                plan = FramePlan(key, self.spec, self._cuda, self._execution)
            self._plans[key] = plan
            result = plan.run(frame, out)
            if is_new and self._can_capture:
                self._can_capture = plan.capture()
            return result

    def _infer(self, image: npt.NDArray[np.uint8]) -> Logits:
        self.segment(Frame(image[0]), self.spec.logits_shape[1:])
        logits = np.empty(self.spec.logits_shape, self._execution.logits_dtype)
        with self._cuda.current():
            self._cuda.cuda.memcpy_dtoh(logits, self._execution.logits_address)
        return logits.astype(np.float32)

    def _free_oldest_plans(self) -> None:
        while len(self._plans) >= _MAX_PLANS:
            self._plans.popitem(last=False)[1].free()

    def _close(self) -> None:
        with ExitStack() as stack:
            stack.callback(self._cuda.close)
            stack.enter_context(self._cuda.current())
            stack.callback(self._execution.close)
            for plan in self._plans.values():
                stack.callback(plan.free)
            self._plans.clear()


def used_precision(sidecar: Sidecar) -> str:
    """Return the precisions that most layers compute in, the lowest first, such as int8+fp16."""
    layers = list(sidecar.precisions.values())
    counts: Dict[str, int] = {name: layers.count(name) for name in _PRECISIONS}
    least = _MIN_FRACTION * sum(counts.values())
    found = [name for name, count in counts.items() if count > least]
    # Layers are unknown if the engine was built without its GPU.
    return '+'.join(found) or sidecar.identity.precision


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ValueError:
        # A module without a spec was imported already.
        return True


def _check_model(path: Path, sidecar: Sidecar, model: ModelFile, source_sha256: str) -> None:
    """Raise EngineMismatchError if a file was replaced after the model was read."""
    is_engine = model.graph is None
    found = sidecar.engine_sha256 if is_engine else sidecar.identity.model_sha256
    if found != (source_sha256 or model.sha256):
        reason = 'it changed while it was opened'
        if not is_engine:
            reason = 'the model changed while it was built'
        raise EngineMismatchError(path, [reason])


def _check(path: Path, sidecar: Sidecar, precision: str) -> None:
    """Raise an error if an engine has another precision or is for another machine."""
    built = sidecar.identity
    if precision not in (AUTO, built.precision):
        raise InvalidValueError('precision', precision, f'{built.precision}, as {path} was built')
    differences = built.machine_differences(this_machine(built.module))
    if differences:
        raise EngineMismatchError(path, differences)
