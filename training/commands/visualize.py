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

from collections.abc import Sequence

import cv2
from swiftnet_ros.backends.registry import open_backend
from swiftnet_ros.errors import InvalidValueError, UnknownNameError
from swiftnet_ros.segmenter import Segmenter
from swiftnet_ros.system.image_encoding import write_image
from training.commands.arguments import CommandParser, dataset_of
from training.evaluation.evaluate import check_classes
from training.evaluation.visualize import contact_sheet, PANELS, predict_sample

_KINDS = ('.png', '.jpg')


def main(arguments: Sequence[str]) -> int:
    """Draw images of a split, their label images and predictions on one contact sheet."""
    parser = CommandParser('visualize', main.__doc__)
    parser.add_argument('model', help='.onnx, or the name of a shipped model')
    parser.add_out('.png or .jpg')
    parser.add_dataset(required=True)
    parser.add_argument('--precision', default='auto', help='auto, fp32, bf16 or int8')
    parser.add_argument('--show', nargs='+', default=['image', 'truth', 'labels'],
                        help=f'panels, of {", ".join(PANELS)}')  # fmt: skip
    parser.add_argument('--indices', '--pictures', nargs='+', type=int, default=[0, 1, 2],
                        metavar='N', help='indices of the images in the split')  # fmt: skip
    parser.add_argument('--width', type=int, default=360, help='width of a panel in pixels')
    parser.add_argument('--across', action='store_true', help='one column per image, not one row')
    options = parser.parse_args(arguments)
    if options.out.suffix not in _KINDS:
        raise InvalidValueError('--out', str(options.out), f'a file in {" or ".join(_KINDS)}')
    for name in options.show:
        if name not in PANELS:
            raise UnknownNameError('panel', name, PANELS)
    if not 0 < options.width <= 4096:
        raise InvalidValueError('--width', options.width, 'a number from 1 to 4096')
    dataset = dataset_of(options)
    for index in options.indices:
        if not 0 <= index < len(dataset):
            raise InvalidValueError('--indices', index, f'from 0 to {len(dataset) - 1}')
    with open_backend(options.model, 'openvino', options.precision) as engine:
        check_classes(list(engine.spec.class_names), dataset)
        segmenter = Segmenter(engine)
        items = [predict_sample(segmenter, dataset[index]) for index in options.indices]
    image = contact_sheet(items, options.show, options.width, options.across)
    write_image(options.out, cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    print(options.out)
    return 0
