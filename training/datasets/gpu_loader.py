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
Random views of whole batches on the device that trains: pictures stay in its memory.

What augmentation.py does picture by picture in other processes, where processors are too few to
keep a GPU busy. The numbers are drawn on the CPU, from seed, epoch and position alone.
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


@dataclass(frozen=True)
class ImageStore:
    """All pictures: images uint8 [P, 3, H, W], labels uint8 and edge distances [P, H, W]."""

    images: Tensor
    labels: Tensor
    edge_distance: Tensor
    classes: int

    @classmethod
    def load(cls, dataset: ImageLabelDataset, device: torch.device) -> 'ImageStore':
        """Read a data set, whose pictures are of one size, into the memory of a device."""
        samples = [dataset[index] for index in range(len(dataset))]
        sizes = {sample.label.shape for sample in samples}
        if len(sizes) > 1:
            wrong = f'pictures of {len(sizes)} sizes'
            raise InvalidValueError('data.on_device', wrong, 'false for these')
        images = torch.from_numpy(np.stack([s.image.transpose(2, 0, 1) for s in samples]))
        labels = torch.from_numpy(np.stack([s.label for s in samples]))
        distance = torch.from_numpy(np.stack([edge_distance(s.label) for s in samples]))
        classes = len(dataset.table.classes)
        return cls(images.to(device), labels.to(device), distance.to(device), classes)


class GpuLoader:
    """The batches of the epoch that the sampler holds, each time that they are asked for."""

    def __init__(
        self, pictures: ImageStore, views: AugmentationConfig, sampler: ShuffledBatchSampler
    ) -> None:
        self.pictures, self.views, self.sampler = pictures, views, sampler

    def __iter__(self) -> Iterator[Batch]:
        """Draw the views of each batch from a generator of its own."""
        for position, places in enumerate(self.sampler):
            seed = combined_seed(
                self.sampler.seed, self.sampler.epoch, position, self.sampler.rank
            )
            generator = torch.Generator().manual_seed(seed)
            yield draw_batch(self.pictures, [p[1] for p in places], self.views, generator)


def check_gpu_augmentation(views: AugmentationConfig, sampling: SamplingConfig) -> None:
    """Raise InvalidValueError if the augmentation cannot be computed for a whole batch."""
    if views.colour != 'linear':
        raise InvalidValueError('augmentation.colour', views.colour, 'linear for data.on_device')
    if sampling.share:
        raise InvalidValueError('sampling.share', sampling.share, '0 for data.on_device')


def draw_batch(
    pictures: ImageStore, indices: list[int], views: AugmentationConfig, generator: torch.Generator
) -> Batch:
    """
    Draw a view of each picture: scale, crop, flip, colours; some with another's classes on top.

    Edge distances are those of the whole images, scaled; around what was pasted, the smaller one
    of both pictures, which is right at the seam and can be too small beside it.
    """
    count = len(indices)
    mixed = (torch.rand(count, generator=generator) < views.mix).nonzero()[:, 0]
    others = torch.randint(len(pictures.images), (len(mixed),), generator=generator)
    shown = torch.cat([torch.tensor(indices), others]).to(pictures.images.device)
    images, labels, distances = _crops(pictures, shown, views, generator)
    if len(mixed):
        scores = torch.rand(len(mixed), pictures.classes, generator=generator).to(labels.device)
        mask = class_mix_mask(labels[count:], scores)
        at = mixed.to(labels.device)
        nearest = torch.minimum(distances[at], distances[count:])
        images[at] = torch.where(mask[:, None], images[count:], images[at])
        labels[at] = torch.where(mask, labels[count:], labels[at])
        distances[at] = torch.where(mask, distances[count:], nearest)
    return Batch(images[:count], labels[:count].long(), distances[:count])


