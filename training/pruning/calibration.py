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

"""A YAML file that says what `prune` does: checkpoint, options, calibration pictures, output."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from training.datasets.base import ImageLabelDataset
from training.datasets.loader import Batch, readable_batches, training_loader
from training.pruning.options import PruneOptions
from training.schema.config import AugmentationConfig, TrainConfig
from training.schema.from_yaml import dataclass_from_tree


@dataclass(frozen=True)
class CalibrationConfig:
    """
    Pictures for criteria that need data: random crops at the pictures' own scale.

    `images` of the split are drawn without repetition, in whole batches; `crop` is a side in
    pixels.
    """

    dataset: str
    split: str = 'train'
    options: dict[str, Any] = field(default_factory=dict)
    images: int = 64
    crop: int = 320
    batch_size: int = 8


@dataclass(frozen=True)
class PruneConfig:
    """One-shot pruning of a checkpoint; the weights that are left stay as they are."""

    checkpoint: str
    out: str
    prune: PruneOptions = field(default_factory=PruneOptions)
    calibration: dict[str, Any] | None = None
    seed: int = 0

    def calibration_config(self) -> CalibrationConfig | None:
        """Give the section about the pictures, where there is one."""
        if self.calibration is None:
            return None
        return dataclass_from_tree(CalibrationConfig, self.calibration, 'calibration.')


def calibration_batches(
    dataset: ImageLabelDataset, config: CalibrationConfig, seed: int
) -> Iterator[Batch]:
    """Draw the pictures; the same ones for the same seed."""
    size = min(config.batch_size, len(dataset))
    plain = AugmentationConfig(config.crop, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    loader, _ = training_loader(dataset, plain, TrainConfig(batch_size=size, seed=seed))
    return islice(readable_batches(loader), max(1, config.images // size))
