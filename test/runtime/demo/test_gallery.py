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

"""The overlays of the demo, the images of its page and their animation."""

from io import BytesIO

import cv2
from helpers.tiny_model import make_spec
import numpy as np
from PIL import Image
import pytest
from swiftnet_ros.benchmark.measurement import LabeledFrame
from swiftnet_ros.core.frames import Frame
from swiftnet_ros.demo.gallery import animation, Gallery, MAX_IMAGES, Painter, reduced
from swiftnet_ros.errors import AnimationError

SPEC = make_spec()


def labeled_frame(name, height=8, width=16, gray=200):
    return LabeledFrame(name, Frame(np.full((height, width, 3), gray, np.uint8), 'bgr'))


def gallery_of(folder, frames):
    gallery = Gallery(folder, Painter(SPEC))
    for frame in frames:
        size = (frame.frame.height, frame.frame.width)
        gallery.add(frame, np.full(size, 4, np.uint8))
    return gallery


def test_overlay_is_half_frame_half_color():
    painter = Painter(SPEC)
    predicted = np.array([[0, 4, 255]], np.uint8)
    assert painter.colors(predicted).tolist() == [[[3, 2, 0], [3, 2, 4], [0, 0, 0]]]
    pixels = np.full((1, 3, 3), 100, np.uint8)
    assert painter.overlay(pixels, predicted)[0, 1].tolist() == [52, 51, 52]


def test_every_overlay_is_a_file_at_full_size(tmp_path):
    names = [f'{number:02}.png' for number in range(MAX_IMAGES + 3)]
    gallery = gallery_of(tmp_path, [labeled_frame(name, 720, 1280) for name in names[::-1]])
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f'{name[:2]}.jpg' for name in names
    ]
    assert cv2.imread(str(tmp_path / '00.jpg')).shape == (720, 1280, 3)
    # The page has the first results, by name.
    images = gallery.images()
    assert [image.name for image in images] == names[3:]
    assert images[0].size == (360, 640)
    for content in (images[0].frame, images[0].labels):
        assert Image.open(BytesIO(content)).size == (640, 360)


def test_only_the_first_result_of_an_image_is_shown(tmp_path):
    gallery = gallery_of(tmp_path, [labeled_frame('a.png', gray=0), labeled_frame('a.png')])
    assert len(gallery.images()) == 1
    assert cv2.imread(str(tmp_path / 'a.jpg')).max() < 20


def test_large_images_are_reduced_and_small_ones_are_not():
    assert reduced(np.zeros((100, 1280, 3), np.uint8)).shape == (50, 640, 3)
    assert reduced(np.zeros((16384, 3), np.uint8)).shape == (640, 1)
    small = np.zeros((480, 640, 3), np.uint8)
    assert reduced(small) is small
    ids = np.repeat(np.array([[0, 300]], np.uint16), 640, axis=1)
    assert sorted(set(reduced(ids, cv2.INTER_NEAREST).ravel())) == [0, 300]


def test_animation_shows_each_overlay_at_the_size_of_the_first(tmp_path):
    frames = [
        labeled_frame('a.png', gray=0),
        labeled_frame('b.png', 32, 16),
        labeled_frame('c.png'),
    ]
    webp = Image.open(BytesIO(animation(gallery_of(tmp_path, frames).images())))
    assert (webp.format, webp.n_frames, webp.size) == ('WEBP', 3, (16, 8))
    webp.seek(2)
    assert webp.convert('RGB').getpixel((8, 4)) == pytest.approx((102, 101, 102), abs=6)
    assert webp.info['duration'] == 800 and webp.info['loop'] == 0


def test_pillow_without_webp_is_one_line(tmp_path, monkeypatch):
    images = gallery_of(tmp_path, [labeled_frame('a.png')]).images()

    def save(image, stream, kind, **options):
        raise KeyError(kind)

    monkeypatch.setattr(Image.Image, 'save', save)
    with pytest.raises(AnimationError, match="WebP: KeyError: 'WEBP'; install one that can"):
        animation(images)
