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


"""What a finished run gives to tables: one JSON file of figures and of what they were made by."""

from dataclasses import asdict
import hashlib
import json
from typing import Any

from swiftnet_ros.system.files import write_atomic
import torch
from training.evaluation.complexity import count_complexity
from training.experiments.removed import Removed, RemovedChannels
from training.run.checkpoint import Checkpoint, layer_widths, load_checkpoint
from training.run.folder import read_records, RunPaths
from training.schema.config import load_config


def write_result(paths: RunPaths, name: str, facts: dict[str, Any], removed: Removed) -> None:
    """Write result.json of a finished run; `facts` are what its family says of it."""
    checkpoint = load_checkpoint(paths.trained)
    config = load_config(paths.config)
    measured = read_records(paths.metrics)[-1]
    counted = count_complexity(checkpoint.network(), checkpoint.height, checkpoint.width)
    result = {
        'name': name,
        'seed': config.train.seed,
        **facts,
        'params': counted.params,
        'params_not_zero': _not_zero(checkpoint),
        'gmacs': counted.gmacs,
        'conv_gmacs': counted.conv_gmacs,
        'size': [checkpoint.height, checkpoint.width],
        'widths': layer_widths(checkpoint.weights),
        'kept_channels': removed.history.kept_channels()
        if isinstance(removed, RemovedChannels)
        else {},
        'dataset': config.data.dataset,
        'split': config.data.val_split,
        'images': measured['images'],
        'miou': measured['miou'],
        'iou': measured['iou'],
        'epochs': config.train.epochs,
        'start_sha256': weights_sha256(load_checkpoint(paths.initial_weights))
        if paths.initial_weights.exists()
        else None,
        'torch': torch.__version__,
        'config': asdict(config),
    }
    write_atomic(paths.result, json.dumps(result, indent=1) + '\n')


def weights_sha256(checkpoint: Checkpoint) -> str:
    """Give the SHA-256 of all weights by name, to tell which ones a run began with."""
    digest = hashlib.sha256()
    for name, value in sorted(checkpoint.weights.items()):
        digest.update(name.encode())
        digest.update(value.contiguous().numpy().tobytes())
    return digest.hexdigest()


def _not_zero(checkpoint: Checkpoint) -> int:
    parameters = checkpoint.network().parameters()
    return sum(int(torch.count_nonzero(parameter)) for parameter in parameters)
