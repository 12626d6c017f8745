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

"""Batches that depend on seed, epoch and position alone, not on workers, processes, restarts."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from swiftnet_ros.errors import InvalidValueError, SwiftnetError
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler
from torchvision.transforms import v2
from training.datasets.base import ImageLabelDataset
from training.datasets.class_statistics import ClassCounts
from training.datasets.transforms.augmentation import augment, class_mix, training_transform
from training.schema.config import AugmentationConfig, SamplingConfig, TrainConfig


class RareClassSampler:
    """
    Rare class sampling (DAFormer, Hoyer et al., CVPR 2022), for a share of the views.

    A class c of share f_c is drawn with a probability of exp((1 - f_c) / temperature) over the
    sum of all, then one of the pictures that show it; the crop holds a pixel of that class.
    """

    def __init__(self, config: SamplingConfig, counts: ClassCounts) -> None:
        self.share = config.share
        self.pictures = [np.flatnonzero(shown) for shown in (counts.pixels > 0).T]
        odds = np.exp(-counts.fractions() / config.temperature)
        odds[[not len(pictures) for pictures in self.pictures]] = 0
        self.odds = odds / max(odds.sum(), 1e-300)

    def draw(self, seed: int) -> tuple[int, int] | None:
        """Give (picture, class) for a place's own seed; None where its view is an ordinary one."""
        random = np.random.default_rng(seed)
        if random.random() >= self.share or not self.odds.any():
            return None
        chosen = int(random.choice(len(self.odds), p=self.odds))
        return int(random.choice(self.pictures[chosen])), chosen


# image, label, distance to the nearest label edge
View = tuple[Tensor, Tensor, Tensor]
# a picture is named by its epoch and its index: together with the seed they fix its random view;
# one that was drawn for a class has that class and its place in the epoch too
Place = tuple[int, int] | tuple[int, int, int, int]


@dataclass(frozen=True)
class Batch:
    """images uint8 [N, 3, H, W]; labels int64 [N, H, W]; edge distance float32 [N, H, W] px."""

    images: Tensor
    labels: Tensor
    edge_distance: Tensor

    def to(self, device: torch.device) -> 'Batch':
        """Move all three."""
        parts = (self.images, self.labels, self.edge_distance)
        return Batch(*(part.to(device, non_blocking=True) for part in parts))

    def pin_memory(self) -> 'Batch':
        """Move all three to memory that a GPU reads by itself; the loader asks for it."""
        parts = (self.images, self.labels, self.edge_distance)
        return Batch(*(part.pin_memory() for part in parts))


class UnreadableImageError(SwiftnetError):
    """A picture or label that cannot be trained on, found in a process that reads ahead."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)


class AugmentedCrops(Dataset[View | str]):
    """Augmented pictures, indexed by their place; text that says what is wrong with a bad one."""

    def __init__(self, source: ImageLabelDataset, views: AugmentationConfig, seed: int) -> None:
        self.source, self.views, self.seed = source, views, seed
        self.transform = training_transform(views)

    def __getitem__(self, place: Place) -> View | str:
        """Read a picture and draw the view that belongs to its place."""
        transform = self.transform
        if len(place) == 4:
            transform = training_transform(self.views, place[2])
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(combined_seed(self.seed, *place))
            try:
                view, label = self._view(place[1], transform)
                if self.views.mix and float(torch.rand(())) < self.views.mix:
                    other = int(torch.randint(len(self.source), ()))
                    view, label = class_mix((view, label), self._view(other, self.transform))
            except SwiftnetError as error:
                # An error with arguments of its own does not survive the way between processes.
                return str(error)
        return view, label.long(), torch.from_numpy(edge_distance(label.numpy()))

    def _view(self, index: int, transform: v2.Transform) -> tuple[Tensor, Tensor]:
        """Read a picture and draw a view of it."""
        sample = self.source[index]
        image = torch.from_numpy(sample.image).permute(2, 0, 1)
        return augment(transform, image, torch.from_numpy(sample.label))


class ShuffledBatchSampler(Sampler[list[Place]]):
    """The places of one process's share of every batch; set `epoch` before each pass."""

    def __init__(
        self,
        length: int,
        batch_size: int,
        seed: int,
        rank: int,
        processes: int,
        rare_classes: RareClassSampler | None = None,
    ) -> None:
        if batch_size % processes or batch_size > length:
            raise InvalidValueError(
                'train.batch_size',
                batch_size,
                f'a multiple of the {processes} processes, at most the {length} pictures',
            )
        self.length, self.batch_size, self.seed = length, batch_size, seed
        self.rank, self.processes = rank, processes
        self.rare_classes = rare_classes
        self.epoch = 0

    def __len__(self) -> int:
        """Count the batches of an epoch; an incomplete last one is left out."""
        return self.length // self.batch_size

    def __iter__(self) -> Iterator[list[Place]]:
        """Shuffle by seed and epoch; every process takes each n-th picture of a batch."""
        generator = torch.Generator().manual_seed(combined_seed(self.seed, self.epoch, -1))
        order = torch.randperm(self.length, generator=generator).tolist()
        for start in range(0, len(self) * self.batch_size, self.batch_size):
            stop = start + self.batch_size
            shown = range(start + self.rank, stop, self.processes)
            yield [self._place(i, order[i]) for i in shown]

    def _place(self, position: int, index: int) -> Place:
        """Give the picture at a position of the epoch, or the one drawn there for a class."""
        drawn = self.rare_classes and self.rare_classes.draw(
            combined_seed(self.seed, self.epoch, -1, position)
        )
        return (self.epoch, *drawn, position) if drawn else (self.epoch, index)


def training_loader(
    dataset: ImageLabelDataset,
    augmentation: AugmentationConfig,
    train: TrainConfig,
    rank: int = 0,
    processes: int = 1,
    rare_classes: RareClassSampler | None = None,
) -> tuple[DataLoader[View | str], ShuffledBatchSampler]:
    """Return the loader of augmented batches and the sampler that holds its epoch."""
    sampler = ShuffledBatchSampler(
        len(dataset), train.batch_size, train.seed, rank, processes, rare_classes
    )
    loader = DataLoader(
        AugmentedCrops(dataset, augmentation, train.seed),
        batch_sampler=sampler,
        num_workers=train.workers,
        persistent_workers=train.workers > 0,
        collate_fn=_collate,
        pin_memory=torch.cuda.is_available(),
    )
    return loader, sampler


def readable_batches(loader: Iterable[Any]) -> Iterator[Batch]:
    """Give the batches of a loader; a picture that could not be read is an error here."""
    for batch in loader:
        if isinstance(batch, str):
            raise UnreadableImageError(batch)
        yield batch


def edge_distance(label: np.ndarray) -> np.ndarray:
    """Measure each pixel's distance to the nearest edge between labels: float32 [H, W], px."""
    ids = label.astype(np.uint8)
    kernel = np.ones((3, 3), np.uint8)
    inside = (cv2.dilate(ids, kernel) == cv2.erode(ids, kernel)).astype(np.uint8)
    if inside.all():
        return np.full(label.shape, np.float32(max(label.shape)))
    return np.asarray(cv2.distanceTransform(inside, cv2.DIST_L2, 3), np.float32)


def combined_seed(*numbers: int) -> int:
    """Make one seed of several numbers of -1 or more."""
    return int(np.random.SeedSequence([n + 1 for n in numbers]).generate_state(1)[0])


def _collate(items: list[View | str]) -> Batch | str:
    for item in items:
        if isinstance(item, str):
            return item
    images, labels, distances = (torch.stack(parts) for parts in zip(*items))
    return Batch(images, labels, distances)
