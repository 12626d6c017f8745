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

"""All of the work on one camera frame, without ROS."""

from typing import Optional, Tuple, Union

import numpy as np
import numpy.typing as npt
from swiftnet_ros.backends.base import Engine
from swiftnet_ros.core.frames import Frame
from swiftnet_ros.core.labels import Segmentation
from swiftnet_ros.model_spec import ModelSpec


class Segmenter:
    """Segment camera frames of any size with an open engine."""

    def __init__(self, engine: Engine) -> None:
        """Use an engine, which whoever opened it closes."""
        self._engine = engine

    @property
    def spec(self) -> ModelSpec:
        """Give the specification of the engine's model."""
        return self._engine.spec

    def segment(
        self,
        pixels: Union[npt.NDArray[np.uint8], Frame],
        channel_order: str = 'rgb',
        with_confidence: bool = False,
        output_size: Optional[Tuple[int, int]] = None,
    ) -> Segmentation:
        """
        Label every pixel of a frame, at the frame's own size or at `output_size`.

        `pixels` are uint8 [H, W, C] in `channel_order` ([H, W] for mono), or a `Frame`, which
        knows its own. `with_confidence` adds 255 times the largest softmax of each pixel.
        `output_size` is (height, width).
        """
        frame = pixels if isinstance(pixels, Frame) else Frame(pixels, channel_order)
        size = output_size or (frame.height, frame.width)
        return self._engine.segment(frame, size, with_confidence)
