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
A PNG reduced to its pixels: what a decoder gets has only the chunks that it needs.

A decoder cannot be interrupted and inflates whatever a file holds. Here the pixels are inflated
in slices, up to the size in the header, and stored again without compression.
"""

from struct import pack, unpack_from
from time import thread_time
from typing import List, NamedTuple, Tuple
from zlib import compress, crc32, decompressobj, error

from swiftnet_ros.errors import InvalidFrameError

SIGNATURE = b'\x89PNG\r\n\x1a\n'
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_PALETTE = 3
# Offset and step of the rows and columns of each pass of an interlaced image.
_ADAM7 = (
    *((0, 8, 0, 8), (0, 8, 4, 8), (4, 8, 0, 4), (0, 4, 2, 4)),
    *((2, 4, 0, 2), (0, 2, 1, 2), (1, 2, 0, 1)),
)
# libpng writes a chunk for every 8 kB.
_MAX_CHUNKS = 65536
_SLICE = 65536
# In CPU seconds. Blocks of some bytes take a hundred times as long as those of an encoder.
_MAX_INFLATE_TIME = 0.25


class PngHeader(NamedTuple):
    """What the header of a PNG says about its pixels."""

    width: int
    height: int
    bits: int
    color_type: int
    is_interlaced: bool

    @property
    def equivalent_pixels(self) -> int:
        """Return the size of the baseline JPEG that takes as long to decode."""
        channels = 3 if self.color_type == _PALETTE else _CHANNELS[self.color_type]
        decoded_bytes = self.width * self.height * channels * (2 if self.bits == 16 else 1)
        return decoded_bytes * 4 // 3

    @property
    def inflated_bytes(self) -> int:
        """Return the size of the rows of all passes, each row with a byte for its filter."""
        passes = _ADAM7 if self.is_interlaced else ((0, 1, 0, 1),)
        pixel_bits, total = _CHANNELS[self.color_type] * self.bits, 0
        for top, row_step, left, column_step in passes:
            rows = len(range(top, self.height, row_step))
            columns = len(range(left, self.width, column_step))
            total += rows * (1 + (columns * pixel_bits + 7) // 8) if columns else 0
        return total


def read_header(data: bytes) -> PngHeader:
    """Return the header of a PNG; raise InvalidFrameError if it has none."""
    if len(data) < 33 or data[8:16] != b'\x00\x00\x00\x0dIHDR':
        raise InvalidFrameError('damaged PNG: no size in its header')
    width, height, bits, color_type, _, _, interlace = unpack_from('>IIBBBBB', data, 16)
    if color_type not in _CHANNELS or bits not in (1, 2, 4, 8, 16) or interlace > 1:
        raise InvalidFrameError('damaged PNG: unknown kind of pixels')
    return PngHeader(width, height, bits, color_type, interlace == 1)


def reduced(data: bytes, header: PngHeader) -> bytes:
    """
    Return a PNG of the same pixels with nothing but header, palette and pixels.

    Raise InvalidFrameError for one that is damaged: some decoders return half an image instead.
    """
    palette, compressed = b'', []
    for kind, content in _critical_chunks(data):
        if kind == b'IDAT':
            compressed.append(content)
        elif kind == b'PLTE' and header.color_type == _PALETTE:
            palette = _chunk(kind, bytes(content))
    rows = _inflated(b''.join(compressed), header.inflated_bytes)
    pixels = _chunk(b'IDAT', compress(rows, 0))
    return b''.join((data[:33], palette, pixels, _chunk(b'IEND', b'')))


def _critical_chunks(data: bytes) -> List[Tuple[bytes, memoryview]]:
    """Return kind and content of the chunks that are not optional, with right checksums."""
    view, at = memoryview(data), len(SIGNATURE)
    chunks: List[Tuple[bytes, memoryview]] = []
    for _ in range(_MAX_CHUNKS):
        if at + 12 > len(data):
            break
        length, kind = unpack_from('>I4s', data, at)
        checksum_at, end = at + 8 + length, at + 12 + length
        if end > len(data):
            break
        # A lower-case letter marks what a decoder may ignore: texts, color profiles, animations.
        if not kind[0] & 0x20:
            named = view[at:checksum_at][4:]
            if crc32(named) != unpack_from('>I', data, checksum_at)[0]:
                raise InvalidFrameError('damaged PNG: wrong checksum')
            if kind == b'IEND':
                return chunks
            chunks.append((kind, named[4:]))
        at = end
    else:
        raise InvalidFrameError(f'PNG of more than {_MAX_CHUNKS} chunks')
    raise InvalidFrameError('damaged PNG: its end is missing')


def _inflated(compressed: bytes, size: int) -> bytes:
    """Return the first `size` bytes, or raise InvalidFrameError if there are less."""
    inflater, rows, start = decompressobj(), bytearray(), thread_time()
    rest = memoryview(compressed)
    try:
        for at in range(0, len(compressed), _SLICE):
            rows += inflater.decompress(rest[at:][:_SLICE], size - len(rows))
            if len(rows) == size or inflater.eof:
                break
            if thread_time() - start > _MAX_INFLATE_TIME:
                raise InvalidFrameError(
                    f'PNG takes more than {_MAX_INFLATE_TIME:g} s to inflate; send smaller images'
                )
    except error:
        raise InvalidFrameError('damaged PNG: its pixels cannot be inflated') from None
    if len(rows) < size:
        raise InvalidFrameError('damaged PNG: pixels are missing')
    return bytes(rows)


def _chunk(kind: bytes, content: bytes) -> bytes:
    checksum = pack('>I', crc32(content, crc32(kind)))
    return b''.join((pack('>I', len(content)), kind, content, checksum))
