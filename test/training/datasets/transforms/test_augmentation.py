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

"""Augmentation and ClassMix keep image and label aligned; the training loader is reproducible."""

from dataclasses import replace

import cv2
from helpers.tiny_training import (
    COLOR_OF,
    COLORS,
    interior,
    shapes_label,
    tiny_config,
    tiny_loader,
)
import numpy as np
import pytest
from swiftnet_ros.errors import InvalidValueError
import torch
from torchvision import tv_tensors
from training.datasets import open_dataset
from training.datasets.class_table import UNLABELED
from training.datasets.loader import edge_distance, readable_batches, UnreadableImageError
from training.datasets.transforms.augmentation import (
    augment,
    class_mix,
    RandomScale,
    training_transform,
)
from training.schema.config import AugmentationConfig

GEOMETRY = AugmentationConfig(crop=96, brightness=0, contrast=0, saturation=0, hue=0)


def coded(height: int, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return an image [3, H, W] with one color per class, and its label [H, W]."""
    label = shapes_label(height, width)
    return torch.from_numpy(COLOR_OF[label]).permute(2, 0, 1), torch.from_numpy(label)


@pytest.mark.parametrize('seed', range(6))
def test_image_and_label_stay_aligned(seed):
    torch.manual_seed(seed)
    image, label = augment(training_transform(GEOMETRY), *coded(90, 130))
    assert image.shape == (3, 96, 96)
    assert label.shape == (96, 96)
    pixels, ids = image.permute(1, 2, 0).numpy().astype(int), label.numpy()
    sure = interior(ids) & (ids != UNLABELED)
    assert sure.any()
    assert np.abs(pixels - COLOR_OF[ids])[sure].max() <= 1


@pytest.mark.parametrize('factor', [0.5, 0.71, 1.0, 1.37, 2.0])
def test_scaling_does_not_shift_the_label(factor):
    image, label = coded(120, 160)
    scale = RandomScale(factor, factor)
    crop, mask = augment(scale, image, label)
    assert mask.shape == crop.shape[1:] == (round(120 * factor), round(160 * factor))
    wanted = (mask == 2).float()
    shown = (crop == torch.tensor(COLORS[2])[:, None, None]).all(0)
    disc = torch.where(wanted.bool() | shown, 1.0, 0.0)
    rows, columns = (torch.arange(side) + 0.5 for side in mask.shape)
    for weights, middle in ((wanted, 0.5), (disc, 0.5)):
        row = float((weights.sum(1) * rows).sum() / weights.sum()) / len(rows)
        column = float((weights.sum(0) * columns).sum() / weights.sum()) / len(columns)
        assert row == pytest.approx(middle, abs=0.006)
        assert column == pytest.approx(middle, abs=0.006)


def test_label_scaling_takes_the_nearest_pixel_center():
    label = torch.arange(8, dtype=torch.uint8)[None].repeat(8, 1)
    mask = RandomScale(0.5, 0.5)(tv_tensors.Mask(label[None]))
    centers = [int((i + 0.5) * 2) for i in range(4)]
    assert mask[0, 0].tolist() == centers


def test_scale_is_drawn_from_its_range():
    scale = RandomScale(0.5, 2.0)
    torch.manual_seed(0)
    drawn = [scale.make_params([])['factor'] for _ in range(200)]
    assert 0.5 <= min(drawn) < 0.6
    assert 1.9 < max(drawn) <= 2.0


def test_padding_is_unlabeled():
    config = replace(GEOMETRY, scale_min=0.5, scale_max=0.5, flip=0)
    image, label = torch.full((3, 60, 80), 200).byte(), torch.ones(60, 80).byte()
    crop, mask = augment(training_transform(config), image, label)
    outside = mask == UNLABELED
    assert int((mask == 1).sum()) == 30 * 40
    assert int(outside.sum()) == 96 * 96 - 30 * 40
    assert torch.equal(crop[:, outside].T.unique(dim=0), torch.tensor([[124, 116, 104]]).byte())


@pytest.mark.parametrize(
    ('size', 'changes'),
    [((96, 96), {'flip': 1}), ((64, 128), {'flip': 0, 'crop': 64, 'crop_width': 128})],
)
def test_crop_of_equal_size_is_the_image_or_mirrors_it(size, changes):
    config = replace(GEOMETRY, scale_min=1, scale_max=1, **changes)
    for received, whole in zip(augment(training_transform(config), *coded(*size)), coded(*size)):
        assert torch.equal(received, whole.flip(-1) if changes['flip'] else whole)


def test_color_jitter_keeps_the_label():
    config = AugmentationConfig(crop=96, scale_min=1, scale_max=1, flip=0)
    image, label = coded(96, 96)
    torch.manual_seed(0)
    crop, mask = augment(training_transform(config), image, label)
    assert torch.equal(mask, label)
    assert (crop != image).float().mean() > 0.5


@pytest.fixture
def drawn(folder_root):
    def draw(epoch: int, **train: int) -> torch.Tensor:
        config = tiny_config(train=train)
        dataset = open_dataset('folder', folder_root, 'train')
        loader, sampler = tiny_loader(config, dataset)
        sampler.epoch = epoch
        batch = next(readable_batches(loader))
        assert batch.images.dtype == torch.uint8
        assert batch.labels.dtype == torch.int64
        return torch.cat([batch.images, batch.labels[:, None]], 1)

    return draw


def test_crop_depends_on_seed_epoch_and_image_alone(drawn):
    torch.manual_seed(5)
    crop = drawn(3)
    torch.manual_seed(6)
    assert torch.equal(crop, drawn(3))
    assert torch.equal(crop, drawn(3, workers=2))
    assert not torch.equal(crop, drawn(4))
    assert not torch.equal(crop, drawn(3, seed=1))


def test_global_random_state_stays_unchanged(folder_root):
    loader, _ = tiny_loader(tiny_config(), open_dataset('folder', folder_root, 'train'))
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    image, label, distance = loader.dataset[(0, 0)]
    assert image.shape[1:] == label.shape == distance.shape
    assert torch.equal(torch.rand(3), expected)


def test_processes_split_a_batch(folder_root):
    dataset = open_dataset('folder', folder_root, 'train')
    config = tiny_config(train={'batch_size': 4})
    _, whole = tiny_loader(config, dataset)
    shares = [tiny_loader(config, dataset, rank, 2)[1] for rank in range(2)]
    for batch, *parts in zip(whole, *shares, strict=True):
        assert [len(part) for part in parts] == [2, 2]
        assert sorted(batch) == sorted(parts[0] + parts[1])
    positions = [position for batch in whole for position in batch]
    assert len(set(positions)) == len(positions) == 8


@pytest.mark.parametrize(('size', 'processes'), [(9, 1), (3, 2)])
def test_invalid_batch_size_raises(folder_root, size, processes):
    dataset = open_dataset('folder', folder_root, 'train')
    config = tiny_config(train={'batch_size': size})
    with pytest.raises(
        InvalidValueError, match=f'train.batch_size is {size}, expected a multiple'
    ):
        tiny_loader(config, dataset, 0, processes)


@pytest.mark.parametrize('workers', [0, 1])
def test_bad_label_raises_with_and_without_workers(tmp_path, workers):
    for name in ('images', 'labels'):
        (tmp_path / 'train' / name).mkdir(parents=True)
        cv2.imwrite(str(tmp_path / 'train' / name / 'a.png'), np.full((64, 64), 9, np.uint8))
    (tmp_path / 'classes.yaml').write_text('classes: [{name: a, rgb: [1, 2, 3]}]')
    config = tiny_config(train={'batch_size': 1, 'workers': workers})
    loader, _ = tiny_loader(config, open_dataset('folder', tmp_path, 'train'))
    with pytest.raises(
        UnreadableImageError, match='contains label ids 9, the class table'
    ) as caught:
        next(readable_batches(loader))
    assert '\n' not in str(caught.value)


def test_edge_distance_is_the_distance_to_the_nearest_edge():
    label = coded(40, 56)[1].numpy()
    padded = np.pad(label, 1, mode='edge')
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3)).reshape(40, 56, 9)
    at_edge = [cell for cell in np.ndindex(label.shape) if len(np.unique(windows[cell])) > 1]
    cells = np.stack(np.meshgrid(np.arange(40), np.arange(56), indexing='ij'), -1)
    gaps = np.linalg.norm(cells[:, :, None] - np.array(at_edge)[None, None], axis=-1).min(-1)
    received = edge_distance(label)
    assert received.dtype == np.float32
    assert np.array_equal(received == 0, gaps == 0)
    # OpenCV adds up steps of 0.955 and 1.3693 pixels, which is right to a few per cent.
    assert (np.abs(received - gaps) <= 0.06 * gaps + 1e-6).all()


def test_edge_distance_without_edges():
    assert (edge_distance(np.full((30, 50), 4)) == 50).all()


PLAIN = AugmentationConfig(
    crop=32, scale_min=1, scale_max=1, flip=0, brightness=0, contrast=0, saturation=0, hue=0
)


def noise_image(seed: int) -> torch.Tensor:
    drawn = np.random.default_rng(seed).integers(0, 256, (3, 32, 32), np.uint8)
    return torch.from_numpy(drawn)


def striped(*ids: int) -> torch.Tensor:
    """Return a label uint8 [32, 32] of vertical stripes of equal width."""
    return torch.tensor(ids, dtype=torch.uint8).repeat_interleave(32 // len(ids)).repeat(32, 1)


@pytest.mark.parametrize(
    ('ids', 'pasted'), [((4, 5), 1), ((4, 5, 6, 7), 2), ((4, UNLABELED), 1), ((4, 4), 1)]
)
def test_half_of_the_other_classes_are_pasted(ids, pasted):
    image, other = noise_image(0), noise_image(1)
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
    crop = noise_image(0), striped(0, 1)
    mixed = class_mix(crop, (noise_image(1), striped(UNLABELED)))
    assert all(torch.equal(*pair) for pair in zip(crop, mixed))


def test_photometric_changes_keep_the_label():
    image, label = noise_image(0), striped(0, 1)
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
        not torch.equal(augment(transform, noise_image(seed), striped(0))[0], noise_image(seed))
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
