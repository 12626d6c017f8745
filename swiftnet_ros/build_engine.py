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

"""
Build the TensorRT engine of a model, or find it in the cache.

    python -m swiftnet_ros.build_engine MODEL [--precision fp16] [-o ENGINE]

The last line of stdout is the engine's path; progress goes to stderr.
"""

from argparse import ArgumentParser, Namespace
from collections import Counter
from dataclasses import asdict
import json
from pathlib import Path
import signal
import sys
from typing import List, Optional

from swiftnet_ros.backends.tensorrt.engine_cache import (
    build_in_memory,
    cached_engine,
    find_or_build,
)
from swiftnet_ros.backends.tensorrt.engine_file import read_sidecar, Sidecar, sidecar_path
from swiftnet_ros.backends.tensorrt.request import BuildRequest, CALIBRATORS, PRECISIONS, Progress
from swiftnet_ros.errors import InvalidValueError, listing
from swiftnet_ros.system.process import exit_code

__all__ = ['BuildRequest', 'Progress', 'build_in_memory', 'cached_engine', 'find_or_build']


def main(argv: Optional[List[str]] = None) -> int:
    """Build or find one engine; give the exit code."""
    options = _parser().parse_args(argv)
    # TensorRT does not come back to Python for minutes: let Ctrl-C end the process itself.
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        return exit_code(lambda: _run(options))
    finally:
        signal.signal(signal.SIGINT, before)


def _run(options: Namespace) -> int:
    if options.no_cache and options.output is None:
        raise InvalidValueError('--no-cache', True, 'an --output ENGINE with it')
    request = BuildRequest(
        model=Path(options.model),
        **{name: getattr(options, name) for name in _FIELDS},
    )
    cached = None if options.no_cache else cached_engine(request)
    report = _print_json if options.progress_json else _print_text
    path = cached or find_or_build(request, report, again=options.no_cache)
    sidecar = read_sidecar(path)
    if cached is None:
        _print_facts(sidecar)
    if not options.json:
        print(path)
        return 0
    result = {
        'engine': str(path),
        'sidecar': str(sidecar_path(path)),
        'cached': cached is not None,
        'build_seconds': sidecar.build_seconds,
    }
    print(json.dumps(result), flush=True)
    return 0


_FIELDS = (
    'precision',
    'calibration',
    'calibrator',
    'dla',
    'workspace_mb',
    'obey_precision',
    'module',
    'compute_capability',
    'output',
    'cache',
    'timing_cache',
)


def _parser() -> ArgumentParser:
    parser = ArgumentParser('build_engine', description=__doc__.strip().partition('\n')[0])
    add = parser.add_argument
    add('model', metavar='MODEL', help='.onnx file, or shipped model')
    add('--precision', default='best', help=', '.join(PRECISIONS))
    table = 'for INT8 of an fp32 file: X.calibration or X.ranges.json of training quantize, or'
    add('--calibration', type=Path, metavar='PATH', help=f'{table} a folder of images')
    add('--calibrator', default=CALIBRATORS[0], help=f'for images: {", ".join(CALIBRATORS)}')
    add('--dla', type=int, metavar='N', help='build for this DLA core; the GPU does the rest')
    add('--workspace-mb', type=int, default=0, metavar='N', help='0 is the default of TensorRT')
    add('--obey-precision', action='store_true', help='fail where a layer has it not')
    add('-o', '--output', type=Path, metavar='ENGINE', help='file in place of one in the cache')
    add('--cache', type=Path, metavar='DIR', help='folder in place of $SWIFTNET_ROS_CACHE')
    add('--no-cache', action='store_true', help='build even if the engine is there; wants -o')
    add('--timing-cache', type=Path, metavar='FILE', help='file in place of one in the cache')
    add('--module', default='tensorrt', help='tensorrt or tensorrt_rtx')
    capability = 'build for such a GPU, as 8.6, where there is none (tensorrt_rtx)'
    add('--compute-capability', metavar='M.N', help=capability)
    add('--json', action='store_true', help='one JSON object as the last line')
    add('--progress-json', action='store_true', help='progress as lines of JSON on stdout')
    return parser


def _print_facts(sidecar: Sidecar) -> None:
    """Say what the layers really are."""
    counts = Counter(sidecar.precisions.values()).most_common()
    if counts:
        print('layers:', listing(f'{count} {name}' for name, count in counts), file=sys.stderr)
    if sidecar.identity.dla is not None:
        print('on the GPU:', listing(sidecar.dla_fallback) or 'nothing', file=sys.stderr)


def _print_text(progress: Progress) -> None:
    words = [f'{progress.elapsed_s:6.0f} s  {progress.phase}']
    if progress.fraction is not None:
        words.append(f'{progress.fraction:.0%}')
    if progress.last_build_s is not None:
        words.append(f'(the last build took {progress.last_build_s:.0f} s)')
    print(' '.join(words), file=sys.stderr, flush=True)


def _print_json(progress: Progress) -> None:
    print(json.dumps(asdict(progress)), flush=True)


if __name__ == '__main__':
    sys.exit(main())
