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

"""python -m training prune CONFIG: prune a trained network in one shot."""

from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from swiftnet_ros.errors import FileMissingError, InvalidValueError
from swiftnet_ros.system.files import Content, write_together
from swiftnet_ros.system.paths import expand_path, path_argument
from torch import nn
from training.commands.arguments import CommandParser, print_json, seed_argument
from training.datasets import allowing_unpaired, open_dataset
from training.evaluation.complexity import count_complexity
from training.pruning.channel_statistics import calibration_batches, collect_statistics
from training.pruning.criteria import CRITERIA, NetworkStatistics
from training.pruning.history import history_path
from training.pruning.options import PruneConfig
from training.pruning.structured import prune
from training.run.checkpoint import (
    Checkpoint,
    checkpoint_bytes,
    CheckpointError,
    layer_widths,
    load_checkpoint,
)
from training.schema.config import check_values, load_tree, parse_value
from training.schema.from_yaml import dataclass_from_tree

# Command-line arguments that override keys of the configuration, by section.
_SECTIONS = {
    'prune': ('criterion', 'ratios', 'ratio', 'global_ratio', 'multiple', 'floor'),
    'calibration': ('dataset', 'split', 'images', 'crop'),
}


def main(arguments: Sequence[str]) -> int:
    """
    Prune a checkpoint and write it, with the history of removed channels next to it.

    Take a YAML file, or a checkpoint with arguments; arguments replace keys of the file.
    """
    options = make_parser().parse_args(arguments)
    config = dataclass_from_tree(PruneConfig, _tree(options))
    check_values({'seed': config.seed})
    out, source = Path(expand_path(config.out)), Path(expand_path(config.checkpoint))
    _check_out(out, source)
    checkpoint = load_checkpoint(source)
    network = checkpoint.network()
    statistics = _statistics(config, checkpoint, network, options)
    history = prune(network, config.prune, statistics, config.seed)
    pruned = replace(checkpoint, weights=network.state_dict(), miou=None, progress={})
    files: dict[Path, Content] = {
        out: checkpoint_bytes(pruned),
        history_path(out): history.to_json(),
    }
    write_together(files)
    result = count_complexity(network, *options.size)
    print(f'{out}: {result.params} parameters, {result.gmacs:.2f} GMACs; {history_path(out)}')
    widths = layer_widths(pruned.weights)
    sizes = {'params': result.params, 'gmacs': round(result.gmacs, 4), 'widths': widths}
    print_json(options, {**sizes, 'size': list(options.size)})
    return 0


def make_parser() -> CommandParser:
    """Return the parser of the command line."""
    example = 'runs/mine/trained.pt -o pruned.pt --criterion l1 --ratios all --ratio 0.5'
    parser = CommandParser('prune', main.__doc__, example)
    add = parser.add_argument
    add('source', type=path_argument, help='YAML configuration or .pt checkpoint')
    add('-o', '--out', help='.pt file to write')
    add('--criterion', help=f'one of {", ".join(CRITERIA)}')
    add('--ratios', help="first2, all, or fractions such as '{stem: 0.5, stage1: 0.5}'")
    add('--ratio', type=float, help='fraction to remove for first2 and all')
    add('--global-ratio', type=float, help='fraction to remove, ranked over all layers')
    add('--multiple', type=int, help='round widths to multiples; 1: no rounding')
    add('--floor', type=int, help='least channels of a layer')
    add('--seed', type=seed_argument, help='for criterion random and for the images')
    add('--dataset', help='calibration images, for criterion context')
    add('--root', type=path_argument, help='folder of the dataset')
    add('--split', help='split of the dataset')
    parser.add_allow_unpaired()
    add('--images', type=int, help='number of calibration images')
    add('--crop', type=int, help='side of their crops in pixels')
    parser.add_size('image size for the GMACs', (1024, 2048))
    parser.add_json()
    return parser


def _tree(options: Namespace) -> dict[str, Any]:
    """Return the keys of the file, replaced by the arguments."""
    source = options.source
    tree: dict[str, Any]
    tree = {'checkpoint': str(source)} if source.suffix == '.pt' else load_tree(source)
    for section, keys in _SECTIONS.items():
        given = {key: getattr(options, key) for key in keys if getattr(options, key) is not None}
        if given:
            tree[section] = {**(tree.get(section) or {}), **given}
    if options.ratios is not None:
        tree['prune']['ratios'] = parse_value('--ratios', options.ratios)
    for key in ('out', 'seed'):
        if getattr(options, key) is not None:
            tree[key] = getattr(options, key)
    return tree


def _check_out(out: Path, checkpoint: Path) -> None:
    if out.suffix != '.pt' or out == checkpoint:
        raise InvalidValueError('out', str(out), 'a .pt file other than the checkpoint')
    if not out.parent.is_dir():
        raise FileMissingError(out.parent, 'folder')


def _statistics(
    config: PruneConfig, checkpoint: Checkpoint, network: nn.Module, options: Namespace
) -> NetworkStatistics | None:
    """Collect statistics on the calibration images; None if there is no dataset."""
    given = config.calibration
    if given is None:
        return None
    values = given.options
    if options.allow_unpaired:
        values = allowing_unpaired(given.dataset, values)
    dataset = open_dataset(given.dataset, options.root, given.split, values)
    if tuple(dataset.table.classes) != tuple(checkpoint.classes):
        counts = f'{len(checkpoint.classes)} and {len(dataset.table.classes)}'
        reason = f'its classes are not those of {given.dataset} ({counts})'
        raise CheckpointError(config.checkpoint, reason)
    batches = calibration_batches(dataset, given, config.seed)
    return collect_statistics(network, batches, len(checkpoint.classes))
