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
Measure mIoU and FPS of models in each precision on this device, and write a report.

    python -m swiftnet_ros.device_report full.fp32.onnx all.fp32.onnx --images DIR --labels DIR

Engines that are not in the cache are built. It writes report.md and report.json.
"""

if __name__ == '__main__':
    # Before the imports below, which take seconds: a signal in them ends the process quietly.
    from swiftnet_ros.system.program import run_command

    run_command('swiftnet_ros.device_report.__main__')


from argparse import Namespace
import os
from pathlib import Path
import platform
import re
import subprocess
import sys
from time import monotonic
from typing import Dict, List, Optional, Sequence

from swiftnet_ros.backends.options import add_arguments
from swiftnet_ros.backends.tensorrt.identity import this_machine
from swiftnet_ros.benchmark.report import versions
from swiftnet_ros.core.image_listing import ALLOW_UNPAIRED
from swiftnet_ros.device_report.measure import (
    BenchmarkSettings,
    measure,
    plans,
    split_precisions,
    TENSORRT,
)
from swiftnet_ros.device_report.table import DeviceMeasurement, to_markdown
from swiftnet_ros.errors import (
    FileMissingError,
    FolderNotCreatedError,
    UnknownNameError,
)
from swiftnet_ros.model_spec.find_model import shipped_models
from swiftnet_ros.system.command_line import ExampleParser
from swiftnet_ros.system.files import write_atomic, write_json
from swiftnet_ros.system.paths import path_argument
from swiftnet_ros.system.process import exit_code
from swiftnet_ros.text import one_line, os_reason

PRECISIONS = ('fp32', 'fp16', 'bf16', 'int8')
_GPU_FACTS = '--query-gpu=name,driver_version,memory.total'
_QUERY_GPU = ['nvidia-smi', _GPU_FACTS, '--format=csv,noheader']
_BOARD = Path('/proc/device-tree/model')
_RELEASE = Path('/etc/nv_tegra_release')


def main(argv: Optional[List[str]] = None) -> int:
    """Write the report of this device and return the exit code: 1 if all measurements failed."""
    options = make_parser().parse_args(argv)
    return exit_code(lambda: _run(options))


def _run(options: Namespace) -> int:
    _check(options)
    settings = BenchmarkSettings(
        options.images,
        options.labels,
        options.engine,
        options.repeat,
        options.engine_cache,
        options.allow_unpaired,
        options.profile,
    )
    todo = plans(options.models or shipped_models(), options.precisions, options.engine)
    measured: List[DeviceMeasurement] = []
    start = monotonic()
    facts = {**device_facts(), **({'note': options.note} if options.note else {})}
    _write(options, measured, facts)
    for number, plan in enumerate(todo, 1):
        mode = f' {plan.int8_mode}' if plan.int8_mode else ''
        if options.seconds is not None and monotonic() - start > options.seconds:
            print(f'{len(todo) - number + 1} not measured: --seconds are over', file=sys.stderr)
            break
        title = f'{plan.model} {plan.precision}{mode}'
        print(f'[{number}/{len(todo)}] {title} of {plan.file}', file=sys.stderr, flush=True)
        measured.append(measure(plan, settings))
        if measured[-1].failure is not None:
            print(f'    not measured: {measured[-1].failure}', file=sys.stderr, flush=True)
        # After each one, so that a device that fails keeps the results so far.
        _write(options, measured, facts)
    print((options.out / 'report.md').read_text(encoding='utf-8'))
    return 0 if any(item.report for item in measured) else 1


def device_facts() -> Dict[str, str]:
    """Return facts of this device that are known, by name."""
    known = {name: value for name, value in versions().items() if value}
    facts = {
        'board': _text(_BOARD),
        'GPU': _output_of(_QUERY_GPU),
        'Jetson Linux': _text(_RELEASE).partition('\n')[0].lstrip('# '),
        'power mode': _output_of(['nvpmodel', '-q']),
        'system': f'{platform.system()} {platform.release()} {platform.machine()}',
        'CPUs': str(len(os.sched_getaffinity(0))),
        'versions': ', '.join(f'{name} {value}' for name, value in known.items()),
    }
    return {name: value for name, value in facts.items() if value}


def _check(options: Namespace) -> None:
    for name in options.precisions:
        if name not in PRECISIONS:
            raise UnknownNameError('precision', name, PRECISIONS)
    for folder, what in (
        (options.images, 'folder of images'),
        (options.labels, 'folder of labels'),
    ):
        if folder is not None and not folder.is_dir():
            raise FileMissingError(folder, what)
    for folder in filter(None, (options.out, options.results)):
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise FolderNotCreatedError(folder, os_reason(error)) from error


def _write(
    options: Namespace, measured: Sequence[DeviceMeasurement], facts: Dict[str, str]
) -> None:
    tree = {'device': facts, 'runs': [item.to_tree() for item in measured]}
    write_json(options.out / 'report.json', tree, indent=1)
    write_atomic(options.out / 'report.md', to_markdown(measured, facts))
    if options.results is not None and measured:
        write_json(options.results / f'{_machine_name()}.json', tree, indent=1)


def _machine_name() -> str:
    """Return a file name of the GPU and TensorRT, as nvidia_h100_tensorrt_8.5.2.2."""
    machine = this_machine()
    words = f'{machine.gpu_name} {machine.module} {machine.tensorrt_version}'
    return re.sub(r'[^a-z0-9.]+', '_', words.lower())


def _text(path: Path) -> str:
    try:
        return path.read_text(errors='replace').strip('\0\n ')
    except OSError:
        return ''


def _output_of(words: List[str]) -> str:
    """Return the output of a program on one line, empty if it is not installed."""
    try:
        done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return ''
    return one_line(done.stdout.decode(errors='replace'))


def make_parser() -> ExampleParser:
    """Return the parser of the command line."""
    example = (
        'python -m swiftnet_ros.device_report indoor --images demo/images --labels demo/labels '
        '--precisions fp16,int8'
    )
    parser = ExampleParser('device_report', __doc__.strip().partition('\n')[0], example)
    add = parser.add_argument
    models = '.onnx files, either one of a pair, or shipped models; default: all shipped models'
    add('models', nargs='*', metavar='MODEL', help=models)
    add('--images', type=path_argument, required=True, help='folder of images')
    add(
        '--labels',
        type=path_argument,
        help='folder of label images, same names; for the mIoU',
    )
    add('--allow-unpaired', action='store_true', help=ALLOW_UNPAIRED)
    add_arguments(parser, 'engine', 'engine_cache')
    parser.set_defaults(engine=TENSORRT)
    precisions = 'comma-separated, as fp16,int8'
    add('--precisions', type=split_precisions, default=('fp16', 'int8'), help=precisions)
    add('--repeat', type=int, default=1, help='repetitions of the images')
    add('--profile', action='store_true', help='also milliseconds of each layer, in report.json')
    add('--seconds', type=float, help='start no measurement after that')
    add('--results', type=path_argument, metavar='DIR', help='also write DIR/GPU_TENSORRT.json')
    add('--note', default='', help='a fact of this run, as the outcome of tests')
    add('--out', type=path_argument, default=Path('device_report'), help='folder for the report')
    return parser
