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


"""Write the calibration of implicit INT8 for a pair: python -m training calibration."""

from collections.abc import Sequence

from swiftnet_ros.errors import InvalidModelError
from swiftnet_ros.model_spec import read_model_file
from swiftnet_ros.model_spec.find_model import sibling
from swiftnet_ros.system.files import write_atomic
from swiftnet_ros.system.paths import path_argument
from training.commands.arguments import CommandParser, print_json
from training.commands.quantize import add_image_arguments, open_images
from training.quantization.calibration_cache import cache_text, pair_scales, tensor_scales
from training.quantization.calibration_images import names_and_hash, split_images

_RECORDED = ('method', 'count', 'seed')


def main(arguments: Sequence[str]) -> int:
    """
    Write X.int8.calibration for X.fp32.onnx: the scales of X.int8.onnx, and of all other tensors.

    From it TensorRT 8.5 to 10 builds implicit INT8. Method, number and choice of the images are
    those with which X.int8.onnx was made; give the same --dataset or --images.
    """
    options = make_parser().parse_args(arguments)
    source = read_model_file(options.model)
    quantized = read_model_file(sibling(options.model, 'int8'))
    record = quantized.spec.calibration or {}
    if source.precision != 'fp32' or any(name not in record for name in _RECORDED):
        reason = f'it and {quantized.path} are no pair of training export and quantize'
        raise InvalidModelError(source.path, reason)
    assert quantized.graph is not None
    images, _ = open_images(options)
    chosen, _ = split_images(images, int(record['count']), 1, int(record['seed']))
    known = pair_scales(quantized.graph)
    scales = tensor_scales(source, known, chosen, str(record['method']))
    out = quantized.path.with_suffix('.calibration')
    write_atomic(out, cache_text(scales))
    names, digest = names_and_hash(chosen)
    is_same = digest == record.get('images_sha256')
    count = sum(name in known for name in scales)
    which = 'other images'
    if names == record.get('images'):
        which = 'the same images' if is_same else 'images of the same names, but other pixels'
    print(f'{out}: {len(scales)} scales, {count} of {quantized.path.name}, the rest from {which}')
    print_json(options, {'scales': len(scales), 'of_int8': count, 'images': which})
    return 0


def make_parser() -> CommandParser:
    """Return the parser of the command line."""
    example = 'mine.fp32.onnx --dataset folder --root DATA'
    parser = CommandParser('calibration', main.__doc__, example)
    parser.add_argument('model', type=path_argument, help='X.fp32.onnx, next to X.int8.onnx')
    add_image_arguments(parser)
    parser.add_json()
    return parser
