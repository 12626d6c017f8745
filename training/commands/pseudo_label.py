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

"""python -m training pseudo_label MODEL --images DIR -o DIR: label images by a network."""

from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from swiftnet_ros.core.label_coverage import Counts
from swiftnet_ros.errors import InvalidValueError, MissingOptionError, UnreadableFileError
from swiftnet_ros.system.paths import path_argument
from training.commands.arguments import CommandParser, print_json
from training.datasets.class_table import UNLABELED
from training.pseudo_labels.class_map import ClassMatrix, LabelMap, load_label_map
from training.pseudo_labels.images import (
    find_sources,
    Labeler,
    LabelingOptions,
    precision,
    prepare_folder,
    write_labels,
)
from training.pseudo_labels.teacher import open_teacher


def main(arguments: Sequence[str]) -> int:
    """
    Label images where a network, averaged over scales and mirrored images, is sure.

    Other pixels are 255. Boxes by people win inside: only the classes of boxes there are kept, and
    floor never. DIR is a dataset in the layout of `folder`; the same command resumes it.
    """
    options = make_parser().parse_args(arguments)
    if options.out.is_file():
        raise InvalidValueError('--out', str(options.out), 'a folder')
    label_map = load_label_map(options.map) if options.map else LabelMap()
    if options.boxes and not label_map.boxes:
        raise MissingOptionError('--boxes', '--map with the classes of the boxes')
    views = LabelingOptions(tuple(options.scales), not options.no_flip, options.threshold)
    sources = find_sources(options.images, options.boxes)
    teacher = open_teacher(options.model, label_map, options.precision, options.threads)
    classes = ClassMatrix(label_map, teacher.classes)
    labeler = Labeler(teacher, classes, views, options.boxes is not None)
    facts = {'model_sha256': teacher.sha256, 'label_map': asdict(label_map)}
    prepare_folder(options.out, options.split, labeler, facts)
    counts, left_out = write_labels(labeler, sources, options.out, options.split, options.copy)
    if left_out == len(sources):
        raise UnreadableFileError(options.images, 'images', 'none could be labeled')
    result = _summary([item.name for item in classes.classes], counts)
    result.update(images=len(sources) - left_out, left_out=left_out)
    if options.truth:
        count = len(classes.classes)
        right, known = precision(options.out, options.split, sources, options.truth, count)
        result['precision'] = float(right.sum() / known.sum())
        result['precision_by_class'] = {
            name: float(r / k) if k else None for name, r, k in zip(result['shares'], right, known)
        }
    _print(options, result)
    print_json(options, result)
    return 0


def make_parser() -> CommandParser:
    """Return the parser of the command line."""
    example = 'indoor --map warehouse --images images --boxes boxes -o labeled'
    parser = CommandParser('pseudo_label', main.__doc__, example)
    kinds = '.pt, .onnx, .tflite (with model_classes in the map), or the name of a shipped model'
    parser.add_argument('model', help=kinds)
    parser.add_argument(
        '--images', type=path_argument, required=True, metavar='DIR', help='images to label'
    )
    parser.add_argument(
        '--boxes', type=path_argument, metavar='DIR',
        help='boxes or polygons of the images, in the text format of YOLO'
    )  # fmt: skip
    parser.add_argument(
        '--map', metavar='NAME|FILE', help='classes of model and boxes; a YAML file, or a shipped '
        'one: loco, cityscapes_to_camvid, warehouse'
    )  # fmt: skip
    parser.add_argument(
        '-o', '--out', type=path_argument, required=True, metavar='DIR', help='dataset to write'
    )
    default = LabelingOptions()
    parser.add_argument('--split', default='train', help='folder in it')
    parser.add_argument('--scales', nargs='+', type=float, default=default.scales, metavar='S',
                        help='of the input, averaged')  # fmt: skip
    parser.add_argument('--no-flip', action='store_true', help='no mirrored images')
    parser.add_argument('--threshold', type=float, default=default.threshold, metavar='P',
                        help='least probability of a label')  # fmt: skip
    parser.add_argument('--copy', action='store_true', help='copy the images instead of linking')
    parser.add_argument('--truth', type=path_argument, metavar='DIR',
                        help='label images of the same names, to measure precision')  # fmt: skip
    parser.add_argument('--precision', default='auto', help='auto, fp32, bf16 or int8 (ONNX only)')
    parser.add_argument('--threads', type=int, default=0, help='CPU threads, 0 for all')
    parser.add_json()
    return parser


def _summary(names: Sequence[str], counts: Counts) -> dict[str, Any]:
    """Return the fraction of labeled pixels, and each class's share of them."""
    total, labeled = int(counts.sum()), int(counts.sum() - counts[UNLABELED])
    shares = {name: float(counts[i] / max(labeled, 1)) for i, name in enumerate(names)}
    return {'labeled': labeled / max(total, 1), 'shares': shares}


def _print(options: Namespace, result: dict[str, Any]) -> None:
    precisions = result.get('precision_by_class', {})
    for name, share in result['shares'].items():
        right = precisions.get(name)
        text = '' if right is None else f'  precision {right:.4f}'
        print(f'{name:>20}  {share:.4f}{text}')
    total = f'  precision {result["precision"]:.4f}' if options.truth else ''
    print(f'{"labeled":>20}  {result["labeled"]:.4f}{total}  ({result["images"]} images)')
    print(options.out)
