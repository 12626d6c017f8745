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

"""Blur, noise and gamma in training crops and in images that are evaluated."""

from dataclasses import replace

import cv2
from helpers.tiny_training import command_json, tiny_checkpoint
import numpy as np
import pytest
import torch
from training.__main__ import main
from training.datasets import open_dataset
from training.datasets.transforms.corruptions import (
    add_noise,
    corrupt_randomly,
    CorruptedDataset,
    Corruption,
    gaussian_blur,
)
from training.run.checkpoint import save_checkpoint
from training.schema.config import AugmentationConfig

OPTIONS = {'frames': 2, 'height': 64, 'width': 96}


def gray_images(count: int = 1, side: int = 96) -> torch.Tensor:
    """Return uniform images uint8 [count, 3, side, side]."""
    return torch.full((count, 3, side, side), 128, dtype=torch.uint8)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize('sigma', [0.5, 1.5, 2.5])
def test_blur_equals_opencv(sigma):
    image = np.random.default_rng(0).integers(0, 256, (40, 56, 3), np.uint8)
    expected = cv2.GaussianBlur(image, (0, 0), sigma, borderType=cv2.BORDER_REFLECT_101)
    received = (
        gaussian_blur(torch.from_numpy(image).permute(2, 0, 1), sigma).permute(1, 2, 0).numpy()
    )
    inner = np.s_[10:-10, 10:-10]
    assert np.abs(received[inner].astype(int) - expected[inner]).max() <= 2


def test_image_smaller_than_the_kernel_is_blurred():
    image = torch.zeros(3, 8, 12, dtype=torch.uint8)
    image[:, :, 6:] = 240
    received = gaussian_blur(image, 8.0)
    assert received.shape == image.shape
    assert 0 < int(received.min()) <= int(received.max()) < 240


@pytest.mark.parametrize('sigma', [3.0, 12.0, 20.0])
def test_noise_has_the_given_sigma_and_mean_zero(sigma):
    received = add_noise(gray_images()[0], sigma, 1.0, seeded()).float() - 128
    assert float(received.std()) == pytest.approx(sigma, rel=0.03)
    assert abs(float(received.mean())) < sigma / 50


def neighbor_correlation(grain: float) -> float:
    noise = add_noise(gray_images()[0], 12, grain, seeded()).float() - 128
    return float((noise[..., 1:] * noise[..., :-1]).mean() / noise.var())


def test_grain_correlates_neighbors():
    assert abs(neighbor_correlation(1.0)) < 0.03
    assert neighbor_correlation(2.0) > 0.5


def test_noisy_values_are_clipped():
    dark, bright = gray_images()[0] * 0, gray_images()[0] * 0 + 255
    assert int(add_noise(dark, 20, 1.0, seeded()).max()) < 120
    assert int(add_noise(bright, 20, 1.0, seeded()).min()) > 135


def changed(augmentation: AugmentationConfig, seed: int = 0, count: int = 60) -> torch.Tensor:
    """Return which of the images, all of one pattern, were changed: bool [count]."""
    images = torch.tensor([40, 200] * 24, dtype=torch.uint8).expand(count, 3, 32, 48).contiguous()
    before = images.clone()
    return (corrupt_randomly(images, augmentation, seeded(seed)) != before).flatten(1).any(1)


@pytest.mark.parametrize('name', ['blur', 'noise'])
def test_fraction_of_a_batch_is_corrupted(name):
    augmentation = replace(AugmentationConfig(), **{name: 0.5})
    assert 15 < int(changed(augmentation).sum()) < 45
    assert torch.equal(changed(augmentation), changed(augmentation))
    assert not torch.equal(changed(augmentation), changed(augmentation, seed=1))
    assert changed(replace(AugmentationConfig(), **{name: 1.0})).all()


def test_fraction_0_draws_no_random_number():
    generator = seeded()
    corrupt_randomly(gray_images(), AugmentationConfig(), generator)
    assert torch.equal(generator.get_state(), seeded().get_state())


