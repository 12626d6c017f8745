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


"""python -m training quantize MODEL --dataset NAME -o OUT: post-training quantization to INT8."""

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
import json
from pathlib import Path

from swiftnet_ros.errors import FileMissingError, InvalidValueError
from swiftnet_ros.model_spec import read_spec
from training.commands.arguments import add_dataset_arguments, dataset_of
from training.evaluation.evaluate import check_classes
from training.quantization.calibration_cache import write_tables
from training.quantization.calibration_images import (
    FolderPictures,
    LabelledPictures,
    Pictures,
    split,
)
from training.quantization.histograms import METHODS
from training.quantization.qdq_writer import WEIGHT_BITS
from training.quantization.quantize import (
    AUTO,
    Choices,
    measure,
    Outcome,
    quantize,
    save,
    summary,
)
from training.quantization.sensitivity import FloatLayers


def main(arguments: Sequence[str]) -> int:
    """
    Quantize an exported network to INT8 and measure what it lost.

    With --images instead of --dataset there are no labels: the share of pixels that keep the
    float network's label then stands in for mIoU.
    """
    options = _parser().parse_args(arguments)
    _check_paths(options)
    pictures, source = pictures_of(options)
    calibration, held_out = split(pictures, options.count, options.held_out, options.seed)
    choices = Choices(
        source=source,
        method=options.method,
        seed=options.seed,
        weight_bits=options.weight_bits,
        float_layers=_float_layers(options),
        with_sensitivity=options.sensitivity,
    )
    outcome = quantize(options.model, calibration, held_out, choices)
    miou = _measure(options, outcome)
    save(outcome, options.model, options.out, miou)
    if options.tensorrt_tables:
        write_tables(outcome, options.model, calibration, options.out)
    _show(options, outcome)
    if options.json:
        print(json.dumps(summary(outcome)))
    return 0


def _parser() -> ArgumentParser:
    parser = ArgumentParser('python -m training quantize', description=main.__doc__)
    parser.add_argument('model', type=Path, help='.onnx file in fp32')
    parser.add_argument('-o', '--out', type=Path, required=True, help='.onnx file to write')
    add_dataset_arguments(parser, required=False)
    parser.set_defaults(split='train')
    parser.add_argument('--images', type=Path, metavar='DIR', help='pictures without labels')
    parser.add_argument('--count', type=int, default=64, help='images to calibrate with')
    parser.add_argument('--held-out', type=int, default=32, help='other images, to choose by')
    parser.add_argument('--seed', type=int, default=0, help='of the choice of images')
    parser.add_argument('--method', default=AUTO, help=f'{AUTO} or {", ".join(METHODS)}')
    keep = 'the N most sensitive layers, or names separated by commas'
    parser.add_argument('--keep-float', default='0', metavar='N|LAYERS', help=keep)
    drop = 'keep as few layers in float as lose at most this much'
    parser.add_argument('--max-drop', type=float, metavar='POINTS', help=drop)
    parser.add_argument('--sensitivity', action='store_true', help='measure every layer alone')
    bits = '7 give the same labels on every CPU, 8 only on TensorRT and CPUs with VNNI'
    parser.add_argument('--weight-bits', type=int, choices=(7, 8), default=WEIGHT_BITS, help=bits)
    split = 'a whole split for mIoU before and after, as val'
    parser.add_argument('--measure', metavar='SPLIT', help=split)
    tables = 'also write OUT.calibration and OUT.ranges.json for implicit INT8'
    parser.add_argument('--tensorrt-tables', action='store_true', help=tables)
    parser.add_argument('--json', action='store_true', help='one JSON object as the last line')
    return parser


def _check_paths(options: Namespace) -> None:
    if options.measure and options.images:
        raise InvalidValueError('--measure', options.measure, 'to be left out with --images')
    if options.out.is_dir():
        raise InvalidValueError('--out', str(options.out), 'a file, not a folder')
    if not options.out.parent.is_dir():
        raise FileMissingError(options.out.parent, 'folder')


def pictures_of(options: Namespace) -> tuple[Pictures, str]:
    """Open the pictures of --images or --dataset, which has to have the model's classes."""
    if (options.dataset is None) == (options.images is None):
        raise InvalidValueError('--dataset', options.dataset, 'either --dataset or --images DIR')
    if options.images:
        return FolderPictures(options.images), options.images.resolve().name
    dataset = dataset_of(options)
    check_classes(list(read_spec(options.model).class_names), dataset)
    return LabelledPictures(dataset), f'{options.dataset} {options.split}'


def _float_layers(options: Namespace) -> FloatLayers:
    words = options.keep_float
    if words.isdecimal():
        return FloatLayers(count=int(words), max_drop=options.max_drop)
    return FloatLayers(names=tuple(words.split(',')), max_drop=options.max_drop)


def _measure(options: Namespace, outcome: Outcome) -> float | None:
    """Measure both networks on a whole split, where one is named; give the INT8 one's mIoU."""
    if options.measure is None:
        return None
    dataset = dataset_of(Namespace(**{**vars(options), 'split': options.measure}))
    pictures = LabelledPictures(dataset)
    measure(outcome, options.model, pictures, f'{options.dataset} {options.measure}')
    miou: float | None = outcome.record['miou_after']
    return miou


def _show(options: Namespace, outcome: Outcome) -> None:
    record = outcome.record
    for name, score in outcome.scores.items():
        print(f'{name:>16}  mIoU {_percent(score.miou)}  agreement {_percent(score.agreement)}')
    for name, loss in (outcome.losses or {}).items():
        print(f'{loss:>16.3f}  {name}')
    print(
        f'{options.out}: method {record["method"]}, {len(record["layers_float"])} layers in '
        f'float; mIoU {_percent(record["miou_before"])} before, '
        f'{_percent(record["miou_after"])} after ({record["measured_on"]})'
    )


def _percent(fraction: float | None) -> str:
    return 'unknown' if fraction is None else f'{100 * fraction:.2f}'
