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
A JPEG reduced to its pixels: what a decoder gets has only the segments that it needs.

Metadata, thumbnails, color profiles and fill bytes are left out. What decoding will cost is
computed from the headers, for a decoder cannot be interrupted.
"""

from dataclasses import dataclass
import re
from struct import unpack_from
from typing import Dict, List, NamedTuple, Optional, Tuple

from swiftnet_ros.errors import InvalidFrameError

SIGNATURE = b'\xff\xd8\xff'
_START, _END, _SCAN = 0xD8, 0xD9, 0xDA
_WITHOUT_LENGTH = {0x00, 0x01, *range(0xD0, 0xD9)}
# Baseline, extended and progressive with Huffman codes. The others are lossless, hierarchical or
# use arithmetic codes: no camera writes them.
_PROGRESSIVE = 0xC2
_FRAMES = {0xC0, 0xC1, _PROGRESSIVE}
_OTHER_FRAMES = {0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF}
# Huffman codes, quantization tables, restart interval.
_TABLES = {0xC4, 0xDB, 0xDD}
# These two tell whether the colors are YCbCr or RGB.
_COLOR_MARKS = {0xE0: b'JFIF\0', 0xEE: b'Adobe'}
_NOT_FILL = re.compile(rb'[^\xff]')
# Within a scan 0xFF is followed by 0, or by the number of a restart.
_SCAN_END = re.compile(rb'\xff[^\x00\xff\xd0-\xd7]')
# An encoder writes a dozen scans; metadata may take hundreds of segments.
_MAX_SCANS, _MAX_SEGMENTS = 64, 2048


class JpegHeader(NamedTuple):
    """The size of a JPEG, and the number of 8x8 blocks of each component by its id."""

    height: int
    width: int
    blocks: Dict[int, int]
    is_progressive: bool


@dataclass(frozen=True)
class Jpeg:
    """
    A JPEG that has only what its decoder needs.

    `equivalent_pixels` is the size of the baseline JPEG, with colors of half the resolution
    (4:2:0), that takes as long to decode.
    """

    header: JpegHeader
    data: bytes
    equivalent_pixels: int


def reduced(data: bytes) -> Jpeg:
    """Return a JPEG with the same pixels; raise InvalidFrameError for a damaged or rare one."""
    kept: List[bytes] = [bytes((0xFF, _START))]
    header: Optional[JpegHeader] = None
    scans: List[int] = []
    scan_bytes, at = 0, 2
    for _ in range(_MAX_SEGMENTS):
        marker, at = _next_marker(data, at)
        if marker == _END:
            break
        if marker in _WITHOUT_LENGTH:
            continue
        start, content, end = at, *_segment(data, at)
        at = end
        if marker in _OTHER_FRAMES:
            raise InvalidFrameError('JPEG of a rare kind; send a baseline or progressive one')
        if marker in _FRAMES:
            if header is not None:
                raise InvalidFrameError('damaged JPEG: two sizes in its header')
            header = _header(content, marker == _PROGRESSIVE)
        elif marker == _SCAN:
            scans.append(_blocks_in_scan(content, header))
            end, at = _end_of_scan(data, end)
            scan_bytes += end - start
        if marker in _FRAMES or marker == _SCAN or marker in _TABLES or _is_color(marker, content):
            kept += bytes((0xFF, marker)), data[start:end]
    else:
        raise InvalidFrameError(f'JPEG with more than {_MAX_SEGMENTS} segments')
    if header is None or not scans:
        raise InvalidFrameError('damaged JPEG: no size in its header')
    return _checked(header, scans, scan_bytes, b''.join((*kept, bytes((0xFF, _END)))))


def _checked(header: JpegHeader, scans: List[int], scan_bytes: int, data: bytes) -> Jpeg:
    if len(scans) > _MAX_SCANS:
        raise InvalidFrameError(f'JPEG with more than {_MAX_SCANS} scans')
    blocks = sum(header.blocks.values())
    # A block takes at least one bit.
    if 8 * scan_bytes < blocks:
        raise InvalidFrameError('damaged JPEG: pixels are missing')
    is_buffered = header.is_progressive or scans[0] < blocks
    # Measured: buffered coefficients double the time, a scan of them adds an eighth of it. With
    # colors of half the resolution, 64 pixels are 1.5 blocks.
    cost = max(blocks * (2 if is_buffered else 1), sum(scans) // 4)
    return Jpeg(header, data, 128 * cost // 3)


def _next_marker(data: bytes, at: int) -> Tuple[int, int]:
    """Return the marker at a position, which fill bytes may precede, and where it ends."""
    found = _NOT_FILL.search(data, at)
    if found is None:
        raise InvalidFrameError('damaged JPEG: its end is missing')
    if found.start() == at:
        raise InvalidFrameError('damaged JPEG: a segment has a wrong length')
    return data[found.start()], found.end()


def _segment(data: bytes, at: int) -> Tuple[bytes, int]:
    """Return the content of a segment, which its length precedes, and where it ends."""
    length = unpack_from('>H', data, at)[0] if at + 2 <= len(data) else 0
    if length < 2:
        raise InvalidFrameError('damaged JPEG: a segment has a wrong length')
    end = at + length
    if end > len(data):
        raise InvalidFrameError('damaged JPEG: its end is missing')
    return data[at:end][2:], end


def _header(content: bytes, is_progressive: bool) -> JpegHeader:
    if len(content) < 6 or len(content) < 6 + 3 * content[5]:
        raise InvalidFrameError('damaged JPEG: no size in its header')
    bits, height, width, count = unpack_from('>BHHB', content)
    if bits != 8:
        raise InvalidFrameError(f'JPEG of {bits} bits, expected 8')
    components, pairs = content[6::3][:count], content[7::3][:count]
    factors = {name: (pair >> 4, pair & 15) for name, pair in zip(components, pairs)}
    if not 1 <= len(factors) == count <= 4 or not all(
        1 <= factor <= 4 for pair in factors.values() for factor in pair
    ):
        raise InvalidFrameError('damaged JPEG: unknown kind of pixels')
    widest, tallest = (max(pair[axis] for pair in factors.values()) for axis in (0, 1))
    blocks = {
        name: -(-width * wide // (8 * widest)) * -(-height * tall // (8 * tallest))
        for name, (wide, tall) in factors.items()
    }
    return JpegHeader(height, width, blocks, is_progressive)


def _blocks_in_scan(content: bytes, header: Optional[JpegHeader]) -> int:
    components = content[1::2][: content[0]] if content else b''
    if header is None or not components or not set(components) <= set(header.blocks):
        raise InvalidFrameError('damaged JPEG: a scan of unknown pixels')
    return sum(header.blocks[component] for component in components)


def _end_of_scan(data: bytes, at: int) -> Tuple[int, int]:
    """Return where the data of a scan end, and where the fill bytes after it end."""
    found = _SCAN_END.search(data, at)
    if found is None:
        raise InvalidFrameError('damaged JPEG: its end is missing')
    end = found.start()
    return at + len(data[at:end].rstrip(b'\xff')), end


def _is_color(marker: int, content: bytes) -> bool:
    return marker in _COLOR_MARKS and content.startswith(_COLOR_MARKS[marker])
