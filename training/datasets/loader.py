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

"""The training loader: reproducible batches of augmented crops, with rare-class sampling."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
from swiftnet_ros.errors import InvalidValueError, SwiftnetError
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler
from torchvision.transforms import v2
from training.datasets.base import ImageLabelDataset
from training.datasets.class_statistics import ClassCounts
from training.datasets.mixture import SourcePart
from training.datasets.transforms.augmentation import (
    augment,
    class_mix,
    Crop,
    training_transform,
)
from training.datasets.transforms.robot_views import reflecting_class
from training.schema.config import AugmentationConfig, SamplingConfig, TrainConfig

# (image, label, distance of each pixel to the nearest label edge)
WeightedCrop = tuple[Tensor, Tensor, Tensor]
# (epoch, image index), or (epoch, image index, class id, position in the epoch) where the crop
# must contain a class. Together with the seed it determines the crop.
CropPosition = tuple[int, int] | tuple[int, int, int, int]


class UnreadableImageError(SwiftnetError):
    """An unreadable image or label, found by a worker process."""


class Batch(NamedTuple):
    """images uint8 [N, 3, H, W]; labels int64 [N, H, W]; edge distance float32 [N, H, W] px."""

    images: Tensor
    labels: Tensor
    edge_distance: Tensor

    def to(self, device: torch.device) -> 'Batch':
        """Return the batch on a device."""
        return Batch(*(tensor.to(device, non_blocking=True) for tensor in self))


class AugmentedCrops(Dataset[WeightedCrop | str]):
    """Augmented crops by their CropPosition; for an unreadable image, the error message."""

    def __init__(
        self, dataset: ImageLabelDataset, augmentation: AugmentationConfig, seed: int
    ) -> None:
        self.dataset, self.augmentation, self.seed = dataset, augmentation, seed
        names = [item.name for item in dataset.table.classes]
        self.reflecting = reflecting_class(augmentation, names)
        self.transform = training_transform(augmentation, None, self.reflecting)

    def __getitem__(self, position: CropPosition) -> WeightedCrop | str:
        """Return the crop of a position; torch's global random state stays as it is."""
        transform = self.transform
        if len(position) == 4:
            transform = training_transform(self.augmentation, position[2], self.reflecting)
        mix = self.augmentation.class_mix
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(combined_seed(self.seed, *position))
            try:
                image, label = self._crop(position[1], transform)
                if mix and float(torch.rand(())) < mix:
                    other = int(torch.randint(len(self.dataset), ()))
                    image, label = class_mix((image, label), self._crop(other, self.transform))
            except SwiftnetError as error:
                # An exception whose constructor takes other arguments cannot be unpickled.
                return str(error)
        return image, label.long(), torch.from_numpy(edge_distance(label.numpy()))

    def _crop(self, index: int, transform: v2.Transform) -> Crop:
        sample = self.dataset[index]
        image = torch.from_numpy(sample.image).permute(2, 0, 1)
        return augment(transform, image, torch.from_numpy(sample.label))


class RareClassSampler:
    """
    Rare class sampling (DAFormer, Hoyer et al., CVPR 2022), for a fraction of the crops.

    A class c with a fraction f_c of the pixels is drawn with a probability proportional to
    exp((1 - f_c) / temperature), then one of the images that show it.
    """

    def __init__(
        self, config: SamplingConfig, counts: ClassCounts, parts: Sequence[SourcePart] = ()
    ) -> None:
        self.fraction = config.fraction
        self.images = [np.flatnonzero(shown) for shown in (counts.pixels > 0).T]
        weight_of_image = image_weights(parts) if len(parts) > 1 else None
        if weight_of_image is not None:
            counts = counts.weighted(weight_of_image)
        self.image_weights = weight_of_image
        weights = np.exp(-counts.fractions() / config.temperature)
        weights[[not len(images) for images in self.images]] = 0
        self.probabilities = weights / max(weights.sum(), 1e-300)

    def draw(self, seed: int) -> tuple[int, int] | None:
        """Return (image index, class id), or None if the crop is an ordinary one."""
        random = np.random.default_rng(seed)
        if random.random() >= self.fraction or not self.probabilities.any():
            return None
        chosen = int(random.choice(len(self.probabilities), p=self.probabilities))
        images = self.images[chosen]
        if self.image_weights is None:
            return int(random.choice(images)), chosen
        weights = self.image_weights[images]
        return int(random.choice(images, p=weights / weights.sum())), chosen


