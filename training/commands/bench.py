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
from swiftnet_ros.system.image_size import network_size
from training.profiling.cases import cases_of, PRECISIONS
from training.profiling.measure import bench, BenchOptions
from training.profiling.plots import write_plots
from training.profiling.report import report, rewrite_tables
from training.profiling.runs import bench_runs

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
        options.cameras,
        options.threads,
        options.repeats,
        options.per_block,
        options.into is None,
        options.camera_counts,
        options.ceiling,
    )
    if options.into is not None:
        for path in bench_runs(options.into, next(iter(options.sizes), None), settings):
            print(path)
    if options.models:
        with TemporaryDirectory() as folder:
            _measure(options, settings, options.work or Path(folder))
    for document in options.tables:
        rewrite_tables(document)
    return 0


def _measure(options: Namespace, settings: BenchOptions, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    cases = cases_of(options.models, options.sizes, options.precisions, folder)
    result = bench(cases, settings)
    if options.plots is not None:
        for path in write_plots(result, options.plots):
            print(path)
    _give(result, report(result), options.json)


def _give(result: Mapping[str, Any], shown: str, path: Path | None) -> None:
    print(shown)
    if path == _LAST_LINE:
        print(json.dumps(result))
    elif path is not None:
        path.write_text(json.dumps(result) + '\n')


def _check(options: Namespace) -> None:
    if not options.models and options.into is None and not options.tables:
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
    add('--sizes', type=network_size, nargs='+', default=[], metavar='WIDTHxHEIGHT',
        help='sizes of networks from .yaml and .pt; their own if left out')  # fmt: skip
    add('--cameras', type=network_size, nargs='+', default=[], metavar='WIDTHxHEIGHT',
        help="sizes of frames and labels; the network's own if left out")  # fmt: skip
    add('--precisions', nargs='+', default=['fp32'], metavar='NAME',
        help=f'of {", ".join(PRECISIONS)}; int8 quantizes a .yaml, else X.int8.onnx')  # fmt: skip
    add('--threads', type=int, default=0, help='CPU threads, 0 for all')
    add('--repeats', type=int, default=20, help='rounds')
    add('--json', type=Path, nargs='?', const=_LAST_LINE, metavar='FILE',
        help='one JSON object into a file, else as the last line')  # fmt: skip
    add('--into', type=Path, metavar='RUNS', help='write latency.json into every run below')
    add('--work', type=Path, metavar='DIR', help='keep the exported and quantized files there')
    add('--ceiling', action='store_true', help="also a large matrix product: the CPU's own limit")
    add('--camera-counts', type=int, nargs='+', default=[], metavar='N',
        help='cameras that share an engine, in turn')  # fmt: skip
    add('--plots', type=Path, metavar='DIR', help='draw PNG files')
    add('--tables', type=Path, nargs='+', default=[], metavar='FILE.md',
        help='rewrite their tables from their JSON')  # fmt: skip
    return parser
