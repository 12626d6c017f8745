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

"""
The GPU loader: images stay in GPU memory and whole batches of crops are augmented there.

It replaces loader.py where too few CPU cores would keep the GPU waiting. Random numbers are drawn
on the CPU, from seed, epoch and position alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from swiftnet_ros.errors import InvalidValueError
import torch
from torch import Tensor
import torch.nn.functional as F
from training.datasets.base import ImageLabelDataset
from training.datasets.class_table import UNLABELED
from training.datasets.loader import Batch, combined_seed, edge_distance, ShuffledBatchSampler
from training.datasets.transforms.augmentation import FILL
from training.datasets.transforms.color_jitter import (
    hue_matrices,
    LUMA,
    saturation_matrices,
    transform_colors,
)
from training.datasets.transforms.corruptions import corrupt_randomly
from training.schema.config import AugmentationConfig, SamplingConfig


def check_gpu_augmentation(augmentation: AugmentationConfig, sampling: SamplingConfig) -> None:
    """Raise InvalidValueError if an option works on single images only."""
    if augmentation.color != 'linear':
        expected = 'linear for data.on_device'
        raise InvalidValueError('augmentation.color', augmentation.color, expected)
    for key in ('whole', 'tilt', 'reflection'):
        if getattr(augmentation, key):
            value = getattr(augmentation, key)
            raise InvalidValueError(f'augmentation.{key}', value, '0 for data.on_device')
    if sampling.fraction:
        raise InvalidValueError('sampling.fraction', sampling.fraction, '0 for data.on_device')


@dataclass(frozen=True)
class ImageStore:
    """All images uint8 [P, 3, H, W], labels uint8 [P, H, W] and edge distances [P, H, W]."""

    images: Tensor
    labels: Tensor
    edge_distance: Tensor
    classes: int

    @classmethod
    def load(cls, dataset: ImageLabelDataset, device: torch.device) -> 'ImageStore':
        """Load a dataset, whose images have one size, into the memory of a device."""
        samples = [dataset[index] for index in range(len(dataset))]
        sizes = {sample.label.shape for sample in samples}
        if len(sizes) > 1:
            value = f'images of {len(sizes)} sizes'
            raise InvalidValueError('data.on_device', value, 'false for these')
        images = torch.from_numpy(np.stack([s.image.transpose(2, 0, 1) for s in samples]))
        labels = torch.from_numpy(np.stack([s.label for s in samples]))
        distance = torch.from_numpy(np.stack([edge_distance(s.label) for s in samples]))
        classes = len(dataset.table.classes)
        return cls(images.to(device), labels.to(device), distance.to(device), classes)


class GpuLoader:
    """An iterable of the batches of the sampler's current epoch."""

    def __init__(
        self, store: ImageStore, augmentation: AugmentationConfig, sampler: ShuffledBatchSampler
    ) -> None:
        self.store, self.augmentation, self.sampler = store, augmentation, sampler

    def __iter__(self) -> Iterator[Batch]:
        """Draw the crops of each batch from a generator of its own."""
        sampler = self.sampler
        for number, positions in enumerate(sampler):
            seed = combined_seed(sampler.seed, sampler.epoch, number, sampler.rank)
            generator = torch.Generator().manual_seed(seed)
            indices = [position[1] for position in positions]
            yield draw_batch(self.store, indices, self.augmentation, generator)


def draw_batch(
    store: ImageStore,
    indices: list[int],
    augmentation: AugmentationConfig,
    generator: torch.Generator,
) -> Batch:
    """
    Return a random crop of each image, some with half of the classes of another image pasted in.

    Edge distances are those of the whole images, scaled; in a mixed crop each pixel has the
    smaller one of both images, which is right at the seam and can be too small next to it.
    """
    count = len(indices)
    mixed = (torch.rand(count, generator=generator) < augmentation.class_mix).nonzero()[:, 0]
    others = torch.randint(len(store.images), (len(mixed),), generator=generator)
    chosen = torch.cat([torch.tensor(indices), others]).to(store.images.device)
    images, labels, distances = _crops(store, chosen, augmentation, generator)
    if len(mixed):
        scores = torch.rand(len(mixed), store.classes, generator=generator).to(labels.device)
        mask = class_mix_mask(labels[count:], scores)
        at = mixed.to(labels.device)
        nearest = torch.minimum(distances[at], distances[count:])
        images[at] = torch.where(mask[:, None], images[count:], images[at])
        labels[at] = torch.where(mask, labels[count:], labels[at])
        distances[at] = torch.where(mask, distances[count:], nearest)
    return Batch(images[:count], labels[:count].long(), distances[:count])


