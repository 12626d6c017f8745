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

"""Run a TensorRT engine with everything on the GPU, from the camera's pixels to the labels."""

from collections import OrderedDict
from contextlib import ExitStack
import logging
from pathlib import Path
from typing import Callable, Dict, Set, Tuple, Union

import numpy as np
import numpy.typing as npt
from swiftnet_ros.backends.base import Engine
from swiftnet_ros.backends.cuda.device import CudaGpu
from swiftnet_ros.backends.tensorrt.api import tensorrt_module
from swiftnet_ros.backends.tensorrt.engine_cache import find_or_build
from swiftnet_ros.backends.tensorrt.engine_file import load, Sidecar, SUFFIX
from swiftnet_ros.backends.tensorrt.execution import TensorRtNetwork
from swiftnet_ros.backends.tensorrt.frame_plan import FrameForm, FramePlan
from swiftnet_ros.backends.tensorrt.identity import this_machine
from swiftnet_ros.backends.tensorrt.request import BuildRequest, Progress
from swiftnet_ros.core.frames import Frame
from swiftnet_ros.core.labels import Logits, Segmentation
from swiftnet_ros.errors import EngineMismatchError, InvalidValueError

# Cameras of so many forms take turns without being planned anew.
_MOST_PLANS = 8
# Fewer layers than this part are casts at the edges and no choice of precision.
_SHARE = 0.1
_PRECISIONS = ('int8', 'fp16', 'bf16', 'fp32')
_ANY = ('auto', 'best')
_LOG = logging.getLogger(__name__)


class TensorRtEngine(Engine):
    """
    An engine of TensorRT 8.5 or newer, in a CUDA context of its own.

    It belongs to the thread that opened it.
    """

    name = 'tensorrt'

    def __init__(self, path: Union[str, Path], precision: str = 'auto', threads: int = 0) -> None:
        """
        Open an `.engine` that has its sidecar, or the engine of an ONNX file, built if need be.

        `precision` is auto, or what is wanted: fp32, fp16 or int8. `threads` has no meaning here.
        """
        path = Path(path)
        if path.suffix != SUFFIX:
            wanted = 'best' if precision in _ANY else precision
            path = find_or_build(BuildRequest(path, wanted), _log_phases(path))
        content, sidecar = load(path)
        _check(path, sidecar, precision)
        super().__init__(sidecar.spec)
        self._precision = used_precision(sidecar)
        self._plans: OrderedDict[FrameForm, FramePlan] = OrderedDict()
        self._captures = True
        self._gpu = CudaGpu()
        try:
            with self._gpu.current():
                trt = tensorrt_module(sidecar.identity.module)
                self._network = TensorRtNetwork(trt, self._gpu, path, content, self.spec)
        except BaseException:
            self._gpu.close()
            raise

    @property
    def precision(self) -> str:
        """Give what the layers compute in, as TensorRT said when the engine was built."""
        return self._precision

    @property
    def device(self) -> str:
        """Give the GPU's name."""
        return self._gpu.name

    @property
    def threads(self) -> int:
        """Give 1: the CPU only waits."""
        return 1

    @property
    def uses_graph(self) -> bool:
        """Tell whether the work of a frame is sent to the GPU as one graph, as far as tried."""
        return self._captures and bool(self._plans)

    def infer(self, image: npt.NDArray[np.uint8]) -> Logits:
        """Run the network on uint8 [1, H, W, 3] in RGB: float32 [C, h, w]."""
        self._check_input(image)
        self.segment(Frame(image[0]), self.spec.logits_shape[1:])
        kind = np.float16 if self._network.is_half else np.float32
        logits = np.empty(self.spec.logits_shape, kind)
        with self._gpu.current():
            self._gpu.cuda.memcpy_dtoh(logits, self._network.logits)
        return logits.astype(np.float32)

    def _segment(
        self, frame: Frame, output_size: Tuple[int, int], with_confidence: bool
    ) -> Segmentation:
        size = (frame.height, frame.width)
        form = FrameForm(size, frame.channel_order, output_size, with_confidence)
        with self._gpu.current():
            plan = self._plans.pop(form, None)
            is_new = plan is None
            if plan is None:
                self._forget_oldest()
                plan = FramePlan(form, self.spec, self._gpu, self._network)
            self._plans[form] = plan
            answer = plan.run(frame)
            if is_new and self._captures:
                self._captures = plan.capture()
            return answer

    def _forget_oldest(self) -> None:
        while len(self._plans) >= _MOST_PLANS:
            self._plans.popitem(last=False)[1].free()

    def _close(self) -> None:
        with ExitStack() as stack:
            stack.callback(self._gpu.close)
            stack.enter_context(self._gpu.current())
            stack.callback(self._network.close)
            for plan in self._plans.values():
                stack.callback(plan.free)
            self._plans.clear()


def used_precision(sidecar: Sidecar) -> str:
    """Name the precisions that the layers really got, as int8+fp16; the lowest first."""
    layers = list(sidecar.precisions.values())
    counts: Dict[str, int] = {name: layers.count(name) for name in _PRECISIONS}
    least = _SHARE * sum(counts.values())
    found = [name for name, count in counts.items() if count > least]
    # Without a GPU nothing could be asked when it was built.
    return '+'.join(found) or sidecar.identity.precision


def _log_phases(model: Path) -> Callable[[Progress], None]:
    """Log each phase of a build once, as a warning: it may take minutes; a node builds apart."""
    told: Set[str] = set()

    def report(progress: Progress) -> None:
        if progress.phase not in told:
            told.add(progress.phase)
            _LOG.warning('engine of %s: %s', model, progress.phase)

    return report


def _check(path: Path, sidecar: Sidecar, precision: str) -> None:
    built = sidecar.identity
    if precision not in (*_ANY, built.precision):
        raise InvalidValueError('precision', precision, f'{built.precision}, as {path} was built')
    differences = built.machine_differences(this_machine(built.module))
    if differences:
        raise EngineMismatchError(path, differences)
