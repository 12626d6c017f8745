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

"""Whether a run may go on: only with the configuration, data and weights that it started with."""

from collections.abc import Collection
from pathlib import Path

from swiftnet_ros.errors import FileMissingError
from training.datasets.base import ImageLabelDataset
from training.run.checkpoint import CheckpointError, load_checkpoint
from training.run.folder import RunPaths
from training.run.origin import Origin
from training.schema.config import Config, flattened, load_config

# Configuration keys that may change when a run is resumed.
_MAY_DIFFER = (
    'name',
    'data.cache',
    'train.workers',
    'train.evaluate_every',
    'train.checkpoint_every',
    'train.cuda_graphs',
)
_EPOCHS = 'train.epochs'


def check_same_config(config: Config, paths: RunPaths, may_differ: Collection[str] = ()) -> None:
    """Raise CheckpointError if a run was started with another configuration."""
    before = dict(flattened(load_config(paths.config)))
    for name, value in flattened(config):
        if before[name] != value and name not in (*_MAY_DIFFER, *may_differ):
            path = _newest(paths)
            longer = f'; to train longer, take {path} as --init of the other --out'
            raise CheckpointError(
                path,
                f'its run has {name} {before[name]} and this one {value}; choose another --out '
                f'or restore the configuration{longer if name == _EPOCHS else ""}',
            )


def check_same_origin(dataset: ImageLabelDataset, paths: RunPaths, initial: Path | None) -> Origin:
    """
    Return what this run learns from; raise CheckpointError if a started one learned from other.

    Without an interrupted or finished run in the folder there is nothing to compare.
    """
    if initial is not None and not initial.is_file():
        raise FileMissingError(initial, 'checkpoint')
    origin, path = Origin.of(dataset, initial), _newest(paths)
    if path.exists():
        is_finished = path == paths.trained
        reason = origin.difference(paths.origin, load_checkpoint(path), is_finished)
        if reason is not None:
            raise CheckpointError(path, f'{reason}; choose another --out or restore the data')
    return origin


def _newest(paths: RunPaths) -> Path:
    return paths.trained if paths.trained.exists() else paths.last