class ShuffledBatchSampler(Sampler[list[CropPosition]]):
    """The crop positions of one process's part of every batch; set `epoch` before each pass."""

    def __init__(
        self,
        length: int,
        batch_size: int,
        seed: int,
        rank: int,
        processes: int,
        rare_classes: RareClassSampler | None = None,
        parts: Sequence[SourcePart] = (),
    ) -> None:
        if batch_size % processes or batch_size > length:
            raise InvalidValueError(
                'train.batch_size',
                batch_size,
                f'a multiple of the {processes} processes, at most the {length} images',
            )
        self.length, self.batch_size, self.seed = length, batch_size, seed
        self.rank, self.processes = rank, processes
        self.rare_classes = rare_classes
        self.parts = parts
        self.epoch = 0

    def __len__(self) -> int:
        """Return the number of batches of an epoch; an incomplete last one is left out."""
        return self.length // self.batch_size

    def __iter__(self) -> Iterator[list[CropPosition]]:
        """Shuffle by seed and epoch; each of n processes takes every n-th crop of a batch."""
        generator = torch.Generator().manual_seed(combined_seed(self.seed, self.epoch, -1))
        order = self._order(generator)
        for start in range(0, len(self) * self.batch_size, self.batch_size):
            stop = start + self.batch_size
            own = range(start + self.rank, stop, self.processes)
            yield [self._crop_position(i, order[i]) for i in own]

    def _order(self, generator: torch.Generator) -> list[int]:
        """Return an image for every position: each once, or of every part as often as weighted."""
        shuffled = torch.randperm(self.length, generator=generator)
        if len(self.parts) <= 1:
            return shuffled.tolist()
        starts = np.cumsum([0, *(part.images for part in self.parts)])
        weights = np.array([part.weight for part in self.parts])
        # Rounded so that the numbers of all parts add up to the length.
        ends = (np.cumsum(weights / weights.sum()) * self.length).round().astype(int)
        drawn = [
            int(start) + _repeated_permutation(part.images, int(count), generator)
            for part, start, count in zip(self.parts, starts, np.diff(ends, prepend=0))
        ]
        return torch.cat(drawn)[shuffled].tolist()

    def _crop_position(self, i: int, index: int) -> CropPosition:
        """Return position i of the epoch: an image in shuffled order, or one drawn for a class."""
        seed = combined_seed(self.seed, self.epoch, -1, i)
        drawn = self.rare_classes and self.rare_classes.draw(seed)
        return (self.epoch, *drawn, i) if drawn else (self.epoch, index)


def _repeated_permutation(images: int, count: int, generator: torch.Generator) -> Tensor:
    """Return `count` image indices: every image equally often, or one time less."""
    rounds = [torch.randperm(images, generator=generator) for _ in range(-(-count // images))]
    return torch.cat([*rounds, torch.empty(0, dtype=torch.long)])[:count]


def image_weights(parts: Sequence[SourcePart]) -> npt.NDArray[np.float64]:
    """Return the expected number of crops of each image in an epoch as long as the dataset."""
    total = sum(part.weight for part in parts)
    images = sum(part.images for part in parts)
    weights = [np.full(p.images, p.weight / total * images / p.images) for p in parts]
    return np.concatenate(weights)


def training_loader(
    dataset: ImageLabelDataset,
    augmentation: AugmentationConfig,
    train: TrainConfig,
    rank: int = 0,
    processes: int = 1,
    rare_classes: RareClassSampler | None = None,
    parts: Sequence[SourcePart] = (),
) -> tuple[DataLoader[WeightedCrop | str], ShuffledBatchSampler]:
    """
    Return the loader of augmented batches and its sampler, whose epoch is to be set.

    A crop depends on seed, epoch and position alone, not on workers, processes or restarts.
    """
    sampler = ShuffledBatchSampler(
        len(dataset), train.batch_size, train.seed, rank, processes, rare_classes, parts
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


def _collate(items: list[WeightedCrop | str]) -> Batch | str:
    for item in items:
        if isinstance(item, str):
            return item
    images, labels, distances = (torch.stack(tensors) for tensors in zip(*items))
    return Batch(images, labels, distances)


def readable_batches(loader: Iterable[Any]) -> Iterator[Batch]:
    """Yield the batches of a loader; raise UnreadableImageError for an unreadable image."""
    for batch in loader:
        if isinstance(batch, str):
            raise UnreadableImageError(batch)
        yield batch


def edge_distance(label: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Return each pixel's distance to the nearest edge between labels: float32 [H, W], pixels."""
    ids = label.astype(np.uint8)
    kernel = np.ones((3, 3), np.uint8)
    inside = (cv2.dilate(ids, kernel) == cv2.erode(ids, kernel)).astype(np.uint8)
    if inside.all():
        return np.full(label.shape, np.float32(max(label.shape)))
    return np.asarray(cv2.distanceTransform(inside, cv2.DIST_L2, 3), np.float32)


def combined_seed(*numbers: int) -> int:
    """Combine several numbers, each at least -1, into one seed."""
    return int(np.random.SeedSequence([n + 1 for n in numbers]).generate_state(1)[0])
