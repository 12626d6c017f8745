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

"""python -m training train CONFIG: train a network."""

from collections.abc import Sequence
from dataclasses import replace

from swiftnet_ros.errors import MissingOptionError
from swiftnet_ros.system.paths import path_argument
from training.commands.arguments import CommandParser
from training.datasets.mixture import with_unpaired
from training.schema.config import load_config
from training.trainer.distributed import is_main_process
from training.trainer.train import train


def main(arguments: Sequence[str]) -> int:
    """Train a network; torchrun starts several processes of this command."""
    options = make_parser().parse_args(arguments)
    config = load_config(options.config, tuple(options.set))
    if options.allow_unpaired:
        config = replace(config, data=with_unpaired(config.data))
    if options.other_classes and options.init is None:
        raise MissingOptionError('--other-classes', '--init CHECKPOINT')
    path = train(
        config, options.root, options.out, options.init, other_classes=options.other_classes
    )
    # Only the first process of torchrun.
    if is_main_process():
        print(path)
    return 0


def make_parser() -> CommandParser:
    """Return the parser of the command line."""
    example = 'training/configs/folder/pyramid_resnet18.yaml --root DATA --out runs/mine'
    parser = CommandParser('train', main.__doc__, example)
    parser.add_argument('config', type=path_argument, help='YAML file')
    parser.add_argument('--root', type=path_argument, help='folder of the dataset')
    parser.add_argument(
        '--out', type=path_argument, required=True, help='run folder; resumed if it exists'
    )
    parser.add_argument('--init', type=path_argument, metavar='CHECKPOINT', help='initial weights')
    description = 'the checkpoint of --init has other classes: initialize the classifier again'
    parser.add_argument('--other-classes', action='store_true', help=description)
    parser.add_key_values('--set', 'such as train.epochs=3')
    parser.add_allow_unpaired()
    return parser
