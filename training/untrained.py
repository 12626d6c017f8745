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


"""A configuration's network with fresh random weights: all that counting and timing need."""

from pathlib import Path

from swiftnet_ros.errors import InvalidValueError, UnknownNameError
from swiftnet_ros.model_spec import SemanticClass
import torch
from training.datasets import DATASETS
from training.datasets.class_table import shipped_class_table, shipped_class_table_path
from training.models import build_model
from training.run.checkpoint import Checkpoint
from training.schema.config import Config, load_config


def class_count(config: Config) -> int:
    """Give the number of classes: the configuration's own, else that of its data set."""
    if config.model.classes is not None:
        return config.model.classes
    dataset = config.data.dataset
    if dataset not in DATASETS:
        raise UnknownNameError('data set', dataset, DATASETS)
    if not shipped_class_table_path(dataset).is_file():
        raise InvalidValueError('model.classes', None, f'the number of classes of your {dataset}')
    return len(shipped_class_table(dataset).classes)


def untrained_checkpoint(path: Path) -> Checkpoint:
    """Build the network of a YAML file, always with the same weights, and numbered classes."""
    config = load_config(path)
    classes = class_count(config)
    torch.manual_seed(0)
    return Checkpoint(
        model=config.model,
        classes=[SemanticClass(f'class{i}', (i, i, i)) for i in range(classes)],
        ignored_source_ids=[],
        trained_on='nothing',
        height=config.data.height,
        width=config.data.width,
        weights=build_model(config.model, classes).state_dict(),
    )
