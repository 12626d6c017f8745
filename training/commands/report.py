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

"""python -m training report: tables and plots of finished runs, or of a results page."""

from collections.abc import Sequence

from swiftnet_ros.errors import InvalidValueError
from swiftnet_ros.system.paths import path_argument
from training.commands.arguments import CommandParser, file_to_write
from training.report.page import write_page, write_report


def main(arguments: Sequence[str]) -> int:
    """
    Write the results of the runs in a folder as a Markdown file with plots.

    With --page instead, update the generated tables and plots of a results page.
    """
    options = make_parser().parse_args(arguments)
    if (options.page is None) == (options.runs is None or options.out is None):
        raise InvalidValueError('report', 'unclear', 'either RUNS -o OUT.md or --page FILE.md')
    if options.page is not None:
        files = write_page(options.page)
    else:
        files = write_report(options.runs, options.out)
    for path in files:
        print(path)
    return 0


def make_parser() -> CommandParser:
    """Return the parser of the command line."""
    example = 'runs/lottery -o report.md'
    parser = CommandParser('report', main.__doc__, example)
    parser.add_argument(
        'runs', type=path_argument, nargs='?', help='folder of runs (lottery --out)'
    )
    parser.add_argument('-o', '--out', type=file_to_write, help='.md file to write')
    parser.add_argument(
        '--page', type=path_argument, metavar='FILE.md', help='a page such as docs/results.md'
    )
    return parser
