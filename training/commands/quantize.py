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

from argparse import Namespace
from collections.abc import Sequence

from swiftnet_ros.errors import InvalidValueError
from swiftnet_ros.model_spec import read_spec
from swiftnet_ros.system.paths import path_argument
from training.commands.arguments import check_out, CommandParser, matched, print_json
from training.quantization.calibration_cache import write_tensorrt_tables
from training.quantization.calibration_images import CalibrationImages, FolderImages, split_images
from training.quantization.histograms import METHODS
from training.quantization.qdq_writer import WEIGHT_BITS
from training.quantization.quantize import (
    AUTO,
    measure_split,
    PtqOptions,
    QuantizationResult,
    quantize,
    save,
    summary,
)
from training.quantization.sensitivity import FloatLayers


def main(arguments: Sequence[str]) -> int:
    """
    Quantize an exported network to INT8 and measure the loss.

    With --images instead of --dataset there are no labels: the fraction of pixels that keep the
    float network's label replaces mIoU.
    """
    options = make_parser().parse_args(arguments)
    if options.measure and options.images:
        raise InvalidValueError('--measure', options.measure, 'no --measure with --images')
    check_out(options.out, '.onnx', options.model)
    images, source = open_images(options)
    calibration, held_out = split_images(images, options.count, options.held_out, options.seed)
    settings = PtqOptions(
        source=source,
        method=options.method,
        seed=options.seed,
        weight_bits=options.weight_bits,
        float_layers=_float_layers(options),
        with_sensitivity=options.sensitivity,
    )
    result = quantize(options.model, calibration, held_out, settings)
    miou = _measure(options, result)
    save(result, options.out, miou)
    if options.tensorrt_tables:
        write_tensorrt_tables(result, calibration, options.out)
    _print_result(options, result)
    print_json(options, summary(result))
    return 0


def add_image_arguments(parser: CommandParser) -> None:
    """Add --images and the arguments of a dataset, for `open_images`."""
    parser.add_dataset(split='train')
    parser.add_name_map()
    parser.add_argument(
        '--images', type=path_argument, metavar='DIR', help='images without labels'
    )


def open_images(options: Namespace) -> tuple[CalibrationImages, str]:
    """
    Open the images of --images or --dataset, and return them with a name for the record.

    Raise SwiftnetError unless there is exactly one of them, with the model's classes.
    """
    if (options.dataset is None) == (options.images is None):
        raise InvalidValueError('--dataset', options.dataset, 'either --dataset or --images DIR')
    if options.images:
        return FolderImages(options.images), options.images.resolve().name
    dataset = matched(options, read_spec(options.model).classes)
    return dataset, f'{options.dataset} {options.split}'


def make_parser() -> CommandParser:
    """Return the parser of the command line."""
    example = 'mine.fp32.onnx -o mine.int8.onnx --dataset folder --root DATA --measure val'
    parser = CommandParser('quantize', main.__doc__, example)
    parser.add_argument('model', type=path_argument, help='.onnx file in fp32')
    parser.add_out('.onnx')
    add_image_arguments(parser)
    parser.add_argument('--count', type=int, default=64, help='calibration images')
    held_out = 'other images, to choose method and float layers on'
    parser.add_argument('--held-out', type=int, default=32, help=held_out)
    parser.add_seed('for the choice of images')
    parser.add_argument('--method', default=AUTO, help=f'{AUTO} or {", ".join(METHODS)}')
    keep = 'the N most sensitive layers, or names separated by commas'
    parser.add_argument('--keep-float', default='0', metavar='N|LAYERS', help=keep)
    drop = 'keep layers in float until at most this much is lost'
    parser.add_argument('--max-drop', type=float, metavar='POINTS', help=drop)
    sensitivity = 'measure the loss of quantizing each layer alone'
    parser.add_argument('--sensitivity', action='store_true', help=sensitivity)
    bits = '7: same labels on every CPU; 8: only for TensorRT and CPUs with VNNI'
    parser.add_argument('--weight-bits', type=int, choices=(7, 8), default=WEIGHT_BITS, help=bits)
    split = 'split for mIoU before and after, such as val'
    parser.add_argument('--measure', metavar='SPLIT', help=split)
    tables = 'also write OUT.calibration and OUT.ranges.json for implicit INT8'
    parser.add_argument('--tensorrt-tables', action='store_true', help=tables)
    parser.add_json()
    return parser


def _float_layers(options: Namespace) -> FloatLayers:
    text = options.keep_float
    if text.isdecimal():
        return FloatLayers(count=int(text), max_drop=options.max_drop)
    return FloatLayers(names=tuple(text.split(',')), max_drop=options.max_drop)


def _measure(options: Namespace, result: QuantizationResult) -> float | None:
    """Measure both networks on the split of --measure; return the INT8 network's mIoU."""
    if options.measure is None:
        return None
    of_split = Namespace(**{**vars(options), 'split': options.measure})
    dataset = matched(of_split, read_spec(options.model).classes)
    measure_split(result, dataset, f'{options.dataset} {options.measure}')
    miou: float | None = result.record['miou_after']
    return miou


def _print_result(options: Namespace, result: QuantizationResult) -> None:
    record = result.record
    for name, score in result.scores.items():
        print(f'{name:>16}  mIoU {_percent(score.miou)}  agreement {_percent(score.agreement)}')
    for name, loss in (result.sensitivities or {}).items():
        print(f'{loss:>16.3f}  {name}')
    print(
        f'{options.out}: method {record["method"]}, {len(record["layers_float"])} layers in '
        f'float; mIoU {_percent(record["miou_before"])} before, '
        f'{_percent(record["miou_after"])} after ({record["measured_on"]})'
    )


def _percent(fraction: float | None) -> str:
    return 'unknown' if fraction is None else f'{100 * fraction:.2f}'