def class_mix_mask(labels: Tensor, scores: Tensor) -> Tensor:
    """
    Choose half of the classes of each label uint8 [N, H, W], rounded up: mask bool [N, H, W].

    Of the classes that are there, those with the highest of the scores [N, C].
    """
    ids = torch.arange(scores.shape[1], device=labels.device, dtype=labels.dtype)
    present = (labels[:, None] == ids[:, None, None]).flatten(2).any(2)
    ranks = scores.where(present, -1.0).argsort(1, descending=True).argsort(1)
    chosen = present & (ranks < (present.sum(1, keepdim=True) + 1) // 2)
    table = torch.zeros(len(labels), 256, dtype=torch.bool, device=labels.device)
    table[:, : len(ids)] = chosen
    return table.gather(1, labels.flatten(1).long()).view(labels.shape)


def _crops(
    pictures: ImageStore, shown: Tensor, views: AugmentationConfig, generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Cut a scaled, flipped and transform_colors rectangle out of each picture."""
    count, size, device = len(shown), views.crop_size, pictures.images.device
    factors = views.scale_min + (views.scale_max - views.scale_min) * _uniform(count, generator)
    flips = _uniform(count, generator) < views.flip
    theta = crop_matrices(pictures.labels.shape[1:], size, factors, flips, generator)
    grid = F.affine_grid(theta.to(device), [count, 1, *size], align_corners=False)
    fill = torch.tensor(FILL, dtype=torch.float32, device=device)[:, None, None]
    images = pictures.images[shown].float() - fill
    images = F.grid_sample(images, grid, align_corners=False).add_(fill)
    labels = pictures.labels[shown][:, None].float() - UNLABELED
    labels = F.grid_sample(labels, grid, 'nearest', align_corners=False)[:, 0] + UNLABELED
    distances = pictures.edge_distance[shown][:, None]
    distances = F.grid_sample(distances, grid, align_corners=False)[:, 0]
    distances = distances * factors.to(device)[:, None, None]
    return _recoloured(images, views, generator), labels.byte(), distances


def crop_matrices(
    picture: tuple[int, ...] | torch.Size,
    size: tuple[int, int],
    factors: Tensor,
    flips: Tensor,
    generator: torch.Generator,
) -> Tensor:
    """
    Place a window of `size` (height, width) in or around pictures scaled by the factors [N].

    Gives what affine_grid takes [N, 2, 3]. A picture narrower than the window lies in it anywhere.
    """
    rows = []
    for length, side in zip(reversed(picture), reversed(size)):
        scaled = factors * length
        room = scaled - side
        start = torch.where(room < 0, room, 0.0) + room.abs() * _uniform(len(factors), generator)
        rows.append((side / scaled, (side + 2 * start) / scaled - 1))
    (across, left), (down, top) = rows
    none = torch.zeros_like(left)
    across = torch.where(flips, -across, across)
    return torch.stack([across, none, left, none, down, top], 1).view(-1, 2, 3)


def _recoloured(images: Tensor, views: AugmentationConfig, generator: torch.Generator) -> Tensor:
    """Draw a change of the colours of each image [N, 3, H, W], then blur and noise; uint8."""
    count = len(images)
    strengths = torch.tensor([views.brightness, views.contrast, views.saturation])
    low, high = (1 - strengths).clamp(min=0), 1 + strengths
    brightness, contrast, saturation = low[:, None] + (high - low)[:, None] * torch.rand(
        3, count, generator=generator
    )
    turns = views.hue * (2 * _uniform(count, generator) - 1)
    colour = hue_matrices(turns) @ saturation_matrices(saturation)
    greys = _uniform(count, generator) < views.grey
    colour = torch.where(greys[:, None, None], LUMA.expand(3, 3) @ colour, colour)
    orders = torch.rand(count, 3, generator=generator).argsort(1)
    swaps = _uniform(count, generator) < views.permute
    orders = torch.where(swaps[:, None], orders, torch.arange(3))
    colour = colour.gather(1, orders[:, :, None].expand(-1, -1, 3))
    return corrupt_randomly(
        transform_colors(images, brightness, contrast, colour), views, generator
    )


def _uniform(count: int, generator: torch.Generator) -> Tensor:
    return torch.rand(count, generator=generator)
