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

"""Camera messages from a seeded generator: malformed ones of every kind, and valid ones."""

from array import array
from itertools import cycle
from random import Random
from struct import pack, pack_into
from zlib import compress, crc32

import cv2
from helpers.ros_probe import blocks
import numpy as np
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header
from swiftnet_ros.core.image_messages import ENCODINGS
from swiftnet_ros.ros.image_msgs import from_array

HUGE = 2**32 - 1
_OTHERS = ('.bmp', '.tiff', '.webp')
_UNKNOWN = ['', ' ', 'RGB8', 'rgb8 ', 'rgb', 'yuv420', 'caméra左', 'line\nbreak', 'x' * 300]
_FORMATS = ['jpeg', 'png', '', 'tiff', 'rgb8; jpeg compressed bgr8', ';;;', 'caméra左', 'x' * 300]
_IN_PAIRS = sorted(name for name, given in ENCODINGS.items() if given.multiple != (1, 1))


def random_bytes(random, count):
    """Return what `random.randbytes` does, which Python 3.8 does not have."""
    return random.getrandbits(8 * count).to_bytes(count, 'little') if count else b''


def malformed(kinds, count, seed=0):
    """Yield a name and a message `count` times, cycling through the kinds of a table."""
    random = Random(seed)
    for _, name in zip(range(count), cycle(kinds)):
        yield name, kinds[name](random)


def good_image(random):
    """Return a valid message, with random size and padding, and its RGB pixels."""
    image = _image(random)
    opaque = np.full((*image.shape[:2], 1), 255, np.uint8)
    bgr = image[..., ::-1]
    encoding, pixels = random.choice(
        [
            ('rgb8', image),
            ('bgr8', bgr),
            ('rgba8', np.concatenate([image, opaque], axis=2)),
            ('bgra8', np.concatenate([bgr, opaque], axis=2)),
            ('rgb16', image.astype(np.uint16) * 257),
        ]
    )
    message = from_array(pixels, encoding, Header())
    rows = np.frombuffer(message.data, np.uint8).reshape(message.height, -1)
    padded = np.pad(rows, [(0, 0), (0, random.randrange(9))])
    message.step = padded.shape[1]
    message.data = array('B', padded.tobytes() + random_bytes(random, random.randrange(9)))
    return message, image


def good_compressed(random):
    """Return a valid PNG or JPEG message, with a random `format`, and its RGB pixels."""
    suffix, scale = random.choice([('.png', 1), ('.png', 257), ('.jpg', 1)])
    bgr = _image(random)[..., ::-1].astype(np.uint16 if scale > 1 else np.uint8) * scale
    data = _encoded(bgr, suffix)
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    return _compressed(data, random.choice(_FORMATS)), pixels[..., ::-1].copy()


def _image(random):
    return blocks(random.randint(3, 60), random.randint(3, 80), random.randrange(1000))


def _valid(random, names=tuple(ENCODINGS)):
    """Return a valid message of a random encoding and size."""
    name = random.choice(names)
    encoding = ENCODINGS[name]
    tall, wide = encoding.multiple
    height, width = tall * random.randint(2, 15), wide * random.randint(4, 20)
    step = width * encoding.channels * np.dtype(encoding.dtype).itemsize
    message = Image(height=height, width=width, encoding=name, step=step)
    message.data = array('B', random_bytes(random, int(height * encoding.lines) * step))
    return message


def _changed(random, names=tuple(ENCODINGS), **changes):
    """Return a valid message with fields replaced by what functions of it return."""
    message = _valid(random, names)
    for name, change in changes.items():
        setattr(message, name, change(message))
    return message


def _with_sizes(random, value, *all_of):
    """Return a message whose height, width or `all_of` these fields have a value."""
    names = random.choice([('height',), ('width',), all_of])
    return _changed(random, **dict.fromkeys(names, lambda message: value))


def _random_fields(random):
    message = Image(encoding=random.choice(sorted(ENCODINGS)), is_bigendian=random.randrange(256))
    for name in ('height', 'width', 'step'):
        setattr(message, name, random.randint(2**12, HUGE))
    message.data = array('B', random_bytes(random, random.randrange(2000)))
    return message


