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

"""What every engine is: a specification, `segment`, `close`, and a context manager."""

from abc import ABC, abstractmethod
from dataclasses import replace
from time import perf_counter
from types import TracebackType
from typing import Optional, Tuple, Type

import numpy as np
import numpy.typing as npt
from swiftnet_ros.core.frames import Frame, to_network_input
from swiftnet_ros.core.labels import from_logits, Logits, Segmentation
from swiftnet_ros.errors import EngineUnavailableError, InvalidModelError, InvalidValueError
from swiftnet_ros.model_spec import ModelSpec


class Engine(ABC):
    """
    A network that is ready to run; one call at a time.

    An engine that resizes and takes the best class on its own device implements `_segment`;
    one that only gives logits is a `LogitsEngine`. `_close` frees what the engine holds.
    """

    name: str
    """The name under which `open_engine` knows the engine."""

    def __init__(self, spec: ModelSpec) -> None:
        """Keep what the network is."""
        self._spec = spec
        self._closed = False

    @property
    def spec(self) -> ModelSpec:
        """Give the specification that the model carries."""
        return self._spec

    @property
    @abstractmethod
    def precision(self) -> str:
        """Give the precision that is really used, as the engine reports it."""

    @property
    @abstractmethod
    def device(self) -> str:
        """Give the device that the network runs on, by its full name."""

    @property
    @abstractmethod
    def threads(self) -> int:
        """Give the number of CPU threads that a call uses."""

    def segment(
        self, frame: Frame, output_size: Tuple[int, int], with_confidence: bool = False
    ) -> Segmentation:
        """Segment a camera frame of any size; labels have `output_size`, (height, width)."""
        self._refuse_closed()
        if min(output_size) < 1:
            raise InvalidValueError('output size', output_size, '(height, width) of at least 1')
        return self._segment(frame, output_size, with_confidence)

    def close(self) -> None:
        """Free the network; a second call does nothing."""
        if not self._closed:
            self._closed = True
            self._close()

    def __enter__(self) -> 'Engine':
        """Give the engine itself."""
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        """Close the engine."""
        self.close()

    def _refuse_closed(self) -> None:
        if self._closed:
            raise EngineUnavailableError(self.name, 'it was closed; open it again')

    def _check_input(self, image: npt.NDArray[np.uint8]) -> None:
        self._refuse_closed()
        expected = (1, self.spec.input_height, self.spec.input_width, 3)
        if image.shape != expected or image.dtype != np.uint8:
            received = f'{image.dtype} {list(image.shape)}'
            raise InvalidValueError('network input', received, f'uint8 {list(expected)}')

    @abstractmethod
    def _segment(
        self, frame: Frame, output_size: Tuple[int, int], with_confidence: bool
    ) -> Segmentation: ...

    @abstractmethod
    def _close(self) -> None: ...


class LogitsEngine(Engine):
    """An engine that gives logits; size and labels are the CPU's work. Implements `_infer`."""

    def infer(self, image: npt.NDArray[np.uint8]) -> Logits:
        """
        Run the network on uint8 [1, H, W, 3] in RGB: float32 [C, h, w].

        The logits may be a view of the engine's own memory, which the next call overwrites: use
        or copy them before.
        """
        self._check_input(image)
        logits = self._infer(image)
        if logits.shape != self.spec.logits_shape or logits.dtype != np.float32:
            received = f'logits {logits.dtype} {list(logits.shape)}'
            expected_logits = f'float32 {list(self.spec.logits_shape)}'
            reason = f'it gave {received}, expected {expected_logits}'
            raise InvalidModelError(self.spec.name, reason)
        return logits

    def _segment(
        self, frame: Frame, output_size: Tuple[int, int], with_confidence: bool
    ) -> Segmentation:
        start = perf_counter()
        image = to_network_input(frame, self.spec.input_height, self.spec.input_width)
        prepared = perf_counter()
        logits = self.infer(image)
        inferred = perf_counter()
        answer = from_logits(logits, *output_size, with_confidence)
        seconds = {
            'prepare': prepared - start,
            'engine': inferred - prepared,
            'labels': perf_counter() - inferred,
        }
        return replace(answer, seconds=seconds)

    @abstractmethod
    def _infer(self, image: npt.NDArray[np.uint8]) -> Logits: ...
