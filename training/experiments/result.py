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
from pathlib import Path
from typing import Any

from swiftnet_ros.errors import InvalidTextError
from swiftnet_ros.model_spec.spec import is_integer
from swiftnet_ros.system.files import write_json
from swiftnet_ros.system.json_reader import check_kinds, Kinds, NUMBER, read_json_object
import torch
from training.datasets.mixture import validation_description
from training.evaluation.complexity import count_complexity
from training.experiments.removed import Removed, RemovedChannels
from training.run.checkpoint import layer_widths, load_checkpoint, weights_sha256
from training.run.folder import read_records, RunPaths
from training.schema.config import load_config

_KINDS: dict[str, Kinds] = {
    'name': str,
    'seed': int,
    'weights': str,
    'dataset': str,
    'params': int,
    'gmacs': NUMBER,
    'miou': (*NUMBER, type(None)),
    'iou': dict,
    'widths': dict,
    'kept_channels': dict,
}


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
    dataset, split = validation_description(config.data)
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
        'dataset': dataset,
        'split': split,
        'images': metrics['images'],
        'miou': metrics['miou'],
        'iou': metrics['iou'],
        'epochs': config.train.epochs,
        'start_sha256': None if start is None else weights_sha256(start),
        'torch': torch.__version__,
        'config': asdict(config),
    }
    write_json(paths.result, result, indent=1)


def read_result(path: Path) -> dict[str, Any]:
    """Read result.json, with the keys that are used; InvalidTextError if one is odd."""
    result = read_json_object(path, 'result of a run')
    name = f'result of a run {path}'
    check_kinds(result, _KINDS, name)
    check_kinds(result['iou'], dict.fromkeys(result['iou'], (*NUMBER, type(None))), name)
    check_kinds(result['widths'], dict.fromkeys(result['widths'], int), name)
    for layer, kept in result['kept_channels'].items():
        are_ids = isinstance(kept, list) and kept and all(is_integer(item) for item in kept)
        if not are_ids:
            raise InvalidTextError(name, f'kept_channels of {layer!r}', 'indices of channels')
    return result
