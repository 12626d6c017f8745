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

"""The interface of a backend, which runs a model: OpenVINO on a CPU, TensorRT on a GPU."""

from abc import ABC, abstractmethod
from contextlib import nullcontext
from dataclasses import replace
from time import perf_counter
from typing import ClassVar, ContextManager, Dict, Optional, Tuple, Type, TypeVar

import numpy as np
import numpy.typing as npt
from swiftnet_ros.backends.engine_build import EngineBuild, EngineFile
from swiftnet_ros.backends.options import AUTO, BackendOptions
from swiftnet_ros.core.frames import Frame, to_network_input
from swiftnet_ros.core.labels import from_logits, Labels, Logits, Segmentation
from swiftnet_ros.errors import (
    BackendClosedError,
    InvalidModelError,
    InvalidValueError,
    NonFiniteLogitsError,
)
from swiftnet_ros.model_spec import ModelFile, ModelSpec

BackendT = TypeVar('BackendT', bound='Backend')


class Backend(ABC):
    """
    A model loaded by a backend. Not thread-safe: call it only from the thread that opened it.

    The class methods return whether the backend can be used here and which file of a model it
    takes, and turn that file into an engine. A subclass implements `open`, `_infer` and `_close`;
    one that does everything on its own device overrides `segment`.
    """

    name: ClassVar[str]
    """The name in the registry."""
    precision: str
    """The precision that the layers really run in, as the backend reports it."""
    device: str
    """The full name of the device that runs the network."""
    threads: int
    """The number of CPU threads that a call uses."""

    @classmethod
    def unavailable_reason(cls) -> str:
        """Return what this computer lacks for the backend, empty if it can be used."""
        return ''

    @classmethod
    def is_available(cls) -> bool:
        """Return whether the backend can be used on this computer."""
        return not cls.unavailable_reason()

    @classmethod
    def file_precision(cls, options: BackendOptions) -> str:
        """Return which file of a pair suits the options: fp32, fp16, int8, or empty for any."""
        if options.precision == AUTO:
            return ''
        return 'int8' if options.precision == 'int8' else 'fp32'

    @classmethod
    def prepare(
        cls, model: ModelFile, options: BackendOptions, build: EngineBuild
    ) -> ContextManager[EngineFile]:
        """
        Find or build the file that `open` opens; it is valid only inside the `with` block.

        A backend that compiles a model when it opens it has nothing to prepare.
        """
        return nullcontext(EngineFile(model.path))

    @classmethod
    @abstractmethod
    def open(  # noqa: A003
        cls: Type[BackendT], model: ModelFile, file: EngineFile, options: BackendOptions
    ) -> BackendT:
        """Open what `prepare` found for a model."""

    def __init__(self, spec: ModelSpec) -> None:
        """Store the specification of the model."""
        self.spec = spec
        self._is_closed = False
        # Used again for every frame, which is not kept.
        self._input = np.empty((1, spec.input_height, spec.input_width, 3), np.uint8)

    @property
    def uses_cuda_graph(self) -> Optional[bool]:
        """Return whether the work of a frame is one CUDA graph, None on a CPU."""
        return None

    @property
    def device_memory_mb(self) -> Optional[float]:
        """Return the memory of the GPU that is in use, in 1e6 bytes, None on a CPU."""
        return None

    def layer_ms(self, runs: int) -> Dict[str, float]:
        """Return the median milliseconds of every layer, empty if the backend cannot."""
        return {}

    def infer(self, image: npt.NDArray[np.uint8]) -> Logits:
        """
        Run the network on uint8 [1, H, W, 3] in RGB; return logits, float32 [C, h, w].

        They may be a view of memory that the next call overwrites.
        """
        self.raise_if_closed()
        expected = (1, self.spec.input_height, self.spec.input_width, 3)
        if image.shape != expected or image.dtype != np.uint8:
            received = f'{image.dtype} {list(image.shape)}'
            raise InvalidValueError('network input', received, f'uint8 {list(expected)}')
        logits = self._infer(image)
        if logits.shape != self.spec.logits_shape or logits.dtype != np.float32:
            received = f'logits {logits.dtype} {list(logits.shape)}'
            reason = f'it returned {received}, expected float32 {list(self.spec.logits_shape)}'
            raise InvalidModelError(self.spec.name, reason)
        return logits

    def check_logits(self, frame: Frame) -> None:
        """Raise NonFiniteLogitsError if a logit of a frame is NaN or infinite."""
        image = to_network_input(frame, self.spec.input_height, self.spec.input_width)
        if not np.isfinite(self.infer(image)).all():
            raise NonFiniteLogitsError(self.spec.name, self.precision)

    def segment(
        self,
        frame: Frame,
        output_size: Tuple[int, int],
        with_confidence: bool = False,
        out: Optional[Labels] = None,
    ) -> Segmentation:
        """
        Preprocess a frame, run the network, and return labels at `output_size` (height, width).

        They are written to `out` if there is one. `Segmenter.segment` checks the arguments.
        """
        start = perf_counter()
        size = (self.spec.input_height, self.spec.input_width)
        image = to_network_input(frame, *size, self._input)
        preprocessed = perf_counter()
        logits = self.infer(image)
        inferred = perf_counter()
        result = from_logits(logits, *output_size, with_confidence, out)
        seconds = {
            'prepare': preprocessed - start,
            'engine': inferred - preprocessed,
            'labels': perf_counter() - inferred,
        }
        return replace(result, seconds=seconds)

    def raise_if_closed(self) -> None:
        """Raise BackendClosedError if the backend was closed."""
        if self._is_closed:
            raise BackendClosedError(self.name)

    def close(self) -> None:
        """Release the model; a second call does nothing."""
        if not self._is_closed:
            self._is_closed = True
            self._close()

    def __enter__(self: BackendT) -> BackendT:
        """Return the backend itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """Close the backend."""
        self.close()

    @abstractmethod
    def _infer(self, image: npt.NDArray[np.uint8]) -> Logits: ...

    @abstractmethod
    def _close(self) -> None: ...
