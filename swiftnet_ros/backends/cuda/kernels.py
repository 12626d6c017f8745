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
The CUDA kernels of `segmentation.cu`: signatures, lookup tables and launches.

Pure: addresses in, launches out. A GPU executes the launches, or in the tests a CPU.
"""

from dataclasses import dataclass
from math import ceil, log
from pathlib import Path
from typing import Any, Dict, List, Sequence, Tuple, Union

import numpy as np
import numpy.typing as npt
from swiftnet_ros.core.frames import CHANNEL_ORDERS
from swiftnet_ros.core.labels import label_dtype
from swiftnet_ros.system.image_size import Size

SOURCE = Path(__file__).with_name('segmentation.cu')
# kernel -> its parameters: P a pointer, i a 32-bit integer, f a float
SIGNATURES: Dict[str, str] = {
    'resize_frame': 'PiiiiiiiPPiiP',
    'mark_candidates_f32': 'PiiifP',
    'mark_candidates_f16': 'PiiifP',
    'argmax_labels_f32_u8': 'PiiiPPPPiPP',
    'argmax_labels_f32_u16': 'PiiiPPPPiPP',
    'argmax_labels_f16_u8': 'PiiiPPPPiPP',
    'argmax_labels_f16_u16': 'PiiiPPPPiPP',
}
# Threads of a block in x and y. A warp is 32 neighbors of one row, for coalesced memory access.
BLOCK = (32, 4)
# `struct Tap` of the kernels
TAP = np.dtype([('first', np.int32), ('fraction', np.float32)])
# All classes that are not candidates add at most exp(-12) to the sum of a softmax: 0.002 of one
# step of the confidence.
_NEGLIGIBLE_LOGIT = 12.0

LookupTable = npt.NDArray[Any]


@dataclass(frozen=True)
class KernelLaunch:
    """A kernel, its blocks in x and y, and its arguments in the order of its signature."""

    kernel: str
    grid: Tuple[int, int]
    arguments: Tuple[Union[int, float], ...]


class ResizeStep:
    """Camera frame to network input, equal to `frames.to_network_input`; sizes (height, width)."""

    def __init__(self, frame_size: Size, channel_order: str, input_size: Size) -> None:
        """Compute the lookup tables, `tables`, which have to be copied to the GPU."""
        self._frame_size, self._input_size = frame_size, input_size
        self._rgb_offsets = _rgb_offsets(channel_order)
        self.channels = len(CHANNEL_ORDERS[channel_order])
        self.tables: List[LookupTable] = [
            _taps(frame_size[0], input_size[0]),
            _clamped_taps(frame_size[1], input_size[1]),
        ]

    def launch(self, frame: int, tables: Sequence[int], image: int) -> KernelLaunch:
        """Return the launch for the addresses of contiguous pixels, `tables` and the input."""
        height, width = self._input_size
        row_bytes = self._frame_size[1] * self.channels
        arguments = (frame, row_bytes, *self._frame_size, self.channels, *self._rgb_offsets)
        return KernelLaunch(
            'resize_frame', _grid(width, height), (*arguments, *tables, height, width, image)
        )


class LabelsStep:
    """Logits to labels and confidence at any size, equal to `labels.from_logits`."""

    def __init__(
        self,
        logits_shape: Tuple[int, int, int],
        is_fp16: bool,
        output_size: Size,
        with_confidence: bool,
    ) -> None:
        """Compute `tables` for logits [C, h, w] and an output of (height, width)."""
        self._shape, self._output_size = logits_shape, output_size
        self._with_confidence = with_confidence
        classes, height, width = logits_shape
        self.label_dtype = np.dtype(label_dtype(classes))
        self._logit_type = 'f16' if is_fp16 else 'f32'
        rows = _taps(height, output_size[0])
        # The first output row of each row of cells; `first` never decreases from row to row.
        starts = np.searchsorted(rows['first'], np.arange(-1, height + 1)).astype(np.int32)
        self.tables: List[LookupTable] = [rows, starts, _clamped_taps(width, output_size[1])]
        self.candidate_bytes = 4 * ceil(classes / 32) * (height + 1) * (width + 1)

    def launches(
        self, logits: int, tables: Sequence[int], candidates: int, labels: int, confidence: int
    ) -> List[KernelLaunch]:
        """Return the launches for addresses; `candidates` is scratch, `confidence` may be 0."""
        classes, height, width = self._shape
        margin = _NEGLIGIBLE_LOGIT + log(classes) if self._with_confidence else 0.0
        columns = self._output_size[1]
        label_type = f'u{8 * self.label_dtype.itemsize}'
        return [
            KernelLaunch(
                f'mark_candidates_{self._logit_type}',
                _grid(width + 1, height + 1),
                (logits, classes, height, width, margin, candidates),
            ),
            KernelLaunch(
                f'argmax_labels_{self._logit_type}_{label_type}',
                _grid(columns, height + 1),
                (logits, *self._shape, candidates, *tables, columns, labels, confidence),
            ),
        ]


def _grid(width: int, height: int) -> Tuple[int, int]:
    return ceil(width / BLOCK[0]), ceil(height / BLOCK[1])


def _rgb_offsets(channel_order: str) -> Tuple[int, ...]:
    """Return the offsets of red, green and blue in a pixel; gray is all three."""
    channels = CHANNEL_ORDERS[channel_order]
    return tuple(channels.index(name) if name in channels else 0 for name in 'rgb')


def _taps(source: int, target: int) -> LookupTable:
    """Return the taps of an axis: half-pixel centers, in OpenCV's arithmetic."""
    scale = 1.0 / (target / source)
    centers = ((np.arange(target) + 0.5) * scale - 0.5).astype(np.float32)
    taps = np.empty(target, TAP)
    taps['first'] = np.floor(centers)
    taps['fraction'] = centers - taps['first'].astype(np.float32)
    return taps


def _clamped_taps(source: int, target: int) -> LookupTable:
    """Return taps clamped to the edge pixels, which OpenCV does for columns only."""
    taps = _taps(source, target)
    outside = (taps['first'] < 0) | (taps['first'] >= source - 1)
    taps['first'] = taps['first'].clip(0, source - 1)
    taps['fraction'][outside] = 0.0
    return taps