_NARROW = ('mono8', 'bayer_rggb8', 'bayer_grbg8')
_WIDE = ('rgb8', 'bgra8', 'mono16', 'rgb16', 'uyvy')
MALFORMED_IMAGES = {
    'wrong step': lambda r: _changed(r, step=lambda m: r.randrange(m.step)),
    'huge step': lambda r: _changed(r, step=lambda m: HUGE - r.randrange(9)),
    'short data': lambda r: _changed(r, data=lambda m: m.data[: r.randrange(len(m.data))]),
    'no data': lambda r: _changed(r, data=lambda m: array('B')),
    'no size': lambda r: _with_sizes(r, 0, 'height', 'width'),
    'huge size': lambda r: _with_sizes(r, HUGE - r.randrange(9), 'height', 'width', 'step'),
    'unknown encoding': lambda r: _changed(r, encoding=lambda m: r.choice(_UNKNOWN)),
    'other encoding': lambda r: _changed(r, _NARROW, encoding=lambda m: r.choice(_WIDE)),
    'odd size': lambda r: _changed(r, _IN_PAIRS, width=lambda m: m.width - 1),
    'random fields': _random_fields,
}


def _compressed(data, text='jpeg'):
    message = CompressedImage(format=text)
    message.data = array('B', data)
    return message


def _encoded(pixels, suffix):
    return cv2.imencode(suffix, pixels)[1].tobytes()


def _file(random, *suffixes):
    """Return the bytes of a valid image file."""
    return bytearray(_encoded(_image(random), random.choice(suffixes or ('.png', '.jpg'))))


def _png(width, height, bits=8, color=2, rows=b''):
    """Return a PNG with right checksums, whatever its header and rows."""
    chunks = ((b'IHDR', pack('>IIBBBBB', width, height, bits, color, 0, 0, 0)), (b'IDAT', rows))
    return b'\x89PNG\r\n\x1a\n' + b''.join(
        pack('>I', len(data)) + kind + data + pack('>I', crc32(kind + data))
        for kind, data in (*chunks, (b'IEND', b''))
    )


def _sized_jpeg(random, width, height):
    data = _file(random, '.jpg')
    pack_into('>HH', data, data.index(b'\xff\xc0') + 5, height, width)
    return data


def _noise(random):
    start = random.choice([b'', b'\xff\xd8\xff', b'\x89PNG\r\n\x1a\n'])
    return _compressed(start + random_bytes(random, random.randrange(2000)))


def _truncated(random):
    data = _file(random)
    return _compressed(data[: random.randrange(len(data))])


def _flipped(random):
    """Flip a random bit of a PNG."""
    data = _file(random, '.png')
    data[random.randrange(len(data))] ^= 1 << random.randrange(8)
    return _compressed(data)


def _bomb(random):
    """Return a small message whose header has up to 2^62 pixels."""
    if random.random() < 0.5:
        return _compressed(_sized_jpeg(random, *(random.randint(400, 65535) for _ in range(2))))
    return _compressed(_png(*(random.randint(400, 2**31 - 1) for _ in range(2))))


def _sizeless(random):
    width, height = random.choice([(0, 0), (0, 9), (9, 0)])
    png = random.random() < 0.5
    return _compressed(_png(width, height) if png else _sized_jpeg(random, width, height))


def _rows_missing(random):
    """Return a PNG without its last rows, or without any."""
    rows = compress(bytes(91 * random.randrange(20)))
    return _compressed(_png(30, 20, rows=random.choice([rows, random_bytes(random, 50), b''])))


def _strange_bits(random):
    bits, color = random.choice([(3, 2), (16, 3), (8, 9), (64, 0)])
    if random.random() < 0.5:
        return _compressed(_png(30, 20, bits, color, compress(bytes(91 * 20))))
    data = _file(random, '.jpg')
    data[data.index(b'\xff\xc0') + 4] = random.choice([2, 12, 16])
    return _compressed(data)


def _many_scans(random):
    scans = b'\xff\xda\x00\x0c' * random.randint(65, 500)
    return _compressed(_file(random, '.jpg')[:-2] + scans + b'\xff\xd9')


def _many_segments(random):
    data = _file(random, '.jpg')
    return _compressed(data[:2] + b'\xff\xe0\x00\x02' * random.randint(2100, 3000) + data[2:])


MALFORMED_COMPRESSED = {
    'nothing': lambda r: _compressed(b'', r.choice(_FORMATS)),
    'noise': _noise,
    'truncated': _truncated,
    'flipped bit': _flipped,
    'bomb': _bomb,
    'no size': _sizeless,
    'rows missing': _rows_missing,
    'strange bits': _strange_bits,
    'another format': lambda r: _compressed(_file(r, *_OTHERS), r.choice(_FORMATS)),
    'many scans': _many_scans,
    'many segments': _many_segments,
}
