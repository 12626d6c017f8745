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

"""ClassMix, and the photometric changes that only a fraction of the crops gets."""

from dataclasses import replace

from helpers.tiny_training import tiny_config, tiny_loader
import numpy as np
import pytest
import torch
from training.datasets import open_dataset
from training.datasets.class_table import UNLABELED
from training.datasets.transforms.augmentation import augment, class_mix, training_transform
from training.schema.config import AugmentationConfig

PLAIN = AugmentationConfig(
    crop=32, scale_min=1, scale_max=1, flip=0, brightness=0, contrast=0, saturation=0, hue=0
)


def noise(seed: int) -> torch.Tensor:
    """Return an image of random pixels uint8 [3, 32, 32]."""
    drawn = np.random.default_rng(seed).integers(0, 256, (3, 32, 32), np.uint8)
    return torch.from_numpy(drawn)


def striped(*ids: int) -> torch.Tensor:
    """Return a label uint8 [32, 32] of vertical stripes of equal width."""
    return torch.tensor(ids, dtype=torch.uint8).repeat_interleave(32 // len(ids)).repeat(32, 1)


@pytest.mark.parametrize(
    ('ids', 'pasted'), [((4, 5), 1), ((4, 5, 6, 7), 2), ((4, UNLABELED), 1), ((4, 4), 1)]
)
def test_half_of_the_other_classes_are_pasted(ids, pasted):
    image, other = noise(0), noise(1)
    label, other_label = striped(0, 1), striped(*ids)
    seen = set()
    for seed in range(20):
        torch.manual_seed(seed)
        crop, mask = class_mix((image, label), (other, other_label))
        taken = set(mask.unique().tolist()) - {0, 1}
        assert len(taken) == pasted
        assert UNLABELED not in taken
        where = torch.isin(other_label, torch.tensor(sorted(taken)))
        assert torch.equal(mask, torch.where(where, other_label, label))
        assert torch.equal(crop, torch.where(where, other, image))
        seen |= taken
    assert seen == set(ids) - {UNLABELED}


def test_unlabeled_other_crop_changes_nothing():
    crop = noise(0), striped(0, 1)
    mixed = class_mix(crop, (noise(1), striped(UNLABELED)))
    assert all(torch.equal(*pair) for pair in zip(crop, mixed))


def test_photometric_changes_keep_the_label():
    image, label = noise(0), striped(0, 1)
    crops = {}
    for name in ('grayscale', 'permute', 'blur', 'noise'):
        torch.manual_seed(3)
        transform = training_transform(replace(PLAIN, **{name: 1.0}))
        crops[name], mask = augment(transform, image, label)
        assert torch.equal(mask, label)
        assert not torch.equal(crops[name], image)
    assert torch.equal(crops['grayscale'][0], crops['grayscale'][1])
    assert torch.equal(crops['grayscale'][0], crops['grayscale'][2])
    assert torch.equal(crops['permute'].sort(0).values, image.sort(0).values)
    assert crops['blur'].float().std() < 0.8 * image.float().std()
    assert 1 < (crops['noise'].float() - image.float()).std() < 20


@pytest.mark.parametrize('name', ['grayscale', 'permute', 'blur', 'noise'])
def test_fraction_of_the_crops_is_changed(name):
    transform = training_transform(replace(PLAIN, **{name: 0.5}))
    torch.manual_seed(0)
    changed = sum(
        not torch.equal(augment(transform, noise(seed), striped(0))[0], noise(seed))
        for seed in range(60)
    )
    assert 15 < changed < 45


def crops(root, mix: float, seed: int = 0) -> list[torch.Tensor]:
    """Return the labels of twelve crops of one image."""
    config = tiny_config(augmentation={'class_mix': mix}, train={'seed': seed})
    loader, _ = tiny_loader(config, open_dataset('folder', root, 'train'))
    return [loader.dataset[(epoch, 0)][1] for epoch in range(12)]


def test_fraction_of_the_crops_is_mixed_reproducibly(folder_root):
    plain, some, every = (crops(folder_root, mix) for mix in (0.0, 0.5, 1.0))
    differ = [sum(not torch.equal(*pair) for pair in zip(plain, mixed)) for mixed in (some, every)]
    assert 0 < differ[0] < differ[1]
    torch.manual_seed(9)
    again = crops(folder_root, 0.5)
    assert all(torch.equal(*pair) for pair in zip(some, again))
    assert any(not torch.equal(*pair) for pair in zip(some, crops(folder_root, 0.5, seed=1)))


def test_edge_distance_is_that_of_the_mixed_label(folder_root):
    config = tiny_config(augmentation={'class_mix': 1.0})
    loader, _ = tiny_loader(config, open_dataset('folder', folder_root, 'train'))
    _, label, distance = loader.dataset[(0, 0)]
    changes = label[:, 1:] != label[:, :-1]
    assert changes.any()
    assert distance[:, 1:][changes].max() == 0
