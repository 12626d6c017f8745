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

"""The page of the demo: its values, its images, and that it needs no other file."""

from base64 import b64decode
from dataclasses import replace
from html.parser import HTMLParser
import re

import cv2
from helpers.tiny_model import make_spec
import numpy as np
import pytest
from swiftnet_ros.benchmark.measurement import LabeledFrame
from swiftnet_ros.core.frames import Frame
from swiftnet_ros.demo.gallery import animation, Gallery, Painter
from swiftnet_ros.demo.page import fitting, live_page, page
from swiftnet_ros.model_spec import SemanticClass

CLASSES = (SemanticClass('floor', (128, 64, 0)), SemanticClass('person', (220, 20, 60)))
SPEC = make_spec(classes=CLASSES, name='tiny')
SUMMARY = {
    'frames': 38,
    'fps': 9.52,
    'p50_ms': 52.3,
    'p95_ms': 142.1,
    'miou': 0.90364,
    'dropped': 2,
    'model': 'tiny',
    'rate': 10.0,
    'images': 3,
    'iou': {'floor': 0.90364, 'person': None},
}
FACTS = {'Backend': 'openvino', 'Device': 'CPU <fast>'}
REFERENCES = ('src', 'srcset', 'href', 'action', 'data', 'poster', 'background')