def test_noise_stays_below_the_largest_sigma():
    augmentation = replace(AugmentationConfig(), noise=1.0, noise_sigma=5.0)
    images = corrupt_randomly(gray_images(20), augmentation, seeded())
    spread = (images.float() - 128).flatten(1).std(1)
    assert spread.max() < 5.2
    assert spread.max() - spread.min() > 1


def corrupted(*texts: str) -> CorruptedDataset:
    scenes = open_dataset('warehouse', None, 'val', OPTIONS)
    return CorruptedDataset(scenes, tuple(Corruption.parse(text) for text in texts))


def test_corruptions_change_images_and_keep_labels():
    plain, darker = corrupted()[1], corrupted('gamma=2')[1]
    assert np.array_equal(plain.label, darker.label)
    expected = np.round(255 * (plain.image / 255.0) ** 2)
    assert np.abs(darker.image - expected).max() <= 1
    both = corrupted('gamma=2', 'blur=1')[1].image
    lone = cv2.GaussianBlur(darker.image, (0, 0), 1)
    assert np.abs(both.astype(int) - lone)[8:-8, 8:-8].max() <= 2


def test_noise_is_reproducible_and_differs_between_images():
    first, again, other = corrupted('noise=9')[0], corrupted('noise=9')[0], corrupted('noise=9')[1]
    assert np.array_equal(first.image, again.image)
    gaps = [
        item.image.astype(int) - plain.image
        for item, plain in zip((first, other), (corrupted()[0], corrupted()[1]))
    ]
    assert not np.array_equal(*gaps)


@pytest.fixture
def checkpoint(tmp_path):
    table = open_dataset('warehouse', None, 'val', OPTIONS).table
    save_checkpoint(tiny_checkpoint(classes=table.classes), tmp_path / 'tiny.pt')
    return str(tmp_path / 'tiny.pt')


def evaluated(capsys, checkpoint: str, *words: str) -> dict:
    options = [f'--option={key}={value}' for key, value in OPTIONS.items()]
    call = ['evaluate', checkpoint, '--dataset', 'warehouse', *options, *words]
    return command_json(capsys, *call)


def test_evaluate_reports_its_corruptions(capsys, checkpoint):
    plain = evaluated(capsys, checkpoint)
    changed = evaluated(capsys, checkpoint, '--fault', 'gamma=3', '--corruption', 'noise=40')
    assert 'faults' not in plain
    assert changed['faults'] == ['gamma=3', 'noise=40']
    assert changed['iou'] != plain['iou']


def test_all_corruptions_are_evaluated_one_by_one(capsys, checkpoint):
    result = evaluated(capsys, checkpoint, '--fault', 'all')
    names = [item['faults'] for item in result['corruptions']]
    assert names == [['blur=1.5'], ['noise=12'], ['gamma=2'], ['jpeg=30'], ['cast=0.3']]
    assert result['miou'] == evaluated(capsys, checkpoint)['miou'] and 'faults' not in result
    alone = evaluated(capsys, checkpoint, '--fault', 'jpeg=30')
    assert result['corruptions'][3] == alone
    call = ['evaluate', checkpoint, '--dataset', 'warehouse', '--fault', 'all']
    assert main([*call, '--fault', 'blur=1']) == 1
    assert '--corruption all cannot be combined' in capsys.readouterr().err


@pytest.mark.parametrize(
    ('text', 'words'),
    [
        ('nose=3', "did you mean 'noise'"),
        ('noise', 'a value of 0 to 128, gray values of sigma'),
        ('blur=a', 'a value of 0.3 to 16, pixels of sigma'),
        ('gamma=99', 'a value of 0.1 to 10'),
        ('noise=nan', 'a value of 0 to 128'),
    ],
)
def test_invalid_corruption_prints_one_line(capsys, checkpoint, text, words):
    call = ['evaluate', checkpoint, '--dataset', 'warehouse', '--fault', text]
    assert main(call) == 1
    captured = capsys.readouterr()
    assert words in captured.err
    assert len(captured.err.strip().splitlines()) == 1
