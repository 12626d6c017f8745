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

"""python -m training count CONFIG: parameters and multiply-adds of a network."""

from collections.abc import Sequence
from pathlib import Path

from swiftnet_ros.system.image_size import format_size
from swiftnet_ros.system.paths import path_argument
from torch import nn
from training.commands.arguments import CommandParser, print_json
from training.evaluation.complexity import count_complexity
from training.models import build_model
from training.run.checkpoint import load_checkpoint
from training.schema.config import load_config
from training.trainer.initial_weights import num_classes


def main(arguments: Sequence[str]) -> int:
    """Count the network of a configuration, or of a checkpoint with its pruned widths."""
    options = make_parser().parse_args(arguments)
    height, width = options.size
    result = count_complexity(_network(options.config), height, width)
    print(f'{options.config}: {result.params} parameters')
    size = format_size((height, width))
    print(f'{size}: {result.gmacs:.2f} GMACs, convolutions {result.conv_gmacs:.2f}')
    gmacs = {'gmacs': round(result.gmacs, 4), 'conv_gmacs': round(result.conv_gmacs, 4)}
    print_json(options, {'params': result.params, **gmacs, 'size': [height, width]})
    return 0


def make_parser() -> CommandParser:
    """Return the parser of the command line."""
    example = 'training/configs/camvid/small.yaml --size 480x360'
    parser = CommandParser('count', main.__doc__, example)
    parser.add_argument('config', type=path_argument, help='YAML configuration or .pt checkpoint')
    parser.add_size('image size', (1024, 2048))
    parser.add_json()
    return parser


def _network(path: Path) -> nn.Module:
    if path.suffix == '.pt':
        return load_checkpoint(path).network()
    config = load_config(path)
    return build_model(config.model, num_classes(config.model, config.data))
