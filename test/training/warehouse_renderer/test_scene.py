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

"""Rendered warehouse scenes are reproducible, exactly labeled and not trivially easy."""

from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
from training import warehouse_renderer
from training.warehouse_renderer import render, SceneClass
import yaml

CLASSES = len(SceneClass)
SMALL = (144, 256)


@cache
def small(seed):
    return render(seed, *SMALL)


def test_equal_seeds_give_equal_bits():
    again = render(5, *SMALL)
    assert np.array_equal(again.image, small(5).image)
    assert np.array_equal(again.label, small(5).label)


def test_other_seeds_give_other_scenes():
    for seed in range(4):
        assert (small(seed).label != small(seed + 1).label).mean() > 0.1


def test_every_pixel_is_labeled_and_every_class_occurs():
    seen = np.stack([small(seed).label for seed in range(8)])
    assert set(np.unique(seen)) == set(range(CLASSES))


def test_class_table_has_the_order_of_the_class_ids():
    path = Path(warehouse_renderer.__file__).parents[1] / 'datasets' / 'classes' / 'warehouse.yaml'
    table = yaml.safe_load(path.read_text())['classes']
    assert [row['name'] for row in table] == [kind.name.lower() for kind in SceneClass]
    assert len({tuple(row['rgb']) for row in table}) == CLASSES


@pytest.mark.parametrize('seed', range(4))
def test_seed_shows_the_same_scene_at_every_size(seed):
    large = render(seed, 432, 768).label
    # The center of each small pixel is the center of the middle one of its nine.
    assert (large[1::3, 1::3] == small(seed).label).mean() > 0.99
    middle, double = render(seed, 288, 512).label, render(seed, 576, 1024).label
    nearest = cv2.resize(double, (512, 288), interpolation=cv2.INTER_NEAREST)
    assert (nearest == middle).mean() > 0.97


def test_image_edges_are_at_label_edges():
    ratios = [_gradient_ratio(render(seed, 288, 512)) for seed in range(6)]
    assert min(ratios) > 1.5
    assert np.mean(ratios) > 2.5


def _gradient_ratio(frame):
    """Return the mean image gradient at label edges divided by that elsewhere."""
    gray = cv2.cvtColor(frame.image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    gradient = np.hypot(cv2.Sobel(gray, -1, 1, 0), cv2.Sobel(gray, -1, 0, 1))
    square = np.ones((3, 3), np.uint8)
    edge = cv2.dilate(frame.label, square) != cv2.erode(frame.label, square)
    return gradient[edge].mean() / gradient[~edge].mean()


def test_color_alone_does_not_separate_the_classes():
    counts = np.zeros((CLASSES, 16**3))
    for seed in range(60):
        np.add.at(counts, (small(seed).label, _bin(small(seed).image)), 1)
    best = counts.argmax(0)
    confusion = np.zeros((CLASSES, CLASSES))
    for seed in range(1000, 1030):
        np.add.at(confusion, (small(seed).label, best[_bin(small(seed).image)]), 1)
    hits = np.diag(confusion)
    iou = hits / (confusion.sum(0) + confusion.sum(1) - hits)
    assert iou.mean() < 0.35


def _bin(image):
    """Return the index of each pixel's bin among 16 x 16 x 16 colors."""
    r, g, b = (image >> 4).astype(np.intp).transpose(2, 0, 1)
    return r * 256 + g * 16 + b


@pytest.mark.parametrize('size', [(0, 64), (64, 0), (-8, 64), (64.0, 64), ('64', 64), (True, 64)])
def test_invalid_size_raises(size):
    with pytest.raises(ValueError, match='must be a positive integer of pixels, not ') as error:
        render(0, *size)
    assert '\n' not in str(error.value)


@pytest.mark.parametrize('size', [(1, 1), (7, 5), (200, 50), (30, 400)])
def test_any_positive_size_renders(size):
    frame = render(1, *size)
    assert (frame.image.shape, frame.image.dtype) == ((*size, 3), np.uint8)
    assert (frame.label.shape, frame.label.dtype) == (size, np.uint8)
