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


"""python -m training bench MODEL...: how fast networks are, interleaved in one run."""

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from swiftnet_ros.errors import FileMissingError, InvalidValueError
from training.bench.measure import bench, BenchOptions
from training.bench.models import cases_of, PRECISIONS
from training.bench.report import report, rewrite_tables
from training.bench.runs import bench_runs
from training.commands.arguments import size_argument

_LAST_LINE = Path('-')


def main(arguments: Sequence[str]) -> int:
    """
    Measure networks through the runtime's engine, all in turn in every round.

    Prints Markdown tables: engine and pipeline (frame to labels in memory), memory, and for each
    pair how much of the removed multiply-adds became speed. The first model is what the others
    are compared with. A .yaml has random weights, which take as long as trained ones.
    """
    options = _parser().parse_args(arguments)
    _check(options)
    settings = BenchOptions(
        options.cameras, options.threads, options.repeats, options.per_block, options.into is None
    )
    if options.into is not None:
        for path in bench_runs(options.into, next(iter(options.sizes), None), settings):
            print(path)
    if options.models:
        with TemporaryDirectory() as folder:
            cases = cases_of(options.models, options.sizes, options.precisions, Path(folder))
            _give(bench(cases, settings), options.json)
    if options.tables is not None:
        rewrite_tables(options.tables)
    return 0


def _give(result: Mapping[str, Any], path: Path | None) -> None:
    print(report(result))
    if path == _LAST_LINE:
        print(json.dumps(result))
    elif path is not None:
        path.write_text(json.dumps(result) + '\n')


def _check(options: Namespace) -> None:
    if not options.models and options.into is None and options.tables is None:
        raise InvalidValueError('MODEL', 'missing', 'a model to measure, --into or --tables')
    if options.into is not None and (options.models or len(options.sizes) > 1):
        raise InvalidValueError('--into', str(options.into), 'no MODEL and at most one size')
    if options.json not in (None, _LAST_LINE) and not options.json.parent.is_dir():
        raise FileMissingError(options.json.parent, 'folder')


def _parser() -> ArgumentParser:
    parser = ArgumentParser('python -m training bench', description=main.__doc__)
    add = parser.add_argument
    add('models', type=Path, nargs='*', metavar='MODEL', help='.yaml, .pt, .onnx, shipped model')
    add('--per-block', action='store_true', help='milliseconds per pyramid level and block')
    add('--sizes', type=size_argument, nargs='+', default=[], metavar='HxW',
        help='sizes of networks from .yaml and .pt; their own if left out')  # fmt: skip
    add('--cameras', type=size_argument, nargs='+', default=[], metavar='HxW',
        help="sizes of frames and labels; the network's own if left out")  # fmt: skip
    add('--precisions', nargs='+', default=['fp32'], metavar='NAME',
        help=f'of {", ".join(PRECISIONS)}; int8 takes X.int8.onnx beside the model')  # fmt: skip
    add('--threads', type=int, default=0, help='CPU threads, 0 for all')
    add('--repeats', type=int, default=20, help='rounds')
    add('--json', type=Path, nargs='?', const=_LAST_LINE, metavar='FILE',
        help='one JSON object into a file, else as the last line')  # fmt: skip
    add('--into', type=Path, metavar='RUNS', help='write latency.json into every run below')
    add('--tables', type=Path, metavar='FILE.md', help='rewrite its tables from their JSON')
    return parser
