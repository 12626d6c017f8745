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

"""Views drawn by whole batches: picture and label together, from seed, epoch and place alone."""

from dataclasses import replace
from functools import partial

import cv2
from helpers.tiny_training import COLORS, step_losses, tiny_config, write_folder
import numpy as np
import pytest
from swiftnet_ros.errors import InvalidValueError
import torch
from training.datasets import open_dataset
from training.datasets.class_table import UNLABELED
from training.datasets.gpu_loader import (
    class_mix_mask,
    crop_matrices,
    draw_batch,
    GpuLoader,
    ImageStore,
)
from training.datasets.loader import ShuffledBatchSampler
from training.datasets.transforms.augmentation import FILL
from training.schema.config import AugmentationConfig
from training.trainer.train import train

CPU = torch.device('cpu')
COLOR_OF = np.zeros((256, 3), np.uint8)
COLOR_OF[:3] = COLORS
COLOR_OF[UNLABELED] = FILL
SIDE = 64
PLAIN = AugmentationConfig(
    crop=SIDE, scale_min=1, scale_max=1, flip=0, brightness=0, contrast=0, saturation=0, hue=0
)
drawn = partial(tiny_config, data={'on_device': True}, augmentation={'color': 'linear'})


def coded(
    height: int = SIDE, width: int = SIDE, ids: tuple[int, int, int] = (0, 1, 2)
) -> ImageStore:
    """Give two pictures that show each class in its colour, the second upside down."""
    label = np.full((height, width), ids[0], np.uint8)
    cv2.rectangle(label, (width // 4, height // 3), (width, height), ids[1], -1)
    cv2.circle(label, (width // 2, height // 2), height // 5, ids[2], -1)
    label[: height // 8] = UNLABELED
    labels = torch.from_numpy(np.stack([label, label[::-1]]))
    images = torch.from_numpy(COLOR_OF[labels.numpy()]).permute(0, 3, 1, 2).contiguous()
    distance = torch.arange(width, dtype=torch.float32).expand(2, height, width)
    return ImageStore(images, labels, distance, 3)


def one_batch(pictures: ImageStore, views: AugmentationConfig, seed: int = 0, indices=(0, 1)):
    """Draw the views of some pictures."""
    generator = torch.Generator().manual_seed(seed)
    return draw_batch(pictures, list(indices), views, generator)


def flat_inside(label: np.ndarray, margin: int = 3) -> np.ndarray:
    """Mark the pixels with one class within `margin` pixels around."""
    kernel = np.ones((2 * margin + 1,) * 2, np.uint8)
    flat = cv2.dilate(label, kernel) == cv2.erode(label, kernel)
    frame = np.zeros_like(flat)
    frame[margin:-margin, margin:-margin] = True
    return flat & frame


def test_a_view_of_equal_size_is_the_picture_itself():
    pictures = coded()
    batch = one_batch(pictures, PLAIN)
    assert (batch.images.dtype, batch.labels.dtype) == (torch.uint8, torch.int64)
    assert torch.equal(batch.images, pictures.images)
    assert torch.equal(batch.labels, pictures.labels.long())
    assert torch.allclose(batch.edge_distance, pictures.edge_distance)


def test_a_flipped_view_is_the_picture_mirrored():
    pictures = coded()
    batch = one_batch(pictures, replace(PLAIN, flip=1.0))
    assert torch.equal(batch.images, pictures.images.flip(3))
    assert torch.equal(batch.labels, pictures.labels.flip(2).long())


@pytest.mark.parametrize('scale', [0.4, 0.75, 1.3, 2.0])
@pytest.mark.parametrize('seed', range(5))
def test_picture_and_label_stay_together_at_every_scale(scale, seed):
    views = replace(PLAIN, scale_min=scale, scale_max=scale, flip=0.5)
    batch = one_batch(coded(90, 130), views, seed)
    for image, label in zip(batch.images, batch.labels.byte().numpy()):
        inside = flat_inside(label)
        shown = image.permute(1, 2, 0).numpy()[inside].astype(int)
        assert np.abs(shown - COLOR_OF[label[inside]]).max() <= 1
    assert batch.labels.unique().tolist() != [UNLABELED]


def test_a_smaller_picture_lies_in_the_view_whole_and_anywhere():
    pictures = coded(ids=(1, 1, 1))
    views = replace(PLAIN, scale_min=0.5, scale_max=0.5)
    corners = set()
    for seed in range(8):
        label = one_batch(pictures, views, seed).labels[0]
        rows, columns = (label != UNLABELED).nonzero(as_tuple=True)
        assert (label != UNLABELED).sum() == 28 * 32
        corners.add((int(rows.min()), int(columns.min())))
    assert len(corners) > 4


def test_a_view_of_a_larger_picture_holds_nothing_from_outside():
    pictures = coded(100, 150)
    pictures.labels[:] = 2
    for seed in range(8):
        assert one_batch(pictures, PLAIN, seed).labels.unique().tolist() == [2]


def test_the_window_of_half_a_picture_is_half_as_wide_and_within():
    factors, flips = torch.full((50,), 2.0), torch.zeros(50, dtype=torch.bool)
    size, generator = (SIDE, SIDE), torch.Generator().manual_seed(0)
    windows = crop_matrices(size, size, factors, flips, generator)
    assert torch.allclose(windows[:, 0, 0], torch.tensor(0.5))
    assert torch.allclose(windows[:, 1, 1], torch.tensor(0.5))
    assert windows[:, :, 2].abs().max() <= 0.5
    assert windows[:, :, 2].std(0).min() > 0.2


def test_a_view_as_wide_as_the_picture_holds_all_of_it():
    pictures = coded(48, 96)
    batch = one_batch(pictures, replace(PLAIN, crop=48, crop_width=96))
    assert torch.equal(batch.images, pictures.images)
    assert torch.equal(batch.labels, pictures.labels.long())


def test_a_wide_view_is_cut_anywhere_along_a_wider_picture():
    pictures = coded(48, 160)
    starts = set()
    for seed in range(8):
        batch = one_batch(pictures, replace(PLAIN, crop=48, crop_width=96), seed)
        start = round(float(batch.edge_distance[0, 0, 0]))
        shown = pictures.labels[0].narrow(1, start, 96)
        assert torch.equal(batch.labels[0], shown.long())
        starts.add(start)
    assert len(starts) > 4


def test_distances_grow_with_the_scale():
    batch = one_batch(coded(32, 32), replace(PLAIN, scale_min=2, scale_max=2))
    middle = batch.edge_distance[:, 8:56, 8:56]
    assert torch.allclose(middle.diff(dim=2), torch.tensor(1.0), atol=1e-4)
    assert 55 < float(batch.edge_distance.max()) < 64


def test_brightness_contrast_and_grey_are_those_of_a_picture_by_itself():
    pictures = coded()
    pictures.images[:] = 100
    strong = replace(PLAIN, brightness=0.5, contrast=0.5, saturation=0.5, hue=0.5)
    levels = torch.stack([one_batch(pictures, strong, seed).images for seed in range(20)])
    each = levels.flatten(2)
    # One grey level all over: contrast, saturation and hue move nothing, brightness all alike.
    assert (each.amax(2) - each.amin(2)).max() <= 1
    assert 50 <= int(levels.min()) < 75 < 125 < int(levels.max()) <= 150
    grey = one_batch(coded(), replace(strong, grayscale=1.0)).images
    assert torch.equal(grey[:, 0], grey[:, 1])
    assert len(grey.unique()) > 2


def test_contrast_moves_colours_from_their_mean_grey():
    pictures = coded(ids=(0, 1, 1))
    weights = torch.tensor([0.299, 0.587, 0.114])
    before = (pictures.images.float() * weights[:, None, None]).sum(1)
    after = one_batch(pictures, replace(PLAIN, contrast=0.5)).images.float()
    grey = (after * weights[:, None, None]).sum(1)
    for one, other in zip(before, grey):
        assert float(other.mean()) == pytest.approx(float(one.mean()), abs=2)
        assert 0.45 < float(other.std() / one.std()) < 1.55


def test_exchanged_channels_are_the_same_three():
    pictures = coded(ids=(0, 0, 0))
    pictures.labels[:] = 0
    colour = (220, 40, 130)
    pictures.images[:] = torch.tensor(colour, dtype=torch.uint8)[:, None, None]
    orders = set()
    for seed in range(20):
        image = one_batch(pictures, replace(PLAIN, permute=1.0), seed).images[0]
        order = tuple(image[:, 5, 5].tolist())
        assert sorted(order) == sorted(colour)
        orders.add(order)
    assert len(orders) == 6


def test_half_of_the_classes_that_are_there_are_pasted():
    labels = torch.tensor([[0, 1, 2, UNLABELED], [4, 4, 4, 4], [UNLABELED] * 4], dtype=torch.uint8)
    scores = torch.tensor([[0.1, 0.9, 0.5, 0.99, 0.3]] * 3)
    mask = class_mix_mask(labels[:, None], scores)[:, 0]
    assert mask.tolist() == [[False, True, True, False], [True] * 4, [False] * 4]


def test_a_mixed_view_shows_both_pictures_with_their_labels():
    pictures = coded()
    taken = 0
    for seed in range(10):
        batch = one_batch(pictures, replace(PLAIN, class_mix=1.0), seed, indices=(0,))
        colors = COLOR_OF[batch.labels[0].numpy()]
        assert np.array_equal(batch.images[0].permute(1, 2, 0).numpy(), colors)
        own, other = pictures.labels.long()
        assert ((batch.labels[0] == own) | (batch.labels[0] == other)).all()
        taken += not torch.equal(batch.labels[0], own)
    assert taken > 2


def test_without_mixing_no_view_depends_on_another_picture():
    pictures = coded()
    pictures.images[1] = 0
    assert torch.equal(one_batch(pictures, PLAIN, indices=(0,)).images[0], pictures.images[0])


def batches_of(root, epoch=0, rank=0, processes=1, seed=0):
    """Give the batches of one epoch, of one of several processes."""
    config = drawn(train={'seed': seed})
    dataset = open_dataset('folder', root, 'train')
    sampler = ShuffledBatchSampler(len(dataset), 4, seed, rank, processes)
    sampler.epoch = epoch
    return list(GpuLoader(ImageStore.load(dataset, CPU), config.augmentation, sampler))


def test_a_batch_depends_on_seed_epoch_and_position_alone(folder_root):
    first, again = batches_of(folder_root), batches_of(folder_root)
    assert len(first) == 2
    for one, other in zip(first, again):
        assert torch.equal(one.images, other.images)
        assert torch.equal(one.labels, other.labels)
    for changed in ({'epoch': 1}, {'seed': 1}, {'rank': 1, 'processes': 2}):
        other = batches_of(folder_root, **changed)[0].images
        assert not torch.equal(first[0].images[: len(other)], other)


def test_a_run_on_the_device_learns_and_goes_on_as_if_never_interrupted(folder_root, tmp_path):
    config = drawn(train={'epochs': 8, 'evaluate_every': 0, 'cuda_graphs': True})
    train(config, folder_root, tmp_path / 'whole')
    whole = step_losses(tmp_path / 'whole')
    assert sum(whole[-4:]) < 0.8 * sum(whole[:4])

    class PowerError(Exception):
        """The lights go out."""

    def fails(state):
        if state.step == 7:
            raise PowerError

    with pytest.raises(PowerError):
        train(config, folder_root, tmp_path / 'parts', after_step=[fails])
    train(config, folder_root, tmp_path / 'parts')
    assert step_losses(tmp_path / 'parts') == whole


@pytest.mark.parametrize(
    ('changes', 'words'),
    [
        ({'augmentation': {'color': 'hsv'}}, 'augmentation.color'),
        (
            {'augmentation': {'color': 'linear'}, 'sampling': {'fraction': 0.5}},
            'sampling.fraction',
        ),
    ],
)
def test_what_is_drawn_picture_by_picture_alone_is_refused(folder_root, tmp_path, changes, words):
    config = tiny_config(data={'on_device': True}, augmentation=changes['augmentation'])
    if 'sampling' in changes:
        config = replace(config, sampling=replace(config.sampling, fraction=0.5))
    with pytest.raises(InvalidValueError, match=words):
        train(config, folder_root, tmp_path / 'run')
    assert not (tmp_path / 'run').exists()


def test_pictures_of_several_sizes_are_refused(tmp_path):
    root = write_folder(tmp_path / 'set')
    larger = write_folder(tmp_path / 'larger', 80, 96)
    for part in ('images', 'labels'):
        name = f'train/{part}/000.png'
        (root / name).write_bytes((larger / name).read_bytes())
    with pytest.raises(InvalidValueError, match="data.on_device is 'images of 2 sizes'"):
        ImageStore.load(open_dataset('folder', root, 'train'), CPU)
