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

"""python -m training card MODEL CARD.yaml -o MODEL.md: the card of a shipped model."""

from collections.abc import Sequence

from swiftnet_ros.system.files import write_atomic
from swiftnet_ros.system.paths import path_argument
from training.commands.arguments import CommandParser
from training.report.card import model_card


def main(arguments: Sequence[str]) -> int:
    """Write a model card from the model's files, its runs and evaluations, and a few texts."""
    options = make_parser().parse_args(arguments)
    write_atomic(options.out, model_card(options.model, options.text, options.out))
    print(options.out)
    return 0


def make_parser() -> CommandParser:
    """Return the parser of the command line."""
    example = 'models/mine card.yaml -o mine.md'
    parser = CommandParser('card', main.__doc__, example)
    parser.add_argument(
        'model', type=path_argument, help='path of the pair without .fp32.onnx and .int8.onnx'
    )
    parser.add_argument('text', type=path_argument, help='card.yaml, see docs/training.md')
    parser.add_out('.md')
    return parser
