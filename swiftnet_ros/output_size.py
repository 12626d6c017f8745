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

"""The size of the label image: the camera's, the network's, or a fixed one."""

from dataclasses import dataclass
import re
from typing import Optional, Tuple

from swiftnet_ros.errors import InvalidValueError

LARGEST_SIDE = 16384
_FIXED = re.compile(r'([0-9]{1,5})x([0-9]{1,5})')

Size = Tuple[int, int]
"""Height and width in pixels."""


@dataclass(frozen=True)
class OutputSize:
    """Where the size comes from: `camera`, `network`, or `fixed` (height, width)."""

    source: str
    fixed: Optional[Size] = None

    def of(self, frame_size: Size, network_size: Size) -> Size:
        """Give (height, width) of the answer to a frame of `frame_size`."""
        if self.fixed is not None:
            return self.fixed
        return frame_size if self.source == 'camera' else network_size


def parse_output_size(text: str) -> OutputSize:
    """Read `camera`, `network` or WIDTHxHEIGHT of 1 to 16384 pixels a side, such as 640x360."""
    if text in ('camera', 'network'):
        return OutputSize(text)
    fixed = _FIXED.fullmatch(text)
    width, height = (int(side) for side in fixed.groups()) if fixed else (0, 0)
    if not (1 <= width <= LARGEST_SIDE and 1 <= height <= LARGEST_SIDE):
        expected = f'camera, network, or WIDTHxHEIGHT of 1 to {LARGEST_SIDE} pixels a side'
        raise InvalidValueError('output_size', text, expected)
    return OutputSize('fixed', (height, width))
