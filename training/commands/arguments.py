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

"""Arguments that several commands share."""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from swiftnet_ros.errors import InvalidValueError
from training.datasets import DATASETS, open_dataset
from training.datasets.base import ImageLabelDataset
from training.schema.config import parse_value


def add_dataset_arguments(parser: ArgumentParser, required: bool) -> None:
    """Add --dataset, --root, --split and --option."""
    parser.add_argument('--dataset', required=required, help=f'one of {", ".join(DATASETS)}')
    parser.add_argument('--root', type=Path, help='folder of the dataset')
    parser.add_argument('--split', default='val', help='train, val or test')
    parser.add_argument(
        '--option',
        action='append',
        default=[],
        metavar='KEY=VALUE',
        help='an option of the dataset, such as frames=20 of warehouse',
    )


def dataset_of(options: Namespace) -> ImageLabelDataset:
    """Open the dataset that the arguments name."""
    values: dict[str, Any] = {}
    for text in options.option:
        key, separator, value = text.partition('=')
        if not separator:
            raise InvalidValueError('--option', text, 'KEY=VALUE')
        values[key] = parse_value('--option', value)
    return open_dataset(options.dataset, options.root, options.split, values)
