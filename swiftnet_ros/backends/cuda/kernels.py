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
The CUDA kernels of `kernels/segmentation.cu`: their source, tables, and launches.

Pure: addresses go in, launches come out. Whoever has a GPU, or plays one, carries them out.
"""

from dataclasses import dataclass
from math import ceil, log
from pathlib import Path
from typing import Any, Dict, List, Sequence, Tuple, Union

import numpy as np
import numpy.typing as npt
from swiftnet_ros.core.frames import CHANNEL_ORDERS
from swiftnet_ros.core.labels import label_dtype

SOURCE = Path(__file__).with_name('segmentation.cu')
# kernel -> its arguments: P a pointer, i a 32-bit integer, f a float
SIGNATURES: Dict[str, str] = {
    'resize_frame': 'PiiiiiiiPPiiP',
    'mark_candidates_f32': 'PiiifP',
    'mark_candidates_f16': 'PiiifP',
    'take_labels_f32_u8': 'PiiiPPPPiPP',
    'take_labels_f32_u16': 'PiiiPPPPiPP',
    'take_labels_f16_u8': 'PiiiPPPPiPP',
    'take_labels_f16_u16': 'PiiiPPPPiPP',
}
# Threads side by side and below each other. A warp is 32 neighbours of one row: its loads and
# stores are those of whole memory sectors.
BLOCK = (32, 4)
# `struct Tap` of the kernels.
TAP = np.dtype([('first', np.int32), ('part', np.float32)])
# What the classes that `mark_candidates` leaves out may add up to in a softmax: exp(-12), which is
# 0.002 of one step of the confidence.
_NEGLIGIBLE = 12.0

Table = npt.NDArray[Any]
Size = Tuple[int, int]


@dataclass(frozen=True)
class Launch:
    """One call of a kernel: blocks in x and y, and arguments as its signature has them."""

    kernel: str
    grid: Tuple[int, int]
    arguments: Tuple[Union[int, float], ...]


class ResizeStep:
    """From a camera's frame to the network's input, as `frames.to_network_input` does it."""

    def __init__(self, frame_size: Size, channel_order: str, input_size: Size) -> None:
        """Take sizes as (height, width)."""
        self._frame_size, self._input_size = frame_size, input_size
        self._places = _places(channel_order)
        self.channels = len(CHANNEL_ORDERS[channel_order])
        self.tables: List[Table] = [
            _taps(frame_size[0], input_size[0]),
            _edge_taps(frame_size[1], input_size[1]),
        ]

    def launch(self, frame: int, tables: Sequence[int], image: int) -> Launch:
        """Take the addresses of rows without gaps, of `tables`, and of the network's input."""
        height, width = self._input_size
        pitch = self._frame_size[1] * self.channels
        arguments = (frame, pitch, *self._frame_size, self.channels, *self._places)
        return Launch(
            'resize_frame', _grid(width, height), (*arguments, *tables, height, width, image)
        )


class LabelsStep:
    """From logits to labels and confidence at any size, as `labels.from_logits` does it."""

    def __init__(
        self,
        logits_shape: Tuple[int, int, int],
        is_half: bool,
        output_size: Size,
        with_confidence: bool,
    ) -> None:
        """Take the logits' shape [C, h, w], and the output's size as (height, width)."""
        self._shape, self._output_size = logits_shape, output_size
        self._with_confidence = with_confidence
        classes, height, width = logits_shape
        self.label_dtype = np.dtype(label_dtype(classes))
        self._logit = 'f16' if is_half else 'f32'
        rows = _taps(height, output_size[0])
        # The first output row of each row of cells; the rows' `first` only ever grows.
        starts = np.searchsorted(rows['first'], np.arange(-1, height + 1)).astype(np.int32)
        self.tables: List[Table] = [rows, starts, _edge_taps(width, output_size[1])]
        self.candidate_bytes = 4 * ceil(classes / 32) * (height + 1) * (width + 1)

    def launches(
        self,
        logits: int,
        tables: Sequence[int],
        candidates: int,
        labels: int,
        confidence: int,
    ) -> List[Launch]:
        """Take addresses; `candidates` is working memory, `confidence` is 0 for none."""
        classes, height, width = self._shape
        reach = _NEGLIGIBLE + log(classes) if self._with_confidence else 0.0
        columns = self._output_size[1]
        pixel = f'u{8 * self.label_dtype.itemsize}'
        return [
            Launch(
                f'mark_candidates_{self._logit}',
                _grid(width + 1, height + 1),
                (logits, classes, height, width, reach, candidates),
            ),
            Launch(
                f'take_labels_{self._logit}_{pixel}',
                _grid(columns, height + 1),
                (logits, *self._shape, candidates, *tables, columns, labels, confidence),
            ),
        ]


def _grid(width: int, height: int) -> Tuple[int, int]:
    return ceil(width / BLOCK[0]), ceil(height / BLOCK[1])


def _places(channel_order: str) -> Tuple[int, ...]:
    """Give where in a pixel red, green and blue are; grey is all three."""
    channels = CHANNEL_ORDERS[channel_order]
    return tuple(channels.index(name) if name in channels else 0 for name in 'rgb')


def _taps(source: int, target: int) -> Table:
    """Say where each target pixel lies on an axis: half-pixel centres, in OpenCV's arithmetic."""
    scale = 1.0 / (target / source)
    centres = ((np.arange(target) + 0.5) * scale - 0.5).astype(np.float32)
    taps = np.empty(target, TAP)
    taps['first'] = np.floor(centres)
    taps['part'] = centres - taps['first'].astype(np.float32)
    return taps


def _edge_taps(source: int, target: int) -> Table:
    """Give the same with what lies outside put on the edge, as OpenCV does with columns only."""
    taps = _taps(source, target)
    outside = (taps['first'] < 0) | (taps['first'] >= source - 1)
    taps['first'] = taps['first'].clip(0, source - 1)
    taps['part'][outside] = 0.0
    return taps
