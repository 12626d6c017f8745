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

"""Images are written complete and readable, or an error says that they were not."""

import cv2
import numpy as np
import pytest
from swiftnet_ros.errors import ImageEncodingError
from swiftnet_ros.system import image_encoding
from swiftnet_ros.system.image_encoding import encode_image, write_image

PIXELS = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)


def test_written_image_is_the_image(tmp_path):
    write_image(tmp_path / 'a.png', PIXELS)
    np.testing.assert_array_equal(cv2.imread(str(tmp_path / 'a.png')), PIXELS)


def test_options_are_used(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    sizes = []
    for quality in (30, 95):
        write_image(tmp_path / 'a.jpg', noise, [cv2.IMWRITE_JPEG_QUALITY, quality])
        sizes.append((tmp_path / 'a.jpg').stat().st_size)
    assert sizes[0] < sizes[1] / 2


@pytest.mark.parametrize(
    ('pixels', 'suffix'),
    [(np.zeros((1, 1000001), np.uint8), '.png'), (PIXELS, '.nothing'), (PIXELS[:0], '.png')],
)
def test_image_that_opencv_does_not_encode_raises(pixels, suffix):
    with pytest.raises(ImageEncodingError, match=f' as {suffix}'):
        encode_image(pixels, suffix)


def test_image_that_cannot_be_read_again_does_not_replace_the_old_one(tmp_path, monkeypatch):
    path = tmp_path / 'a.png'
    write_image(path, PIXELS)
    monkeypatch.setattr(image_encoding, 'encode_image', lambda *_: b'damaged')
    with pytest.raises(OSError, match='cannot be read again') as error:
        write_image(path, PIXELS + 1)
    assert error.value.filename == str(path)
    np.testing.assert_array_equal(cv2.imread(str(path)), PIXELS)
