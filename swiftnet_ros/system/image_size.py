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

"""Image sizes as text: WIDTHxHEIGHT on command lines and in tables, (height, width) in arrays."""

from argparse import ArgumentTypeError
import re
import sys
from typing import Tuple

from swiftnet_ros.errors import InvalidValueError

LARGEST_SIDE = 16384
SIZE_FORM = f'WIDTHxHEIGHT of 1 to {LARGEST_SIDE} pixels a side'
_SIZE = re.compile(r'([0-9]{1,5})x([0-9]{1,5})')

Size = Tuple[int, int]
"""Height and width in pixels."""


def parse_size(text: str, name: str = '--size') -> Size:
    """Return (height, width) of text such as 640x360; raise InvalidValueError on other text."""
    match = _SIZE.fullmatch(text)
    width, height = (int(side) for side in match.groups()) if match else (0, 0)
    if not (1 <= width <= LARGEST_SIDE and 1 <= height <= LARGEST_SIDE):
        raise InvalidValueError(name, text, SIZE_FORM)
    return height, width


def format_size(size: Size) -> str:
    """Return (height, width) as text, such as 640x360."""
    return f'{size[1]}x{size[0]}'


def network_size(text: str) -> Size:
    """
    Return (height, width) of an argument in multiples of 8; a `type` for argparse.

    What was understood is printed to stderr: the commands that use this read HEIGHTxWIDTH before.
    """
    try:
        height, width = parse_size(text)
    except InvalidValueError:
        height, width = 0, 0
    if not height or height % 8 or width % 8:
        raise ArgumentTypeError(f'{text!r} is not WIDTHxHEIGHT in multiples of 8, as 1024x512')
    print(f'size {text}: width {width}, height {height}', file=sys.stderr)
    return height, width
