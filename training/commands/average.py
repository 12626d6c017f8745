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

"""python -m training average A.pt B.pt ... -o OUT.pt: the mean of fine-tuned weights."""

from collections.abc import Sequence
from dataclasses import replace

from swiftnet_ros.system.paths import path_argument
from training.commands.arguments import check_out, CommandParser, matched, print_json
from training.evaluation.evaluate import evaluate_checkpoint
from training.run.checkpoint import save_checkpoint
from training.run.weight_average import average_checkpoints


def main(arguments: Sequence[str]) -> int:
    """Average checkpoints of one network; with a dataset measure the mIoU and store it."""
    options = make_parser().parse_args(arguments)
    check_out(options.out, '.pt', *options.checkpoints)
    checkpoint = average_checkpoints(options.checkpoints)
    result = {}
    if options.dataset:
        result = evaluate_checkpoint(checkpoint, matched(options, checkpoint.classes))
        checkpoint = replace(checkpoint, miou=result['miou'])
    options.out.parent.mkdir(parents=True, exist_ok=True)
    save_checkpoint(checkpoint, options.out)
    print(options.out)
    print_json(options, {'averaged': len(options.checkpoints), **result})
    return 0


def make_parser() -> CommandParser:
    """Return the parser of the command line."""
    example = 'before/trained.pt after/trained.pt -o mean.pt --dataset camvid --root CAMVID'
    parser = CommandParser('average', main.__doc__, example)
    parser.add_argument(
        'checkpoints', type=path_argument, nargs='+', help='.pt files of one network'
    )
    parser.add_argument('-o', '--out', type=path_argument, required=True, help='.pt file to write')
    parser.add_dataset()
    parser.add_name_map()
    parser.add_json()
    return parser
