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

"""Bytes of PNG and JPEG files that no encoder writes."""

import struct
import zlib

import cv2
import numpy as np

PNG = b'\x89PNG\r\n\x1a\n'


def encoded(kind, pixels, options=()):
    """Return pixels as OpenCV encodes them."""
    return cv2.imencode(kind, pixels, list(options))[1].tobytes()


def png_chunk(kind, content=b''):
    """Return one chunk of a PNG with its checksum."""
    checksum = struct.pack('>I', zlib.crc32(kind + content))
    return struct.pack('>I', len(content)) + kind + content + checksum


def png(width, height, bits=8, color_type=2, rows=None, interlace=0, before=b'', after=b''):
    """Return a PNG of zeros, or of compressed `rows`, with chunks `before` and `after` them."""
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[color_type]
    if rows is None:
        rows = zlib.compress(bytes(height * (1 + (width * channels * bits + 7) // 8)), 9)
    header = struct.pack('>IIBBBBB', width, height, bits, color_type, 0, 0, interlace)
    chunks = png_chunk(b'IHDR', header), before, png_chunk(b'IDAT', rows), after
    return PNG + b''.join(chunks) + png_chunk(b'IEND')


def empty_deflate_blocks(count):
    """Return a zlib stream of blocks that have a Huffman table of their own and no content."""
    bits, length = 0, 0

    def put(value, width):
        nonlocal bits, length
        bits |= value << length
        length += width

    for _ in range(8):
        for value, width in ((0, 1), (2, 2), (0, 5), (0, 5), (14, 4)):
            put(value, width)
        lengths = {18: 1, 0: 2, 1: 2}
        for symbol in (16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1):
            put(lengths.get(symbol, 0), 3)
        # 256 zeros, then a code of length 1 for the end of the block, none for distances.
        for value, width in ((0, 1), (127, 7), (0, 1), (107, 7), (3, 2), (1, 2), (0, 1)):
            put(value, width)
    return b'\x78\x9c' + bits.to_bytes(length // 8, 'little') * (count // 8)


def jpeg_scan(jpeg, index=0):
    """Return the bytes of one scan with its header."""
    starts = [at for at in range(len(jpeg)) if jpeg.startswith(b'\xff\xda', at)]
    at = starts[index] + 4
    while jpeg[at] != 0xFF or jpeg[at + 1] in (0, *range(0xD0, 0xD8)):
        at += 1
    start = starts[index]
    return jpeg[start:at]


def with_jpeg_size(jpeg, height, width):
    """Return a JPEG whose header claims another size."""
    at = max(jpeg.find(b'\xff\xc0'), jpeg.find(b'\xff\xc2'))
    return jpeg[:at] + jpeg[at:][:5] + struct.pack('>HH', height, width) + jpeg[at:][9:]


def zeros(height, width, channels=3):
    """Return black pixels."""
    return np.zeros((height, width, channels) if channels > 1 else (height, width), np.uint8)
