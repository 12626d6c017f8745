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

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from swiftnet_ros.core.image_listing import ALLOW_UNPAIRED
from swiftnet_ros.errors import FileMissingError, InvalidValueError
from swiftnet_ros.model_spec import SemanticClass
from swiftnet_ros.system.command_line import ExampleParser
from swiftnet_ros.system.image_size import network_size, Size
from swiftnet_ros.system.json_text import to_json
from swiftnet_ros.system.paths import path_argument
from training.datasets import allowing_unpaired, DATASETS, open_dataset
from training.datasets.base import ImageLabelDataset
from training.datasets.mixture import NameMap
from training.datasets.model_classes import with_model_classes
from training.schema.config import parse_value
from training.schema.rules import SEED


class CommandParser(ExampleParser):
    """
    The arguments of one command; `add_...` adds those that it shares with others.

    `example` are arguments with which the command works.
    """

    def __init__(self, command: str, description: str | None, example: str) -> None:
        program = f'python -m training {command}'
        super().__init__(program, description or '', f'{program} {example}')

    def add_out(self, suffix: str) -> None:
        """Add --out, the path of a file to write."""
        description = f'{suffix} file to write'
        self.add_argument('-o', '--out', type=file_to_write, required=True, help=description)

    def add_seed(self, description: str) -> None:
        """Add --seed, a number that every random generator takes."""
        self.add_argument('--seed', type=seed_argument, default=0, help=description)

    def add_json(self) -> None:
        """Add --json, for `print_json`."""
        self.add_argument('--json', action='store_true', help='one JSON object as the last line')

    def add_size(self, description: str, default: Size | None = None) -> None:
        """Add --size, parsed as (height, width)."""
        kind, metavar = network_size, 'WIDTHxHEIGHT'
        self.add_argument('--size', type=kind, default=default, metavar=metavar, help=description)

    def add_key_values(self, name: str, description: str) -> None:
        """Add an option that takes KEY=VALUE and may be repeated."""
        self.add_argument(name, action='append', default=[], metavar='KEY=VALUE', help=description)

    def add_dataset(self, required: bool = False, split: str = 'val') -> None:
        """Add --dataset, --root, --split and --option, for `dataset_of`."""
        names = ', '.join(DATASETS)
        self.add_argument('--dataset', required=required, help=f'one of {names}')
        self.add_argument('--root', type=path_argument, help='folder of the dataset')
        self.add_argument('--split', default=split, help='train, val or test')
        self.add_key_values('--option', 'an option of the dataset, as frames=20 of warehouse')
        self.add_allow_unpaired()

    def add_name_map(self) -> None:
        """Add --match-names, --remap and --exclude, for `name_map`."""
        description = "match the dataset's classes to the model's by name; others are unlabeled"
        self.add_argument('--match-names', action='store_true', help=description)
        description = "a class's name in the dataset and in the model; implies --match-names"
        self.add_key_values('--remap', description)
        description = 'a class of the dataset whose pixels only do not show a class of the model'
        self.add_key_values('--exclude', description)

    def add_allow_unpaired(self) -> None:
        """Add --allow-unpaired, which sets the option of that name of a dataset of files."""
        self.add_argument('--allow-unpaired', action='store_true', help=ALLOW_UNPAIRED)


def name_map(options: Namespace) -> NameMap | None:
    """Return how classes are matched by name, None if they have to be the same."""
    remap, exclude = (key_values(options, key) for key in ('remap', 'exclude'))
    return NameMap(remap, exclude) if options.match_names or remap or exclude else None


def key_values(options: Namespace, name: str) -> dict[str, str]:
    """Return the values by key of an option of `add_key_values`."""
    return dict(_pair(f'--{name}', text) for text in getattr(options, name))


def _pair(option: str, text: str) -> tuple[str, str]:
    key, separator, value = text.partition('=')
    if not separator:
        raise InvalidValueError(option, text, 'KEY=VALUE')
    return key, value


def file_to_write(text: str) -> Path:
    """Return a path; raise SwiftnetError if it is a folder or its folder does not exist."""
    path = path_argument(text)
    if path.is_dir():
        raise InvalidValueError('--out', text, 'a file, not a folder')
    if not path.parent.is_dir():
        raise FileMissingError(path.parent, 'folder')
    return path


def check_out(out: Path, suffix: str, *inputs: Path) -> None:
    """Raise InvalidValueError if an output has another suffix, or would replace an input."""
    if out.suffix != suffix or out.resolve() in [path.resolve() for path in inputs]:
        raise InvalidValueError('--out', str(out), f'a {suffix} file other than the input')


def seed_argument(text: str) -> int:
    """Return a seed; raise InvalidValueError if random generators do not take it."""
    is_valid, expected = SEED
    if not text.isdecimal() or not is_valid(int(text)):
        raise InvalidValueError('--seed', text, expected)
    return int(text)


def dataset_of(options: Namespace) -> ImageLabelDataset:
    """Open the dataset that the arguments name."""
    values: dict[str, Any] = {}
    for key, text in key_values(options, 'option').items():
        values[key] = parse_value('--option', text)
    if options.allow_unpaired:
        values = allowing_unpaired(options.dataset, values)
    return open_dataset(options.dataset, options.root, options.split, values)


def matched(options: Namespace, classes: Sequence[SemanticClass]) -> ImageLabelDataset:
    """
    Open the dataset that the arguments name with a model's classes, for `add_name_map`.

    Raise ClassTableMismatchError if they differ and are not to be matched by name.
    """
    return with_model_classes(dataset_of(options), classes, name_map(options))


def print_json(options: Namespace, result: dict[str, Any]) -> None:
    """Print a result as one line of JSON, with --json only."""
    if options.json:
        print(to_json(result))
