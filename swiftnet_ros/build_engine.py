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

# PYTHON_ARGCOMPLETE_OK: what argcomplete looks for before it completes a command.
"""
Build the TensorRT engine of a model, or find it in the cache.

    python -m swiftnet_ros.build_engine MODEL [--precision fp16] [-o ENGINE]

The last line of stdout is the engine's path; progress goes to stderr.
"""

if __name__ == '__main__':
    # Before the imports below, which take seconds: a signal in them ends the process quietly.
    from swiftnet_ros.system.program import run_command

    run_command('swiftnet_ros.build_engine')


from argparse import Namespace, SUPPRESS
from collections import Counter
from dataclasses import asdict, replace
from pathlib import Path
import signal
import sys
from typing import Any, Dict, List, Optional, Tuple

from swiftnet_ros.backends.engine_build import progress_text
from swiftnet_ros.backends.options import add_arguments, BackendOptions
from swiftnet_ros.backends.tensorrt.engine_cache import BUILD_OPTIONS, cached_engine, find_or_build
from swiftnet_ros.backends.tensorrt.engine_file import (
    private_folder,
    read_sidecar,
    Sidecar,
    sidecar_path,
    SUFFIX,
)
from swiftnet_ros.backends.tensorrt.progress import Progress
from swiftnet_ros.backends.tensorrt.source import file_precision
from swiftnet_ros.errors import (
    EngineCacheError,
    listing,
    MissingOptionError,
    OptionConflictError,
)
from swiftnet_ros.fastest_engine import build_fastest, MeasuredCandidate
from swiftnet_ros.model_spec import ModelFile, read_model_file
from swiftnet_ros.model_spec.find_model import find_model
from swiftnet_ros.system.command_line import ExampleParser
from swiftnet_ros.system.json_text import to_json
from swiftnet_ros.system.paths import path_argument
from swiftnet_ros.system.process import end_with_parent, exit_code

BEST = 'best'
_MODULE = 'python -m swiftnet_ros.build_engine'
_DESCRIPTION = f"""
Build the TensorRT engine of a model, or find it in the cache.

--precision {BEST} builds explicit INT8, implicit INT8 and FP16, measures them on the golden frame
and keeps the fastest that passes the self-check; a node with precision auto finds it in the cache.
"""
_UNCACHED = f'uncached{SUFFIX}'
_INT8_MODES = {
    'explicit': 'by the Q/DQ pairs of the int8 file',
    'implicit': 'from the fp32 file, by its calibration',
}


def main(argv: Optional[List[str]] = None) -> int:
    """Build or find one engine; return the exit code."""
    arguments = make_parser().parse_args(argv)
    if arguments.parent is not None:
        end_with_parent(arguments.parent)
    # TensorRT does not return to Python for minutes: let Ctrl-C end the process itself.
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        return exit_code(lambda: _run(arguments))
    finally:
        signal.signal(signal.SIGINT, before)


def _run(arguments: Namespace) -> int:
    options = BackendOptions.from_arguments(arguments)
    if arguments.no_cache and not options.output:
        raise MissingOptionError('--no-cache', '--output ENGINE')
    model = read_model_file(find_model(arguments.model, file_precision(options)))
    measured: List[MeasuredCandidate] = []
    if arguments.precision == BEST:
        if arguments.no_cache:
            raise OptionConflictError('--no-cache', f'--precision {BEST}')
        report = _print_json if arguments.progress_json else _print_text
        path, measured = build_fastest(model, options, report)
        is_cached, warning = False, ''
        _print_measured(path, measured)
    else:
        path, is_cached, warning = _find_or_build(model, options, arguments)
    sidecar = read_sidecar(path)
    int8_mode = _int8_mode(sidecar)
    if int8_mode:
        print(f'INT8 is {int8_mode}: {_INT8_MODES[int8_mode]}', file=sys.stderr)
    if not is_cached:
        _print_layers(sidecar)
    if not arguments.json:
        print(path)
        return 0
    result: Dict[str, Any] = {
        'engine': str(path),
        'sidecar': str(sidecar_path(path)),
        'cached': is_cached,
        'build_seconds': sidecar.build_seconds,
    }
    if int8_mode:
        result['int8_mode'] = int8_mode
    if measured:
        result['measured'] = [asdict(item) for item in measured]
    if warning:
        result['warning'] = warning
    print(to_json(result), flush=True)
    return 0


def _find_or_build(
    model: ModelFile, options: BackendOptions, arguments: Namespace
) -> Tuple[Path, bool, str]:
    """Return the path of the engine, whether it was cached, and why it cannot be."""
    report = _print_json if arguments.progress_json else _print_text
    try:
        cached = None if arguments.no_cache else cached_engine(model, options)
        if cached is not None:
            return cached, True, ''
        return find_or_build(model, options, report, arguments.no_cache), False, ''
    except EngineCacheError as error:
        if arguments.fallback is None:
            raise
        warning = f'{error}; this engine is built again at the next start'
        private_folder(arguments.fallback)
        elsewhere = replace(options, output=str(arguments.fallback / _UNCACHED))
        return find_or_build(model, elsewhere, report), False, warning


def make_parser() -> ExampleParser:
    """Return the parser of the command line."""
    parser = ExampleParser('build_engine', _DESCRIPTION, f'{_MODULE} indoor --precision fp16')
    add = parser.add_argument
    add('model', metavar='MODEL', help='ONNX file, or the name of a shipped model')
    add_arguments(parser, *BUILD_OPTIONS)
    add('--no-cache', action='store_true', help='build even if the engine exists; requires -o')
    add('--json', action='store_true', help='one JSON object as the last line')
    add('--progress-json', action='store_true', help='progress as lines of JSON on stdout')
    # For the node only: the folder of an engine that cannot be cached, and whom to end with.
    add('--fallback', type=path_argument, help=SUPPRESS)
    add('--parent', type=int, help=SUPPRESS)
    return parser


def _int8_mode(sidecar: Sidecar) -> str:
    """Return explicit or implicit for INT8, empty for another precision."""
    if sidecar.identity.precision != 'int8':
        return ''
    return 'explicit' if sidecar.identity.calibration_sha256 is None else 'implicit'


def _print_measured(path: Path, measured: List[MeasuredCandidate]) -> None:
    """Print the milliseconds of every candidate, or why it is out."""
    for item in measured:
        agreement = '' if item.agreement is None else f', agreement {item.agreement:.4f}'
        text = item.failure or f'{item.ms:.3f} ms{agreement}'
        kept = ', kept' if item.engine == str(path) else ''
        print(f'{item.title}: {text}{kept}', file=sys.stderr)


def _print_layers(sidecar: Sidecar) -> None:
    """Print the real precisions of the layers."""
    counts = Counter(sidecar.precisions.values()).most_common()
    if counts:
        print('layers:', listing(f'{count} {name}' for name, count in counts), file=sys.stderr)
    if sidecar.identity.dla is not None:
        print('on the GPU:', listing(sidecar.dla_fallback) or 'nothing', file=sys.stderr)


def _print_text(progress: Progress) -> None:
    print(progress_text(asdict(progress), progress.elapsed_s), file=sys.stderr, flush=True)


def _print_json(progress: Progress) -> None:
    print(to_json(asdict(progress)), flush=True)
