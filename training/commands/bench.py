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

"""python -m training bench MODEL...: latency, throughput and memory, interleaved in one run."""

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from swiftnet_ros.errors import FileMissingError, InvalidValueError, MissingOptionError
from swiftnet_ros.system.files import write_json
from swiftnet_ros.system.image_size import network_size
from swiftnet_ros.system.json_text import to_json
from swiftnet_ros.system.paths import path_argument
from training.commands.arguments import CommandParser
from training.profiling.cases import make_cases, PRECISIONS, write_untrained_calibration
from training.profiling.measure import measure_cases
from training.profiling.plots import write_plots
from training.profiling.report import report, update_tables
from training.profiling.runs import measure_runs
from training.profiling.timing import ProfilingOptions
from training.report.page import write_page

_LAST_LINE = Path('-')


def main(arguments: Sequence[str]) -> int:
    """
    Measure networks with the runtime's engine, all in turn in every round.

    Print Markdown tables: latency of engine and pipeline (frame to labels in memory), memory, and
    for each pair how much of the removed multiply-adds became speed. Others are compared with the
    first model. A .yaml gets random weights, which are as fast as trained ones.
    """
    options = make_parser().parse_args(arguments)
    _check(options)
    settings = ProfilingOptions(
        cameras=options.cameras,
        threads=options.threads,
        repeats=options.repeats,
        per_block=options.per_block,
        with_memory=options.into is None,
        counts=options.camera_counts,
        with_cpu_peak=options.cpu_peak,
    )
    if options.into is not None:
        for path in measure_runs(options.into, next(iter(options.sizes), None), settings):
            print(path)
    if options.models:
        with TemporaryDirectory() as folder:
            _measure(options, settings, options.work or Path(folder))
    for document in options.tables:
        update_tables(document)
        write_page(document)
    return 0


def _measure(options: Namespace, settings: ProfilingOptions, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    cases = make_cases(options.models, options.sizes, options.precisions, folder)
    if options.write:
        for case in cases:
            if case.precision == 'int8':
                write_untrained_calibration(case.path)
            print(case.path)
        return
    result = measure_cases(cases, settings)
    if options.plots is not None:
        for path in write_plots(result, options.plots):
            print(path)
    print(report(result))
    if options.json == _LAST_LINE:
        print(to_json(result))
    elif options.json is not None:
        write_json(options.json, result)


def _check(options: Namespace) -> None:
    if not options.models and options.into is None and not options.tables:
        raise InvalidValueError('MODEL', 'missing', 'a model to measure, --into or --tables')
    if options.into is not None and (options.models or len(options.sizes) > 1):
        raise InvalidValueError('--into', str(options.into), 'no MODEL and at most one size')
    if options.write and options.work is None:
        raise MissingOptionError('--write', '--work DIR')
    if options.json not in (None, _LAST_LINE) and not options.json.parent.is_dir():
        raise FileMissingError(options.json.parent, 'folder')


def make_parser() -> CommandParser:
    """Return the parser of the command line."""
    example = 'indoor street --precisions fp32 int8'
    parser = CommandParser('bench', main.__doc__, example)
    add = parser.add_argument
    add(
        'models',
        type=path_argument,
        nargs='*',
        metavar='MODEL',
        help='.yaml, .pt, .onnx, shipped model',
    )
    add('--per-block', action='store_true', help='milliseconds per pyramid level and block')
    add('--sizes', type=network_size, nargs='+', default=[], metavar='WIDTHxHEIGHT',
        help='input sizes of .yaml and .pt networks; default: their own')  # fmt: skip
    add('--cameras', type=network_size, nargs='+', default=[], metavar='WIDTHxHEIGHT',
        help="sizes of frames and labels; default: the network's own")  # fmt: skip
    add('--precisions', nargs='+', default=['fp32'], metavar='NAME',
        help=f'of {", ".join(PRECISIONS)}; int8 quantizes a .yaml, else X.int8.onnx')  # fmt: skip
    add('--threads', type=int, default=0, help='CPU threads, 0 for all')
    add('--repeats', type=int, default=20, help='rounds')
    add('--json', type=path_argument, nargs='?', const=_LAST_LINE, metavar='FILE',
        help='one JSON object into a file, or as the last line')  # fmt: skip
    add(
        '--into',
        type=path_argument,
        metavar='RUNS',
        help='write latency.json into every run below',
    )
    add(
        '--work', type=path_argument, metavar='DIR', help='keep exported and quantized files there'
    )
    add('--write', action='store_true', help='write the networks to --work, measure nothing')
    add('--cpu-peak', '--ceiling', action='store_true',
        help='also a large matrix product: the peak throughput of the CPU')  # fmt: skip
    add('--camera-counts', type=int, nargs='+', default=[], metavar='N',
        help='numbers of cameras that share an engine')  # fmt: skip
    add('--plots', type=path_argument, metavar='DIR', help='draw PNG files')
    add('--tables', type=path_argument, nargs='+', default=[], metavar='FILE.md',
        help='update their tables from their JSON')  # fmt: skip
    return parser