def class_mix_mask(labels: Tensor, scores: Tensor) -> Tensor:
    """
    Return the pixels bool [N, H, W] of half of the classes of each label uint8 [N, H, W].

    Of the classes in a label, rounded up, those with the highest of the scores [N, C] are taken.
    """
    ids = torch.arange(scores.shape[1], device=labels.device, dtype=labels.dtype)
    present = (labels[:, None] == ids[:, None, None]).flatten(2).any(2)
    ranks = scores.where(present, -1.0).argsort(1, descending=True).argsort(1)
    chosen = present & (ranks < (present.sum(1, keepdim=True) + 1) // 2)
    table = torch.zeros(len(labels), 256, dtype=torch.bool, device=labels.device)
    table[:, : len(ids)] = chosen
    return table.gather(1, labels.flatten(1).long()).view(labels.shape)


def _crops(
    store: ImageStore,
    indices: Tensor,
    augmentation: AugmentationConfig,
    generator: torch.Generator,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return scaled, flipped and color-jittered crops: images, labels, edge distances."""
    count, size, device = len(indices), augmentation.crop_size, store.images.device
    low, high = augmentation.scale_min, augmentation.scale_max
    scales = low + (high - low) * _uniform(count, generator)
    flips = _uniform(count, generator) < augmentation.flip
    matrices = crop_matrices(store.labels.shape[1:], size, scales, flips, generator)
    grid = F.affine_grid(matrices.to(device), [count, 1, *size], align_corners=False)
    fill = torch.tensor(FILL, dtype=torch.float32, device=device)[:, None, None]
    images = store.images[indices].float() - fill
    images = F.grid_sample(images, grid, align_corners=False).add_(fill)
    labels = store.labels[indices][:, None].float() - UNLABELED
    labels = F.grid_sample(labels, grid, 'nearest', align_corners=False)[:, 0] + UNLABELED
    distances = store.edge_distance[indices][:, None]
    distances = F.grid_sample(distances, grid, align_corners=False)[:, 0]
    distances = distances * scales.to(device)[:, None, None]
    return _jitter_colors(images, augmentation, generator), labels.byte(), distances


def crop_matrices(
    image_size: tuple[int, ...] | torch.Size,
    crop_size: tuple[int, int],
    scales: Tensor,
    flips: Tensor,
    generator: torch.Generator,
) -> Tensor:
    """
    Return affine_grid's matrices [N, 2, 3] of random crops of images scaled by `scales` [N].

    Sizes are (height, width). An image smaller than the crop is placed anywhere inside it.
    """
    rows = []
    for length, side in zip(reversed(image_size), reversed(crop_size)):
        scaled = scales * length
        slack = scaled - side
        start = torch.where(slack < 0, slack, 0.0) + slack.abs() * _uniform(len(scales), generator)
        rows.append((side / scaled, (side + 2 * start) / scaled - 1))
    (across, left), (down, top) = rows
    zero = torch.zeros_like(left)
    across = torch.where(flips, -across, across)
    return torch.stack([across, zero, left, zero, down, top], 1).view(-1, 2, 3)


def _jitter_colors(
    images: Tensor, augmentation: AugmentationConfig, generator: torch.Generator
) -> Tensor:
    """Change the colors of each image [N, 3, H, W] at random, then blur and add noise; uint8."""
    count = len(images)
    strengths = torch.tensor(
        [augmentation.brightness, augmentation.contrast, augmentation.saturation]
    )
    low, high = (1 - strengths).clamp(min=0), 1 + strengths
    brightness, contrast, saturation = low[:, None] + (high - low)[:, None] * torch.rand(
        3, count, generator=generator
    )
    turns = augmentation.hue * (2 * _uniform(count, generator) - 1)
    color = hue_matrices(turns) @ saturation_matrices(saturation)
    is_gray = _uniform(count, generator) < augmentation.grayscale
    color = torch.where(is_gray[:, None, None], LUMA.expand(3, 3) @ color, color)
    orders = torch.rand(count, 3, generator=generator).argsort(1)
    is_permuted = _uniform(count, generator) < augmentation.permute
    orders = torch.where(is_permuted[:, None], orders, torch.arange(3))
    color = color.gather(1, orders[:, :, None].expand(-1, -1, 3))
    return corrupt_randomly(
        transform_colors(images, brightness, contrast, color), augmentation, generator
    )


def _uniform(count: int, generator: torch.Generator) -> Tensor:
    return torch.rand(count, generator=generator)
