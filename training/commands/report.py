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


"""python -m training report RUNS -o OUT.md: a table and plots of finished runs."""

from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path

from swiftnet_ros.errors import FileMissingError
from training.report.write import write_report


def main(arguments: Sequence[str]) -> int:
    """Write what the runs in a folder measured as one Markdown file with plots beside it."""
    parser = ArgumentParser('python -m training report', description=main.__doc__)
    parser.add_argument('runs', type=Path, help='folder of runs, as lottery --out')
    parser.add_argument('-o', '--out', type=Path, required=True, help='.md file to write')
    options = parser.parse_args(arguments)
    if not options.out.parent.is_dir():
        raise FileMissingError(options.out.parent, 'folder')
    for path in write_report(options.runs, options.out):
        print(path)
    return 0
