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

"""Rare class sampling: crops contain the drawn class and are reproducible."""

from collections import Counter
from dataclasses import replace
from itertools import islice

from helpers.tiny_training import (
    final_weights,
    step_losses,
    stopped_after,
    tiny_config,
    tiny_loader,
)
import numpy as np
import pytest
import torch
from training.datasets import open_dataset
from training.datasets.base import CachedDataset
from training.datasets.class_statistics import ClassCounts, count_pixels
from training.datasets.loader import RareClassSampler, readable_batches
from training.datasets.transforms.augmentation import augment, training_transform
from training.schema.config import AugmentationConfig, SamplingConfig
from training.trainer.train import train

COUNTS = ClassCounts(
    ('road', 'car', 'pole', 'never'),
    np.array([[90, 10, 0, 0], [95, 5, 0, 0], [90, 9, 1, 0]]),
    {},
)
ALWAYS = SamplingConfig(fraction=1.0, temperature=0.1)


def with_sampling(fraction=0.5, **sections):
    return tiny_config(sampling={'fraction': fraction}, **sections)


@pytest.mark.parametrize(('crop', 'scale'), [(64, 1.0), (96, 1.5), (192, 1.0), (128, 0.5)])
@pytest.mark.parametrize('seed', range(8))
def test_crop_contains_the_class(crop, scale, seed):
    label = torch.zeros(120, 160, dtype=torch.uint8)
    label[7:11, 140:144] = 2
    image = torch.where(label == 2, 200, 20)[None].repeat(3, 1, 1).byte()
    config = AugmentationConfig(
        crop, scale, scale, brightness=0, contrast=0, saturation=0, hue=0, crop_width=crop + 32
    )
    torch.manual_seed(seed)
    image_crop, mask = augment(training_transform(config, 2), image, label)
    assert image_crop.shape[1:] == mask.shape == (crop, crop + 32)
    assert (mask == 2).any()
    assert image_crop[0][mask == 2].float().mean() > 100


def test_crops_for_a_class_vary_and_an_absent_class_changes_nothing():
    label = torch.zeros(120, 160, dtype=torch.uint8)
    label[60, 80] = 1
    config = AugmentationConfig(crop=64, scale_min=1, scale_max=1, flip=0)
    positions = set()
    for seed in range(30):
        torch.manual_seed(seed)
        mask = augment(training_transform(config, 1), label.repeat(3, 1, 1), label)[1]
        positions.add(tuple((mask == 1).nonzero()[0].tolist()))
        torch.manual_seed(seed)
        absent = augment(training_transform(config, 3), label.repeat(3, 1, 1), label)
        torch.manual_seed(seed)
        usual = augment(training_transform(config), label.repeat(3, 1, 1), label)
        assert torch.equal(absent[1], usual[1])
    assert len(positions) > 20
    rows, columns = zip(*positions, strict=True)
    assert max(rows) - min(rows) > 40 < max(columns) - min(columns)


def test_rare_classes_are_drawn_more_often():
    rare = RareClassSampler(ALWAYS, COUNTS)
    drawn = [rare.draw(seed) for seed in range(4000)]
    classes = Counter(class_id for _, class_id in drawn)
    odds = np.exp((1 - COUNTS.fractions()[:3]) / 0.1)
    for class_id, expected in enumerate(odds / odds.sum()):
        assert classes[class_id] / 4000 == pytest.approx(expected, abs=0.03)
    assert {image for image, class_id in drawn if class_id == 2} == {2}
    assert {image for image, class_id in drawn if class_id == 1} == {0, 1, 2}
    assert 3 not in classes


def test_fraction_of_ordinary_crops():
    rare = RareClassSampler(replace(ALWAYS, fraction=0.25), COUNTS)
    drawn = [rare.draw(seed) for seed in range(2000)]
    assert sum(position is not None for position in drawn) / 2000 == pytest.approx(0.25, abs=0.03)
    nothing = ClassCounts(('a',), np.zeros((2, 1), np.int64), {})
    assert RareClassSampler(ALWAYS, nothing).draw(0) is None


@pytest.fixture
def batches(folder_root):
    def draw(epoch, rank=0, processes=1, cache=False, **train):
        config = with_sampling(train=train)
        dataset = open_dataset('folder', folder_root, 'train')
        counts = ClassCounts((), count_pixels(dataset), {})
        dataset = CachedDataset(dataset) if cache else dataset
        rare = RareClassSampler(config.sampling, counts)
        loader, sampler = tiny_loader(config, dataset, rank, processes, rare_classes=rare)
        sampler.epoch = epoch
        return [batch.images for batch in readable_batches(loader)], list(sampler)

    return draw


def test_crops_depend_on_seed_epoch_and_position_alone(batches):
    first, positions = batches(2)
    assert {len(position) for batch in positions for position in batch} == {2, 4}
    again, _ = batches(2, workers=1, cache=True)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[0], batches(3)[0][0])
    assert positions != batches(2, seed=1)[1]


def test_processes_split_the_positions(batches):
    _, whole = batches(1)
    shares = [batches(1, rank, 2)[1] for rank in range(2)]
    for batch, *parts in zip(whole, *shares, strict=True):
        assert sorted(batch) == sorted(parts[0] + parts[1])


def test_image_drawn_twice_in_an_epoch_has_two_crops(folder_root):
    config = with_sampling(fraction=1.0)
    dataset = open_dataset('folder', folder_root, 'train')
    counts = ClassCounts((), count_pixels(dataset), {})
    rare = RareClassSampler(config.sampling, counts)
    loader, _ = tiny_loader(config, dataset, rare_classes=rare)
    crops = [loader.dataset[(0, 1, 1, position)][0] for position in (0, 1, 1)]
    assert not torch.equal(crops[0], crops[1])
    assert torch.equal(crops[1], crops[2])


def test_fraction_0_keeps_the_positions(folder_root):
    dataset = open_dataset('folder', folder_root, 'train')
    counts = ClassCounts((), count_pixels(dataset), {})
    plain, counted = (
        list(islice(tiny_loader(tiny_config(), dataset, rare_classes=rare)[1], 2))
        for rare in (None, RareClassSampler(SamplingConfig(), counts))
    )
    assert plain == counted


def test_resumed_run_has_the_same_crops(folder_root, tmp_path):
    config = with_sampling(train={'epochs': 3, 'evaluate_every': 0}, data={'cache': True})
    train(config, folder_root, tmp_path / 'whole')

    with stopped_after(3):
        train(config, folder_root, tmp_path / 'stopped')
    without_cache = replace(config, data=replace(config.data, cache=False))
    train(without_cache, folder_root, tmp_path / 'stopped')
    losses = [step_losses(tmp_path / name) for name in ('whole', 'stopped')]
    assert losses[1] == pytest.approx(losses[0], abs=1e-6)
    weights = final_weights(tmp_path / 'stopped')
    for name, value in final_weights(tmp_path / 'whole').items():
        torch.testing.assert_close(weights[name], value, rtol=1e-5, atol=1e-6)


def test_cached_image_is_loaded_once(folder_root):
    dataset = open_dataset('folder', folder_root, 'train')
    reads = []

    class Counting:
        table = dataset.table

        def __len__(self):
            return len(dataset)

        def __getitem__(self, index):
            reads.append(index)
            return dataset[index]

    cached = CachedDataset(Counting())
    first = cached[3]
    assert cached[3] is first
    assert (reads, len(cached), cached.table) == ([3], 8, dataset.table)
    assert np.array_equal(first.image, dataset[3].image)
    assert cached.fill() is cached
    assert sorted(reads) == list(range(8))
