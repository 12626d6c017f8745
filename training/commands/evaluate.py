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

"""python -m training evaluate MODEL --dataset NAME: mIoU over a whole split."""

from argparse import Namespace
from collections.abc import Sequence
from typing import Any

from swiftnet_ros.errors import OptionConflictError
from training.commands.arguments import CommandParser, dataset_of, name_map, print_json
from training.datasets.transforms.corruptions import CorruptedDataset, Corruption, TYPICAL
from training.evaluation.evaluate import evaluate_file

ALL = 'all'


def main(arguments: Sequence[str]) -> int:
    """Evaluate a checkpoint in torch, or an .onnx file or shipped model with the runtime."""
    options = make_parser().parse_args(arguments)
    if ALL in options.corruption and len(options.corruption) > 1:
        raise OptionConflictError(f'--corruption {ALL}', 'other corruptions')
    is_all = options.corruption == [ALL]
    result = _evaluated(options, () if is_all else options.corruption)
    for name, iou in result['iou'].items():
        print(f'{name:>20}  {_class_text(iou, result["by_image"].get(name))}')
    print(f'{"mIoU":>20}  {result["miou"]}  ({result["images"]} images, {result["precision"]})')
    if result['ece'] is not None:
        print(f'{"calibration error":>20}  {result["ece"]:.4f}  (expected, of confidence)')
    stated = ': '.join(filter(None, (result['license'], result['terms'])))
    print(f'{"license":>20}  {stated or "not stated"}')
    if is_all:
        result['corruptions'] = [_evaluated(options, [str(item)]) for item in TYPICAL]
        for one in result['corruptions']:
            print(f'{one["faults"][0]:>20}  {_with_loss(one["miou"], result["miou"])}')
    print_json(options, result)
    return 0


def make_parser() -> CommandParser:
    """Return the parser of the command line."""
    example = 'street --dataset camvid --root CAMVID --corruption all'
    parser = CommandParser('evaluate', main.__doc__, example)
    parser.add_argument('model', help='.pt, .onnx, or the name of a shipped model')
    parser.add_dataset(required=True)
    parser.add_name_map()
    parser.add_argument('--precision', default='auto', help='auto, fp32, bf16 or int8 (ONNX only)')
    parser.add_argument(
        '--corruption',
        '--fault',
        action='append',
        default=[],
        metavar='NAME=VALUE',
        help='corrupt the images: blur=1.5 (pixels), noise=12 (gray values), gamma=2 (darker), '
        f'jpeg=30 (quality), cast=0.3 (redder); {ALL}: clean images, then each of these alone',
    )
    parser.add_argument('--threads', type=int, default=0, help='CPU threads, 0 for all')
    parser.add_json()
    return parser


def _evaluated(options: Namespace, texts: Sequence[str]) -> dict[str, Any]:
    """Return the metrics on images with corruptions NAME=VALUE, applied in their order."""
    corruptions = tuple(Corruption.parse(text) for text in texts)
    dataset = CorruptedDataset(dataset_of(options), corruptions)
    result = evaluate_file(
        options.model, dataset, options.precision, options.threads, name_map(options)
    )
    return {**result, 'faults': list(map(str, corruptions))} if corruptions else result


def _class_text(iou: float | None, by_image: dict[str, float] | None) -> str:
    if iou is None:
        return 'absent'
    if by_image is None:
        return f'{iou:.4f}'
    return (
        f'{iou:.4f}  mean of {by_image["images"]} images {by_image["mean"]:.4f}, '
        f'of their worst tenth {by_image["worst_tenth"]:.4f}'
    )


def _with_loss(miou: float | None, clean: float | None) -> str:
    if miou is None or clean is None:
        return str(miou)
    return f'{miou:.4f}  loses {100 * (clean - miou):.2f} points'
