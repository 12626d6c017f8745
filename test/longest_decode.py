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
Measure what the most expensive compressed images within the limits cost to decode.

    python test/longest_decode.py > docs/results/decoding/longest.json

Every message has about 10 MB. Each is decoded in a process of its own; time is the least CPU
time of three, memory the growth of the largest resident size, without the message itself.
"""

import json
from pathlib import Path
import platform
import subprocess
import sys
from time import process_time
import zlib

import cv2
from helpers.image_bytes import empty_deflate_blocks, encoded, jpeg_scan, png
import numpy as np
from swiftnet_ros.errors import InvalidFrameError
from swiftnet_ros.image_formats.decode import decode, DEFAULT_MAX_PIXELS

_LARGEST = 10_000_000
_PAETH = 4
_VALUES = np.array([0, 0, 0, 1, 1, 2, 3, 4, 5, 6], np.uint8)
_FULL_COLOR = [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
_PROGRESSIVE = [cv2.IMWRITE_JPEG_PROGRESSIVE, 1]
_CHANNELS = {0: 1, 2: 3, 6: 4}


def _jpeg(height, width, options):
    """Return a JPEG of noise in the best quality that 10 MB allow."""
    noise = np.random.default_rng(0).integers(0, 256, (height // 4, width // 4, 3), np.uint8)
    pixels = np.tile(noise, (4, 4, 1))
    for quality in (60, 50, 40, 30, 20, 15, 10, 5):
        data = encoded('.jpg', pixels, [cv2.IMWRITE_JPEG_QUALITY, quality, *options])
        if len(data) <= _LARGEST:
            break
    return data


def _only_first_scan(data):
    """Return a progressive JPEG whose decoder has to smooth blocks of one value."""
    scan = jpeg_scan(data)
    return data[: data.index(scan) + len(scan)] + b'\xff\xd9'


def _png(width, height, bits, color_type):
    """Return a PNG whose rows take long to inflate and to filter."""
    row = width * _CHANNELS[color_type] * bits // 8
    values = np.random.default_rng(0).choice(_VALUES, (height, row))
    rows = np.hstack([np.full((height, 1), _PAETH, np.uint8), values])
    return png(width, height, bits, color_type, zlib.compress(rows.tobytes(), 1))


def _raw_deflate(height, row):
    """Return rows of zeros, compressed without the header of zlib."""
    stream = zlib.compressobj(9, zlib.DEFLATED, -15)
    return stream.compress((bytes((_PAETH,)) + bytes(row)) * height) + stream.flush()


IMAGES = {
    'JPEG 4:2:0 7680x4320': lambda: _jpeg(4320, 7680, []),
    'JPEG 4:4:4 5376x3072': lambda: _jpeg(3072, 5376, _FULL_COLOR),
    'progressive JPEG 4:2:0 5376x3072': lambda: _jpeg(3072, 5376, _PROGRESSIVE),
    'progressive JPEG 4:4:4 3840x2160': lambda: _jpeg(2160, 3840, _PROGRESSIVE + _FULL_COLOR),
    'JPEG of one scan, 5376x3072': lambda: _only_first_scan(_jpeg(3072, 5376, _PROGRESSIVE)),
    'PNG mono8 6912x3600': lambda: _png(6912, 3600, 8, 0),
    'PNG rgb8 3840x2160': lambda: _png(3840, 2160, 8, 2),
    'PNG rgb16 2400x1728': lambda: _png(2400, 1728, 16, 2),
    'PNG rgba16 1920x1620': lambda: _png(1920, 1620, 16, 6),
    'PNG of empty deflate blocks': lambda: png(
        6912, 3600, 8, 0, empty_deflate_blocks(800_000) + bytes(100)
    ),
    'PNG of some of them, 6912x3600': lambda: png(
        6912, 3600, 8, 0, empty_deflate_blocks(220_000) + _raw_deflate(3600, 6912)
    ),
}


def _peak_kb():
    """Return the largest resident size of this process so far, in kB."""
    status = Path('/proc/self/status').read_text(encoding='ascii')
    return int(status.split('VmHWM:')[1].split()[0])


def _measure(data):
    """Decode an image and print its figures."""
    # The peak of a child starts with that of its parent.
    Path('/proc/self/clear_refs').write_text('5')
    before, times, outcome = _peak_kb(), [], 'decoded'
    for _ in range(3):
        start = process_time()
        try:
            decode(data, DEFAULT_MAX_PIXELS)
        except InvalidFrameError as error:
            outcome = str(error)
        times.append(process_time() - start)
    grown = _peak_kb() - before
    figures = {'mb': len(data) / 1e6, 'cpu_seconds': min(times), 'memory_mb': grown / 1e3}
    rounded = {key: round(value, 3) for key, value in figures.items()}
    print(json.dumps({**rounded, 'outcome': outcome}))


def main():
    """Print the figures of all images as JSON."""
    if len(sys.argv) > 1:
        _measure(sys.stdin.buffer.read())
        return
    results = {}
    for name, make in IMAGES.items():
        command = [sys.executable, __file__, 'stdin']
        results[name] = json.loads(subprocess.check_output(command, input=make()))
        print(name, results[name], file=sys.stderr)
    machine = {'processor': platform.processor() or platform.machine(), 'opencv': cv2.__version__}
    print(json.dumps({'machine': machine, 'images': results}, indent=1))


if __name__ == '__main__':
    main()
