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

"""python -m training finetune_int8 FP32 INT8 --dataset NAME -o OUT: fine-tune INT8 (QAT)."""

from collections.abc import Sequence

from swiftnet_ros.system.paths import path_argument
from training.commands.arguments import check_out, CommandParser, print_json
from training.commands.quantize import add_image_arguments, open_images
from training.quantization.calibration_images import split_images
from training.quantization.qat import finetune_int8, QatInputs, QatOptions


def main(arguments: Sequence[str]) -> int:
    """
    Fine-tune an INT8 network to predict what its float network predicts (QAT).

    The last step, if `quantize` alone loses too much; it needs images but no labels.
    """
    options = make_parser().parse_args(arguments)
    check_out(options.out, '.onnx', options.model, options.quantized)
    images, _ = open_images(options)
    rest = max(1, len(images) - options.held_out)
    training, held_out = split_images(images, rest, options.held_out, options.seed)
    settings = QatOptions(options.steps, options.batch_size, options.lr, options.seed)
    inputs = QatInputs(options.model, options.quantized, training, held_out)
    result = finetune_int8(inputs, options.out, settings)
    print(
        f'{options.out}: agreement with the float network {result["agreement_untuned"]:.4f} '
        f'before and {result["agreement"]:.4f} after fine-tuning; mIoU '
        f'{result["miou_untuned"]} and {result["miou_after"]} ({result["miou_before"]} in float)'
    )
    print_json(options, result)
    return 0


def make_parser() -> CommandParser:
    """Return the parser of the command line."""
    example = 'mine.fp32.onnx mine.int8.onnx -o tuned.int8.onnx --images images'
    parser = CommandParser('finetune_int8', main.__doc__, example)
    parser.add_argument('model', type=path_argument, help='.onnx file in fp32')
    parser.add_argument(
        'quantized', type=path_argument, help='.onnx file that quantize made from it'
    )
    parser.add_out('.onnx')
    add_image_arguments(parser)
    parser.add_argument('--held-out', type=int, default=32, help='images to measure on')
    parser.add_argument('--steps', type=int, default=200, help='optimizer steps')
    parser.add_argument('--batch-size', type=int, default=4, help='images per step')
    parser.add_argument('--lr', type=float, default=1e-5, help='initial learning rate of Adam')
    parser.add_seed('for choice and order of images')
    parser.add_json()
    return parser
