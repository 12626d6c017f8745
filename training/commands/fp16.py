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

"""python -m training fp16 MODEL -o OUT: a strongly typed FP16 file for TensorRT 11."""

from collections.abc import Sequence

from swiftnet_ros.system.paths import path_argument
from training.commands.arguments import check_out, CommandParser, print_json
from training.quantization.fp16 import write_fp16


def main(arguments: Sequence[str]) -> int:
    """
    Write a strongly typed FP16 file, from which TensorRT 11 builds.

    Older versions build FP16 from the FP32 file by a builder flag and do not need it.
    """
    options = make_parser().parse_args(arguments)
    check_out(options.out, '.onnx', options.model)
    agreement = write_fp16(options.model, options.out)
    print(f'{options.out}: same class as in fp32 on {agreement:.4%} of pixels')
    print_json(options, {'agreement': agreement})
    return 0


def make_parser() -> CommandParser:
    """Return the parser of the command line."""
    example = 'mine.fp32.onnx -o mine.fp16.onnx'
    parser = CommandParser('fp16', main.__doc__, example)
    parser.add_argument('model', type=path_argument, help='.onnx file in fp32')
    parser.add_out('.onnx')
    parser.add_json()
    return parser
