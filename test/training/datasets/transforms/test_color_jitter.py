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

"""Linear color jitter against torchvision's color jitter."""

import colorsys

import pytest
from swiftnet_ros.errors import UnknownNameError
import torch
from torchvision import tv_tensors
from torchvision.transforms.v2 import functional as F
from training.datasets.transforms.augmentation import training_transform
from training.datasets.transforms.color_jitter import (
    color_jitter,
    hue_matrices,
    LinearJitter,
    saturation_matrices,
)
from training.schema.config import AugmentationConfig


def changed(image, factors=(1.0, 1.0, 1.0), turn=0.0):
    jitter = LinearJitter(0.3, 0.3, 0.3, 0.05)
    params = {'factors': factors, 'turn': turn}
    return jitter.transform(tv_tensors.Image(image), params).as_subclass(torch.Tensor)


@pytest.fixture
def image():
    """Return an image whose values the factors of the tests do not clip."""
    torch.manual_seed(0)
    return torch.randint(80, 150, (3, 40, 60)).byte()


def test_factors_of_1_change_nothing(image):
    assert torch.equal(changed(image), image)


@pytest.mark.parametrize(
    ('factors', 'change'),
    [
        ((1.3, 1.0, 1.0), lambda image: F.adjust_brightness(image, 1.3)),
        ((1.0, 0.7, 1.0), lambda image: F.adjust_contrast(image, 0.7)),
        ((1.0, 1.0, 1.3), lambda image: F.adjust_saturation(image, 1.3)),
        ((1.0, 1.0, 0.0), lambda image: F.adjust_saturation(image, 0.0)),
        (
            (0.8, 1.2, 0.7),
            lambda image: F.adjust_saturation(
                F.adjust_contrast(F.adjust_brightness(image, 0.8), 1.2), 0.7
            ),
        ),
    ],
)
def test_brightness_contrast_and_saturation_equal_torchvision(image, factors, change):
    # torchvision truncates to integers after each step.
    difference = changed(image, factors).int() - change(image).int()
    assert difference.abs().max() <= 3


def test_hue_rotation_keeps_gray_and_luma():
    luma = torch.tensor([0.299, 0.587, 0.114])
    turn = hue_matrices(torch.tensor([1 / 3]))[0]
    torch.testing.assert_close(turn @ torch.ones(3), torch.ones(3), atol=1e-2, rtol=0)
    torch.testing.assert_close(luma @ turn, luma, atol=1e-3, rtol=0)
    torch.testing.assert_close(turn @ turn @ turn, torch.eye(3), atol=1e-4, rtol=0)
    torch.testing.assert_close(saturation_matrices(torch.ones(1))[0], torch.eye(3))


@pytest.mark.parametrize('turn', [0.05, -0.05])
def test_hue_changes_like_torchvision(turn):
    for rgb in ((200, 90, 80), (90, 180, 100), (80, 100, 190)):
        image = torch.tensor(rgb, dtype=torch.uint8).view(3, 1, 1)
        ours, theirs = changed(image, turn=turn), F.adjust_hue(image, turn)
        hues = [
            colorsys.rgb_to_hsv(*rgb_image.flatten().tolist())[0] for rgb_image in (ours, theirs)
        ]
        assert (hues[0] - hues[1] + 0.5) % 1 - 0.5 == pytest.approx(0, abs=0.03)


def test_values_are_clipped_and_labels_kept():
    torch.manual_seed(1)
    image, label = torch.randint(0, 256, (3, 40, 60)).byte(), torch.randint(0, 9, (1, 40, 60))
    jitter = LinearJitter(0.9, 0.9, 0.9, 0.5)
    changed_image, mask = jitter(tv_tensors.Image(image), tv_tensors.Mask(label.byte()))
    assert changed_image.dtype == torch.uint8
    assert not torch.equal(changed_image, image)
    assert torch.equal(mask, label.byte())
    bright = changed(torch.full((3, 2, 2), 250).byte(), (1.3, 1.0, 1.0))
    assert (bright == 255).all()


def test_factors_are_drawn_from_their_ranges():
    torch.manual_seed(0)
    drawn = [LinearJitter(0.3, 1.5, 0.0, 0.05).make_params([]) for _ in range(300)]
    brightness, contrast, saturation = zip(*(one['factors'] for one in drawn), strict=True)
    assert 0.7 <= min(brightness) < 0.75 < 1.25 < max(brightness) <= 1.3
    assert 0 <= min(contrast) < 0.1 < 2.4 < max(contrast) <= 2.5
    assert set(saturation) == {1.0}
    turns = [one['turn'] for one in drawn]
    assert -0.05 <= min(turns) < -0.045 < 0.045 < max(turns) <= 0.05


def test_both_jitters_leave_the_crop_position_alone(image):
    label = tv_tensors.Mask(torch.arange(40 * 60).view(1, 40, 60) % 7)
    masks = []
    for color in ('hsv', 'linear'):
        torch.manual_seed(4)
        transform = training_transform(AugmentationConfig(crop=32, color=color))
        masks.append(transform(tv_tensors.Image(image), label)[1])
    assert torch.equal(*masks)


def test_unknown_jitter_suggests_the_nearest():
    with pytest.raises(UnknownNameError, match="augmentation.color 'lineer'; did you mean 'lin"):
        color_jitter(AugmentationConfig(color='lineer'))