class ParsedPage(HTMLParser):
    """The elements and the texts of a page, in order."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.texts = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_data(self, data):
        if data.strip():
            self.texts.append(data.strip())

    def after(self, text):
        """Return the text after another one."""
        return self.texts[self.texts.index(text) + 1]

    def attributes(self, tag, name):
        """Return an attribute of all elements of a kind, where there is one."""
        return [found[name] for kind, found in self.elements if kind == tag and name in found]


@pytest.fixture(scope='module')
def images(tmp_path_factory):
    """Return three images of the page: a gray frame whose right half is of class 1."""
    gallery = Gallery(tmp_path_factory.mktemp('overlays'), Painter(SPEC))
    predicted = np.repeat(np.array([[0, 1]], np.uint8), 32, axis=1).repeat(48, axis=0)
    for name in ('c.png', 'a&b.png', 'b.png'):
        frame = Frame(np.full((48, 64, 3), 100, np.uint8), 'bgr')
        gallery.add(LabeledFrame(name, frame), predicted)
    return gallery.images()


@pytest.fixture(scope='module')
def parsed(images):
    return ParsedPage(page(SPEC, SUMMARY, FACTS, images, animation(images)))


def pixels_of(source):
    """Return the pixels, BGR, of an image in a data URI."""
    return cv2.imdecode(np.frombuffer(b64decode(source.partition(',')[2]), np.uint8), 1)


def test_metrics_are_those_of_the_summary(parsed):
    assert parsed.after('mIoU') == '0.9036'
    assert parsed.after('Frames per second') == '9.5'
    assert parsed.after('Latency, median') == '52 ms'
    assert parsed.after('Latency, 95th percentile') == '142 ms'
    assert parsed.after('Dropped frames') == '2 of 40'
    lead = '3 images, sent to the ROS 2 node over topics, 10 frames a second.'
    assert any(text.startswith(lead) for text in parsed.texts)


def test_legend_has_the_classes_with_their_colors_and_iou(parsed):
    styles = [style for style in parsed.attributes('span', 'style') if 'background' in style]
    assert styles == ['background:#804000', 'background:#dc143c']
    assert (parsed.after('floor'), parsed.after('person')) == ('0.9036', '-')
    assert [style for style in parsed.attributes('span', 'style') if 'width' in style] == [
        'width:90.4%'
    ]


def test_facts_are_texts(parsed):
    assert (parsed.after('Backend'), parsed.after('Device')) == ('openvino', 'CPU <fast>')


def test_each_image_is_a_frame_its_labels_and_its_overlay(parsed):
    sources = parsed.attributes('img', 'src')
    assert len(sources) == 3 * 3 + 1
    frame, labels, overlay = map(pixels_of, sources[:3])
    assert np.abs(frame.astype(int) - 100).max() <= 2
    assert labels[:, :32].reshape(-1, 3).tolist() == [[0, 64, 128]] * (48 * 32)
    assert labels[:, 32:].reshape(-1, 3).tolist() == [[60, 20, 220]] * (48 * 32)
    # JPEG blurs the colors at the edge between the classes.
    assert overlay[24, 10].tolist() == pytest.approx([50, 82, 114], abs=4)
    assert overlay[24, 54].tolist() == pytest.approx([80, 60, 160], abs=4)
    texts = parsed.attributes('img', 'alt')
    assert texts[:3] == ['Frame a&b.png', 'Label image of a&b.png', 'Overlay of a&b.png']
    assert all(texts) and len(texts) == len(sources)
    assert parsed.attributes('img', 'width') == ['64'] * 10


def test_the_page_needs_no_other_file(images, parsed):
    found = [
        value
        for _, attributes in parsed.elements
        for name, value in attributes.items()
        if name in REFERENCES
    ]
    # The source without motion is the eleventh.
    assert len(found) == 11 and all(value.startswith('data:image/') for value in found)
    tags = {tag for tag, _ in parsed.elements}
    assert not tags & {'script', 'link', 'iframe', 'object', 'embed', 'base'}
    text = page(SPEC, SUMMARY, FACTS, images, b'RIFF')
    assert not re.search(r'https?://|@import|url\(', text)


def test_hostile_names_are_text(images):
    evil = '"><script>alert(1)</script><img src=x onerror=alert(2)>'
    spec = make_spec(name=evil, classes=(SemanticClass(evil, (1, 2, 3)),))
    summary = {**SUMMARY, 'iou': {evil: 0.5}, 'model': evil}
    shown = ParsedPage(page(spec, summary, {evil: evil}, images, b'RIFF'))
    assert 'script' not in {tag for tag, _ in shown.elements}
    assert not [
        name for _, attributes in shown.elements for name in attributes if name[:2] == 'on'
    ]
    assert shown.texts.count(evil) == 4
    assert shown.after('Id') == 'Class'
    live = ParsedPage(live_page(spec, '/overlay', '/status'))
    assert live.texts.count(evil) == 2 and live.attributes('img', 'src') == ['/overlay']


def test_a_file_name_that_is_no_text_is_escaped(images):
    odd = replace(images[0], name='a\udcff<b>\n.png')
    text = page(SPEC, SUMMARY, {}, [odd], b'RIFF')
    assert text.encode()
    assert ParsedPage(text).attributes('img', 'alt')[0] == r'Frame a\udcff<b>\n.png'


def test_without_labels_there_is_no_iou(images):
    shown = ParsedPage(page(SPEC, {**SUMMARY, 'miou': None, 'iou': None}, {}, images, b'RIFF'))
    assert shown.after('mIoU') == '-' and 'IoU' not in shown.texts
    assert '--labels' in shown.texts
    assert shown.after('floor') == '1'


def test_a_page_of_incompressible_images_is_below_5_mb(tmp_path):
    gallery = Gallery(tmp_path, Painter(SPEC))
    random = np.random.default_rng(0)
    for number in range(24):
        noise = random.integers(0, 256, (640, 640, 3), np.uint8)
        predicted = random.integers(0, 2, (640, 640), np.uint8)
        gallery.add(LabeledFrame(f'{number:02}.png', Frame(noise, 'bgr')), predicted)
    shown = fitting(gallery.images())
    assert 1 <= len(shown) < 24
    text = page(SPEC, {**SUMMARY, 'images': 24}, FACTS, shown, animation(shown))
    assert len(text) < 5e6
    assert f'{len(shown)} of 24 images' in text


def test_without_an_animation_the_page_says_so(images):
    assert 'It could not be written.' in page(SPEC, SUMMARY, {}, images, b'')
