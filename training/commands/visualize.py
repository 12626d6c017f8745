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

"""python -m training visualize MODEL --dataset NAME -o FILE: draw predictions of a model."""

from argparse import Namespace
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from swiftnet_ros.backends.registry import open_backend
from swiftnet_ros.core.frame_sources import FrameSource, open_source
from swiftnet_ros.core.frames import to_rgb
from swiftnet_ros.errors import (
    InvalidValueError,
    MissingOptionError,
    OptionConflictError,
    UnknownNameError,
)
from swiftnet_ros.segmenter import Segmenter
from swiftnet_ros.system.image_encoding import write_image
from swiftnet_ros.system.paths import expand_path, path_argument
from swiftnet_ros.system.progress import progress, warn_above
from training.commands.arguments import CommandParser, file_to_write, matched
from training.datasets.bag import is_bag, open_bag
from training.datasets.base import ImageLabelDataset, Sample
from training.datasets.class_table import UNLABELED
from training.evaluation.visualize import (
    ContactSheet,
    PANELS,
    predict_sample,
    write_frame,
    write_label_image,
    write_overlay,
)

_KINDS = ('.png', '.jpg')
# Of frames a contact sheet shows at most so many.
_MOST_ROWS = 32
_WITH_TRUTH, _WITHOUT = ('image', 'truth', 'labels'), ('image', 'labels', 'overlay')
# option, a folder -> what writes an image into it for each frame
_WRITERS = {'labels': write_label_image, 'overlays': write_overlay, 'frames': write_frame}
_OF_SOURCE = (*_WRITERS, 'topic', 'every', 'count')


def main(arguments: Sequence[str]) -> int:
    """
    Draw predictions for a split of a dataset, or for frames, on one contact sheet.

    --source takes frames of a folder of images, an image, a video, a ROS 2 bag (its folder, or an
    .mcap or .db3 file), or `demo`. --labels, --overlays and --frames write an image for each of
    them, named as its file, by its number in a video, or by number and stamp in a bag.
    """
    options = make_parser().parse_args(arguments)
    _check(options)
    panels = options.show or (_WITHOUT if options.source else _WITH_TRUTH)
    sheet = ContactSheet(panels, options.width, _MOST_ROWS if options.source else None)
    with open_backend(options.model, 'openvino', options.precision) as engine:
        if options.source:
            source = _open_source(options)
            samples, total = _samples(source, options.count), _total(source, options.count)
        else:
            dataset = matched(options, engine.spec.classes)
            indices = options.indices or [0, 1, 2]
            samples, total = _chosen(dataset, indices), len(indices)
        segmenter = Segmenter(engine)
        for sample in progress(samples, 'segment', total):
            item = predict_sample(segmenter, sample)
            for name, write in _WRITERS.items():
                if getattr(options, name):
                    write(item, getattr(options, name))
            if options.out:
                sheet.add(item)
    if options.out:
        write_image(options.out, cv2.cvtColor(sheet.image(options.across), cv2.COLOR_RGB2BGR))
    for path in filter(None, (options.out, *(getattr(options, name) for name in _WRITERS))):
        print(path)
    return 0


def make_parser() -> CommandParser:
    """Return the parser of the command line."""
    example = 'indoor --source demo --every 10 -o sheet.jpg --labels labels'
    parser = CommandParser('visualize', main.__doc__, example)
    add = parser.add_argument
    add('model', help='.onnx, or the name of a shipped model')
    add('-o', '--out', type=file_to_write, help='contact sheet to write, .png or .jpg')
    parser.add_dataset()
    parser.add_name_map()
    add('--source', metavar='PATH', help='frames without labels: folder, image, video, bag, demo')
    add('--topic', help='image topic of a bag; not needed if it is the only one')
    add('--every', type=int, metavar='N', help='take the first of every N frames; default: 1')
    add('--count', type=int, metavar='N', help='take at most N frames; default: all')
    add('--labels', type=path_argument, metavar='DIR', help='write label images of the frames')
    add('--overlays', type=path_argument, metavar='DIR', help='write overlays of the frames')
    add('--frames', type=path_argument, metavar='DIR', help='write the frames themselves')
    add('--precision', default='auto', help='auto, fp32, bf16 or int8')
    add('--show', nargs='+', help=f'panels, of {", ".join(PANELS)}; truth: of a dataset only')
    add('--indices', '--pictures', nargs='+', type=int, metavar='N',
        help='indices of the images in the split; default: 0 1 2')  # fmt: skip
    add('--width', type=int, default=360, help='width of a panel in pixels')
    add('--across', action='store_true', help='one column per image, not one row')
    return parser


def _check(options: Namespace) -> None:
    if options.out is not None and options.out.suffix not in _KINDS:
        raise InvalidValueError('--out', str(options.out), f'a file in {" or ".join(_KINDS)}')
    for name in options.show or ():
        if name not in PANELS:
            raise UnknownNameError('panel', name, PANELS)
    if not 0 < options.width <= 4096:
        raise InvalidValueError('--width', options.width, 'a number from 1 to 4096')
    if options.source is None:
        for name in _OF_SOURCE:
            if getattr(options, name) is not None:
                raise MissingOptionError(f'--{name}', '--source PATH')
        if options.dataset is None:
            raise MissingOptionError('visualize', '--dataset NAME or --source PATH')
        if options.out is None:
            raise MissingOptionError('--dataset', '-o FILE')
        return
    for name in ('dataset', 'indices'):
        if getattr(options, name) is not None:
            raise OptionConflictError(f'--{name}', '--source')
    if 'truth' in (options.show or ()):
        raise OptionConflictError('--show truth', '--source')
    for name in ('every', 'count'):
        value = getattr(options, name)
        if value is not None and value < 1:
            raise InvalidValueError(f'--{name}', value, 'at least 1')
    if not (options.out or any(getattr(options, name) for name in _WRITERS)):
        raise MissingOptionError('--source', '-o FILE, --labels, --overlays or --frames DIR')
    for name in _WRITERS:
        folder = getattr(options, name)
        if folder is not None and folder.is_file():
            raise InvalidValueError(f'--{name}', str(folder), 'a folder')


def _open_source(options: Namespace) -> FrameSource:
    every = options.every or 1
    path = Path(expand_path(options.source))
    if is_bag(path):
        return open_bag(path, options.topic, warn_above, every)
    if options.topic is not None:
        raise OptionConflictError('--topic', f'{options.source}, which is no bag')
    return open_source(options.source, warn_above, every)


def _chosen(dataset: ImageLabelDataset, indices: Sequence[int]) -> Iterator[Sample]:
    for index in indices:
        if not 0 <= index < len(dataset):
            raise InvalidValueError('--indices', index, f'from 0 to {len(dataset) - 1}')
    return (dataset[index] for index in indices)


def _samples(source: FrameSource, count: int | None) -> Iterator[Sample]:
    """Yield frames as samples without a label."""
    for item in islice(source.play(), count):
        image = to_rgb(item.frame)
        yield Sample(image, np.full(image.shape[:2], UNLABELED, np.uint8), item.name)


def _total(source: FrameSource, count: int | None) -> int | None:
    known = [number for number in (source.total, count) if number is not None]
    return min(known, default=None)
