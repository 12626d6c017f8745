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

"""Tilted views, reflections, and crops of whole images."""

import math

import numpy as np
import pytest
from swiftnet_ros.errors import UnknownNameError
import torch
from torchvision import tv_tensors
from training.datasets.class_table import UNLABELED
from training.datasets.transforms.augmentation import augment, RandomScale, training_transform
from training.datasets.transforms.robot_views import (
    mirrored_rows,
    RandomReflection,
    RandomTilt,
    reflecting_class,
    tilt_homography,
)
from training.schema.config import AugmentationConfig

FLOOR = 3


def test_pixels_mirror_what_is_above_the_edge_of_their_run():
    #                 wall   floor  floor  box   floor  floor
    mask = np.array([[False], [True], [True], [False], [True], [True]])
    rows, visible = mirrored_rows(mask)
    # The third floor pixel stands below a box of one row; the fourth mirrors the floor above it.
    assert visible[:, 0].tolist() == [0, 1, 0, 0, 1, 1]
    assert rows[visible.astype(bool)].tolist() == [0, 3, 2]


def test_reflection_changes_the_floor_only_and_faintly():
    image = torch.full((3, 40, 8), 200, dtype=torch.uint8)
    image[:, 20:] = 100
    label = torch.zeros(40, 8, dtype=torch.uint8)
    label[20:] = FLOOR
    torch.manual_seed(0)
    changed, same = augment(RandomReflection(FLOOR), image, label)
    assert torch.equal(same, label)
    assert torch.equal(changed[:, :20], image[:, :20])
    # Opacity is 0.1 to 0.5 of the difference of 100, less where the blur reaches the floor.
    middle = changed[0, 25:35].float()
    assert 109 <= middle.min() <= middle.max() <= 151
    assert len(middle.unique()) == 1


def test_crop_without_the_class_stays():
    image = torch.randint(0, 256, (3, 16, 16), dtype=torch.uint8)
    label = torch.zeros(16, 16, dtype=torch.uint8)
    assert torch.equal(augment(RandomReflection(FLOOR), image, label)[0], image)


def test_homography_keeps_the_center_and_turns_by_roll():
    center = np.array([31.5, 23.5, 1])
    turn = tilt_homography(48, 64, math.radians(5), 0)
    assert turn @ center == pytest.approx(center)
    right = turn @ np.array([41.5, 23.5, 1])
    expected = [31.5 + 10 * math.cos(math.radians(5)), 23.5 + 10 * math.sin(math.radians(5))]
    assert right[:2] / right[2] == pytest.approx(expected)
    # Pitch moves the center by focal length times the tangent of the angle.
    moved = tilt_homography(48, 64, 0, math.radians(10)) @ center
    assert abs(moved[1] / moved[2] - 23.5) == pytest.approx(0.9 * 64 * math.tan(math.radians(10)))


def test_tilt_moves_image_and_label_together():
    random = np.random.default_rng(0)
    ids = np.kron(random.integers(0, 3, (4, 6)), np.ones((16, 16))).astype(np.uint8)
    image = torch.from_numpy(np.repeat(100 * ids[None], 3, 0))
    torch.manual_seed(1)
    changed, label = augment(RandomTilt(5, 10, (7, 8, 9)), image, torch.from_numpy(ids))
    outside = label == UNLABELED
    assert 0 < outside.float().mean() < 0.5
    error = (changed[0].float() - 100 * label.float()).abs()[~outside]
    # Only pixels on edges between labels are interpolated.
    assert (error < 1).float().mean() > 0.85
    assert changed[:, outside][:, 0].tolist() == [7, 8, 9]


def test_whole_images_fit_into_their_crops():
    scale = RandomScale(1.0, 1.0, 1.0, (32, 64))
    torch.manual_seed(0)
    sizes = [scale(tv_tensors.Image(torch.zeros(3, 96, 128))).shape[-2:] for _ in range(20)]
    assert min(height for height, _ in sizes) >= 32
    assert max(height for height, _ in sizes) <= 32 * 1.15 + 1
    assert all(width == pytest.approx(height * 4 / 3, abs=1) for height, width in sizes)


def test_reflecting_class_is_found_by_name():
    config = AugmentationConfig(reflection=0.5)
    assert reflecting_class(config, ['wall', 'floor']) == 1
    assert reflecting_class(AugmentationConfig(), ['wall']) is None
    with pytest.raises(UnknownNameError, match='floor'):
        reflecting_class(config, ['wall'])


def test_everything_together_keeps_size_and_ids():
    config = AugmentationConfig(
        crop=32, crop_width=48, whole=0.5, tilt=1.0, reflection=1.0, dark=1.0, cast=1.0, jpeg=1.0
    )
    label = torch.randint(0, 4, (50, 60), dtype=torch.uint8)
    image = torch.randint(0, 256, (3, 50, 60), dtype=torch.uint8)
    torch.manual_seed(0)
    for _ in range(4):
        crop, ids = augment(training_transform(config, None, FLOOR), image, label)
        assert crop.shape == (3, 32, 48)
        assert set(ids.unique().tolist()) <= {0, 1, 2, 3, UNLABELED}
