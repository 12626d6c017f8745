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

"""The GPU loader: image and label stay aligned, and batches are reproducible."""

from dataclasses import replace
from functools import partial

from helpers.tiny_training import (
    COLOR_OF,
    interior,
    shapes_label,
    step_losses,
    stopped_after,
    tiny_config,
    write_folder,
)
import numpy as np
import pytest
from swiftnet_ros.errors import InvalidValueError
import torch
from training.datasets import open_dataset
from training.datasets.class_table import UNLABELED
from training.datasets.gpu_loader import (
    class_mix_mask,
    draw_batch,
    GpuLoader,
    ImageStore,
)
from training.datasets.loader import ShuffledBatchSampler
from training.schema.config import AugmentationConfig
from training.trainer.train import train

CPU = torch.device('cpu')
SIDE = 64
PLAIN = AugmentationConfig(
    crop=SIDE, scale_min=1, scale_max=1, flip=0, brightness=0, contrast=0, saturation=0, hue=0
)
drawn = partial(tiny_config, data={'on_device': True}, augmentation={'color': 'linear'})


def coded(
    height: int = SIDE, width: int = SIDE, ids: tuple[int, int, int] = (0, 1, 2)
) -> ImageStore:
    """Return two images with one color per class, the second upside down."""
    label = shapes_label(height, width, ids)
    labels = torch.from_numpy(np.stack([label, label[::-1]]))
    images = torch.from_numpy(COLOR_OF[labels.numpy()]).permute(0, 3, 1, 2).contiguous()
    distance = torch.arange(width, dtype=torch.float32).expand(2, height, width)
    return ImageStore(images, labels, distance, 3)


def one_batch(store: ImageStore, augmentation: AugmentationConfig, seed: int = 0, indices=(0, 1)):
    generator = torch.Generator().manual_seed(seed)
    return draw_batch(store, list(indices), augmentation, generator)


@pytest.mark.parametrize(
    ('size', 'changes'),
    [
        ((SIDE, SIDE), {}),
        ((SIDE, SIDE), {'flip': 1.0}),
        ((48, 96), {'crop': 48, 'crop_width': 96}),
    ],
)
def test_crop_of_equal_size_is_the_image(size, changes):
    store = coded(*size)
    batch = one_batch(store, replace(PLAIN, **changes))
    expected = store.images, store.labels.long(), store.edge_distance
    assert (batch.images.dtype, batch.labels.dtype) == (torch.uint8, torch.int64)
    for received, whole in zip((batch.images, batch.labels, batch.edge_distance), expected):
        torch.testing.assert_close(received, whole.flip(-1) if 'flip' in changes else whole)


@pytest.mark.parametrize('scale', [0.4, 0.75, 1.3, 2.0])
@pytest.mark.parametrize('seed', range(2))
def test_image_and_label_stay_aligned_at_every_scale(scale, seed):
    augmentation = replace(PLAIN, scale_min=scale, scale_max=scale, flip=0.5)
    batch = one_batch(coded(90, 130), augmentation, seed)
    for image, label in zip(batch.images, batch.labels.byte().numpy()):
        inside = interior(label)
        shown = image.permute(1, 2, 0).numpy()[inside].astype(int)
        assert np.abs(shown - COLOR_OF[label[inside]]).max() <= 1
    assert batch.labels.unique().tolist() != [UNLABELED]


def test_smaller_image_is_placed_anywhere_in_the_crop():
    store = coded(ids=(1, 1, 1))
    augmentation = replace(PLAIN, scale_min=0.5, scale_max=0.5)
    corners = set()
    for seed in range(8):
        label = one_batch(store, augmentation, seed).labels[0]
        rows, columns = (label != UNLABELED).nonzero(as_tuple=True)
        assert (label != UNLABELED).sum() == 28 * 32
        corners.add((int(rows.min()), int(columns.min())))
    assert len(corners) > 4


def test_crop_of_a_larger_image_has_no_padding():
    store = coded(100, 150)
    store.labels[:] = 2
    for seed in range(8):
        assert one_batch(store, PLAIN, seed).labels.unique().tolist() == [2]


def test_wide_crop_is_taken_anywhere_along_a_wider_image():
    store = coded(48, 160)
    starts = set()
    for seed in range(8):
        batch = one_batch(store, replace(PLAIN, crop=48, crop_width=96), seed)
        start = round(float(batch.edge_distance[0, 0, 0]))
        shown = store.labels[0].narrow(1, start, 96)
        assert torch.equal(batch.labels[0], shown.long())
        starts.add(start)
    assert len(starts) > 4


def test_edge_distances_scale_with_the_image():
    batch = one_batch(coded(32, 32), replace(PLAIN, scale_min=2, scale_max=2))
    middle = batch.edge_distance[:, 8:56, 8:56]
    assert torch.allclose(middle.diff(dim=2), torch.tensor(1.0), atol=1e-4)
    assert 55 < float(batch.edge_distance.max()) < 64


