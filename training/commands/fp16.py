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

"""python -m training fp16 MODEL -o OUT: half precision, of an ONNX file or a checkpoint."""

from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from swiftnet_ros.errors import InvalidValueError
from swiftnet_ros.system.paths import path_argument
from training.commands.arguments import check_out, CommandParser, matched, print_json
from training.evaluation.evaluate import evaluate_checkpoint
from training.quantization.fp16 import write_fp16
from training.run.checkpoint import save_checkpoint
from training.run.half_precision import half_precision


def main(arguments: Sequence[str]) -> int:
    """
    Write a strongly typed FP16 file of an FP32 file, or a checkpoint of half the size.

    TensorRT 11 builds from the former; older versions build FP16 from the FP32 file by a builder
    flag. The latter is for shipping and further training, which continues in float32; with a
    dataset its mIoU is measured and stored in it.
    """
    options = make_parser().parse_args(arguments)
    is_checkpoint = options.model.suffix == '.pt'
    check_out(options.out, '.pt' if is_checkpoint else '.onnx', options.model)
    print_json(options, _write_checkpoint(options) if is_checkpoint else _write_onnx(options))
    return 0


def make_parser() -> CommandParser:
    """Return the parser of the command line."""
    example = 'mine.fp32.onnx -o mine.fp16.onnx'
    parser = CommandParser('fp16', main.__doc__, example)
    parser.add_argument('model', type=path_argument, help='.onnx file in fp32, or .pt file')
    parser.add_out('.onnx or .pt')
    parser.add_dataset()
    parser.add_name_map()
    parser.add_json()
    return parser


def _write_onnx(options: Namespace) -> dict[str, Any]:
    if options.dataset is not None:
        expected = 'none for an .onnx file; use `python -m training evaluate`'
        raise InvalidValueError('--dataset', options.dataset, expected)
    agreement = write_fp16(options.model, options.out)
    print(f'{options.out}: same class as in fp32 on {agreement:.4%} of pixels')
    return {'agreement': agreement}


def _write_checkpoint(options: Namespace) -> dict[str, Any]:
    checkpoint, result = half_precision(options.model), {}
    if options.dataset is not None:
        dataset = matched(options, checkpoint.classes)
        result = evaluate_checkpoint(checkpoint.in_float32(), dataset)
        checkpoint = replace(checkpoint, miou=result['miou'])
    save_checkpoint(checkpoint, options.out)
    before, after = options.model.stat().st_size, options.out.stat().st_size
    print(f'{options.out}: {after / 1e6:.1f} MB, {before / 1e6:.1f} MB before')
    if result:
        print(f'mIoU {result["miou"]}')
    return {'bytes_before': before, 'bytes': after, **result}
