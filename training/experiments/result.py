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

"""result.json: measurements and settings of a finished run, from which reports are made."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from swiftnet_ros.system.files import write_json
import torch
from training.datasets.mixture import description
from training.evaluation.complexity import count_complexity
from training.experiments.removed import Removed, RemovedChannels
from training.run.checkpoint import layer_widths, load_checkpoint, weights_sha256
from training.run.folder import read_records, RunPaths
from training.schema.config import load_config


def write_result(
    paths: RunPaths, name: str, settings: Mapping[str, Any], removed: Removed
) -> None:
    """Write result.json of a finished run, once; `settings` are those of the experiment."""
    if paths.result.exists():
        return
    checkpoint = load_checkpoint(paths.trained)
    network, config = checkpoint.network(), load_config(paths.config)
    metrics = read_records(paths.metrics)[-1]
    complexity = count_complexity(checkpoint.network(), checkpoint.height, checkpoint.width)
    start = load_checkpoint(paths.initial_weights) if paths.initial_weights.exists() else None
    kept = removed.history.kept_channels() if isinstance(removed, RemovedChannels) else {}
    result = {
        'name': name,
        'seed': config.train.seed,
        **settings,
        'params': complexity.params,
        'params_not_zero': sum(int(torch.count_nonzero(p)) for p in network.parameters()),
        'gmacs': complexity.gmacs,
        'conv_gmacs': complexity.conv_gmacs,
        'size': [checkpoint.height, checkpoint.width],
        'widths': layer_widths(checkpoint.weights),
        'kept_channels': kept,
        'dataset': description(config.data),
        'split': config.data.val_split,
        'images': metrics['images'],
        'miou': metrics['miou'],
        'iou': metrics['iou'],
        'epochs': config.train.epochs,
        'start_sha256': None if start is None else weights_sha256(start),
        'torch': torch.__version__,
        'config': asdict(config),
    }
    write_json(paths.result, result, indent=1)