def test_color_jitter_of_a_uniform_gray_image():
    store = coded()
    store.images[:] = 100
    strong = replace(PLAIN, brightness=0.5, contrast=0.5, saturation=0.5, hue=0.5)
    levels = torch.stack([one_batch(store, strong, seed).images for seed in range(20)])
    each = levels.flatten(2)
    # On uniform gray only brightness has an effect.
    assert (each.amax(2) - each.amin(2)).max() <= 1
    assert 50 <= int(levels.min()) < 75 < 125 < int(levels.max()) <= 150
    gray = one_batch(coded(), replace(strong, grayscale=1.0)).images
    assert torch.equal(gray[:, 0], gray[:, 1])
    assert len(gray.unique()) > 2


def test_contrast_is_relative_to_the_mean_gray():
    store = coded(ids=(0, 1, 1))
    weights = torch.tensor([0.299, 0.587, 0.114])
    before = (store.images.float() * weights[:, None, None]).sum(1)
    after = one_batch(store, replace(PLAIN, contrast=0.5)).images.float()
    gray = (after * weights[:, None, None]).sum(1)
    for one, other in zip(before, gray):
        assert float(other.mean()) == pytest.approx(float(one.mean()), abs=2)
        assert 0.45 < float(other.std() / one.std()) < 1.55


def test_permuted_channels_have_the_same_values():
    store = coded(ids=(0, 0, 0))
    store.labels[:] = 0
    color = (220, 40, 130)
    store.images[:] = torch.tensor(color, dtype=torch.uint8)[:, None, None]
    orders = set()
    for seed in range(20):
        image = one_batch(store, replace(PLAIN, permute=1.0), seed).images[0]
        order = tuple(image[:, 5, 5].tolist())
        assert sorted(order) == sorted(color)
        orders.add(order)
    assert len(orders) == 6


def test_class_mix_mask_covers_half_of_the_present_classes():
    labels = torch.tensor([[0, 1, 2, UNLABELED], [4, 4, 4, 4], [UNLABELED] * 4], dtype=torch.uint8)
    scores = torch.tensor([[0.1, 0.9, 0.5, 0.99, 0.3]] * 3)
    mask = class_mix_mask(labels[:, None], scores)[:, 0]
    assert mask.tolist() == [[False, True, True, False], [True] * 4, [False] * 4]


def test_mixed_crop_shows_both_images_with_their_labels():
    store = coded()
    taken = 0
    for seed in range(10):
        batch = one_batch(store, replace(PLAIN, class_mix=1.0), seed, indices=(0,))
        colors = COLOR_OF[batch.labels[0].numpy()]
        assert np.array_equal(batch.images[0].permute(1, 2, 0).numpy(), colors)
        own, other = store.labels.long()
        assert ((batch.labels[0] == own) | (batch.labels[0] == other)).all()
        taken += not torch.equal(batch.labels[0], own)
    assert taken > 2


def batches_of(root, epoch=0, rank=0, processes=1, seed=0):
    config = drawn(train={'seed': seed})
    dataset = open_dataset('folder', root, 'train')
    sampler = ShuffledBatchSampler(len(dataset), 4, seed, rank, processes)
    sampler.epoch = epoch
    return list(GpuLoader(ImageStore.load(dataset, CPU), config.augmentation, sampler))


def test_batch_depends_on_seed_epoch_and_position_alone(folder_root):
    first, again = batches_of(folder_root), batches_of(folder_root)
    assert len(first) == 2
    for one, other in zip(first, again):
        assert torch.equal(one.images, other.images)
        assert torch.equal(one.labels, other.labels)
    for changed in ({'epoch': 1}, {'seed': 1}, {'rank': 1, 'processes': 2}):
        other = batches_of(folder_root, **changed)[0].images
        assert not torch.equal(first[0].images[: len(other)], other)


def test_run_with_gpu_loader_learns_and_resumes_exactly(folder_root, tmp_path):
    config = drawn(train={'epochs': 8, 'evaluate_every': 0, 'cuda_graphs': True})
    train(config, folder_root, tmp_path / 'whole')
    whole = step_losses(tmp_path / 'whole')
    assert sum(whole[-4:]) < 0.8 * sum(whole[:4])
    with stopped_after(7):
        train(config, folder_root, tmp_path / 'parts')
    train(config, folder_root, tmp_path / 'parts')
    assert step_losses(tmp_path / 'parts') == whole


@pytest.mark.parametrize(
    ('changes', 'words'),
    [
        ({'augmentation': {'color': 'hsv'}}, 'augmentation.color'),
        ({'sampling': {'fraction': 0.5}}, 'sampling.fraction'),
    ],
)
def test_options_for_single_images_raise(folder_root, tmp_path, changes, words):
    config = drawn(**changes)
    with pytest.raises(InvalidValueError, match=words):
        train(config, folder_root, tmp_path / 'run')
    assert not (tmp_path / 'run').exists()


def test_images_of_several_sizes_raise(tmp_path):
    root = write_folder(tmp_path / 'set')
    larger = write_folder(tmp_path / 'larger', 80, 96)
    for part in ('images', 'labels'):
        name = f'train/{part}/000.png'
        (root / name).write_bytes((larger / name).read_bytes())
    with pytest.raises(InvalidValueError, match="data.on_device is 'images of 2 sizes'"):
        ImageStore.load(open_dataset('folder', root, 'train'), CPU)
