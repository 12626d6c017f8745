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

"""python -m training render OUT: render warehouse scenes as a folder dataset."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
from swiftnet_ros.errors import InvalidValueError
from swiftnet_ros.system.files import write_atomic
from swiftnet_ros.system.image_encoding import write_image
from swiftnet_ros.system.paths import path_argument
from swiftnet_ros.system.progress import progress
from training.commands.arguments import CommandParser, key_values
from training.datasets.base import Sample
from training.datasets.class_table import shipped_class_table, shipped_class_table_path
from training.datasets.mixture import NameMap
from training.datasets.warehouse import FIRST_SEED, warehouse
from training.pseudo_labels.boxes import boxes_of_labels

# In the order of their ids in the label map `warehouse`.
BOX_CLASSES = ('pallet', 'box', 'forklift', 'person')


def main(arguments: Sequence[str]) -> int:
    """
    Write images, exact labels and classes.yaml.

    Read them with: --dataset folder --root OUT --split . With --classes the labels have the ids
    of another class table, to which the scenes' classes are matched by name.
    """
    options = make_parser().parse_args(arguments)
    scenes = warehouse(None, options.split, options.frames, *options.size)
    if options.out.is_file():
        raise InvalidValueError('out', str(options.out), 'a folder')
    ids = (
        NameMap(key_values(options, 'remap'))
        .apply(scenes, shipped_class_table(options.classes))
        .ids
    )
    for name in ('images', 'labels', *(['boxes'] if options.boxes else [])):
        (options.out / name).mkdir(parents=True, exist_ok=True)
    names = [item.name for item in scenes.table.classes]
    for index in progress(range(len(scenes)), 'render'):
        sample = scenes[index]
        _write(replace(sample, label=ids[sample.label]), options.out)
        if options.boxes:
            box_ids = [names.index(name) for name in BOX_CLASSES]
            lines = ''.join(f'{line}\n' for line in boxes_of_labels(sample.label, box_ids))
            write_atomic(options.out / 'boxes' / f'{sample.name}.txt', lines)
    table = shipped_class_table_path(options.classes)
    write_atomic(options.out / 'classes.yaml', table.read_bytes())
    print(options.out)
    return 0


def make_parser() -> CommandParser:
    """Return the parser of the command line."""
    example = 'scenes --split train --frames 400 --size 640x360 --boxes'
    parser = CommandParser('render', main.__doc__, example)
    parser.add_argument('out', type=path_argument, help='folder to write into')
    parser.add_argument('--split', default='demo', help=f'one of {", ".join(FIRST_SEED)}')
    parser.add_argument('--frames', type=int, help="number of scenes; default: the split's")
    boxes = f'also write boxes of {", ".join(BOX_CLASSES)} in the text format of YOLO'
    parser.add_argument('--boxes', action='store_true', help=boxes)
    table_help = 'shipped class table of the labels; default: that of the scenes'
    parser.add_argument('--classes', default='warehouse', help=table_help)
    parser.add_key_values('--remap', "a scene's class and its name in the table of --classes")
    parser.add_size('size of the images', (576, 1024))
    return parser


def _write(sample: Sample, folder: Path) -> None:
    image = cv2.cvtColor(sample.image, cv2.COLOR_RGB2BGR)
    quality = [cv2.IMWRITE_JPEG_QUALITY, 92]
    write_image(folder / 'images' / f'{sample.name}.jpg', image, quality)
    write_image(folder / 'labels' / f'{sample.name}.png', sample.label)
