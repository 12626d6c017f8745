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

"""Calibration images for pruning criteria that need data."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from training.datasets.base import ImageLabelDataset
from training.datasets.loader import Batch, readable_batches, training_loader
from training.schema.config import AugmentationConfig, TrainConfig


@dataclass(frozen=True)
class CalibrationConfig:
    """
    Random crops of a dataset at the scale of its images.

    `images` of the split are drawn without repetition, in whole batches; `crop` is the side of a
    crop in pixels.
    """

    dataset: str
    split: str = 'train'
    options: dict[str, Any] = field(default_factory=dict)
    images: int = 64
    crop: int = 320
    batch_size: int = 8


def calibration_batches(
    dataset: ImageLabelDataset, config: CalibrationConfig, seed: int
) -> Iterator[Batch]:
    """Draw the batches, equal for equal seeds."""
    size = min(config.batch_size, len(dataset))
    crops_only = AugmentationConfig(config.crop, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    loader, _ = training_loader(dataset, crops_only, TrainConfig(batch_size=size, seed=seed))
    return islice(readable_batches(loader), max(1, config.images // size))
