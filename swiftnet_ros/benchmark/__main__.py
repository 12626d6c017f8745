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
Measure throughput, latency and mIoU of a model, over real topics or without ROS.

    python -m swiftnet_ros.benchmark --model street --images DIR --labels DIR [--rate 30]

Prints one JSON object as its last line. The node runs in another process. Without `--rate`,
each frame is sent after the result of the one before, and only then is the mIoU measured.
"""

if __name__ == '__main__':
    # Before the imports below, which take seconds: a signal in them ends the process quietly.
    from swiftnet_ros.system.program import run_command

    run_command('swiftnet_ros.benchmark.__main__')


from argparse import Namespace
from typing import Any, Dict, Iterator, List, Optional

from swiftnet_ros.backends.options import add_arguments, BackendOptions
from swiftnet_ros.backends.registry import open_model_file, OpenedModel
from swiftnet_ros.benchmark.measurement import (
    EngineTimes,
    LabeledFrames,
    measure_without_ros,
    time_engine,
)
from swiftnet_ros.benchmark.report import model_facts, report, Round, versions
from swiftnet_ros.core.image_listing import ALLOW_UNPAIRED
from swiftnet_ros.errors import (
    FileMissingError,
    InvalidValueError,
    MissingOptionError,
    OptionConflictError,
)
from swiftnet_ros.segmenter import Segmenter
from swiftnet_ros.self_check import golden_agreement
from swiftnet_ros.system.command_line import ExampleParser
from swiftnet_ros.system.files import write_atomic
from swiftnet_ros.system.image_size import parse_size
from swiftnet_ros.system.json_text import to_json
from swiftnet_ros.system.limits import check_limits_for_ros
from swiftnet_ros.system.paths import path_argument
from swiftnet_ros.system.process import exit_code

_PROFILED_RUNS = 20
_MOST_REPEATS, _MOST_CAMERAS = 10**6, 16
_ABOVE_ZERO = ('rate', 'overload', 'seconds')
_EXCLUSIVE = (('rate', 'no_ros'), ('overload', 'no_ros'), ('overload', 'rate'), ('size', 'labels'))


def main(argv: Optional[List[str]] = None) -> int:
    """Run a benchmark and return the exit code."""
    options = make_parser().parse_args(argv)
    return exit_code(lambda: _run(options))


def make_parser() -> ExampleParser:
    """Return the parser of the command line."""
    example = 'python -m swiftnet_ros.benchmark --images demo/images --labels demo/labels'
    parser = ExampleParser('benchmark', __doc__.strip().partition('\n')[0], example)
    add = parser.add_argument
    add('--model', default='indoor', help='.onnx or .engine, or shipped model')
    add('--images', type=path_argument, required=True, help='folder of images')
    add('--labels', type=path_argument, help='folder of label images, same names')
    add('--allow-unpaired', action='store_true', help=ALLOW_UNPAIRED)
    add('--size', metavar='WIDTHxHEIGHT', help='of the camera; images are stretched to it')
    add('--rate', type=float, help='frames per second to send')
    add('--overload', type=float, help='rate to send, as a multiple of that of inference')
    add(
        '--seconds',
        type=float,
        help='duration with --rate or --overload; default: every image once',
    )
    add(
        '--cold-start',
        action='store_true',
        help='time from the start of a node to its first labels',
    )
    add('--cameras', type=int, default=1, help='cameras that send each frame at the rate')
    add('--rounds', type=int, default=1, help='repetitions, of inference and the node in turn')
    add('--no-ros', action='store_true', help='measure in this process')
    add('--profile', action='store_true', help='with --no-ros: also milliseconds of each layer')
    add_arguments(parser, 'engine', 'precision', 'threads')
    add('--repeat', type=int, default=1, help='repetitions of the images')
    add('--json', type=path_argument, metavar='FILE', help='also write the JSON object to a file')
    return parser


def _run(options: Namespace) -> int:
    _check(options)
    opened = open_model_file(options.model, BackendOptions.from_arguments(options))
    with Segmenter(opened.backend) as segmenter:
        text = to_json(_measure(options, opened, segmenter))
    print(text, flush=True)
    if options.json is not None:
        write_atomic(options.json, text + '\n')
    return 0


def _check(options: Namespace) -> None:
    if not options.no_ros:
        check_limits_for_ros()
    most = {'repeat': _MOST_REPEATS, 'rounds': _MOST_REPEATS, 'cameras': _MOST_CAMERAS}
    for name, number in most.items():
        if not 1 <= getattr(options, name) <= number:
            expected = f'1 to {number}'
            raise InvalidValueError(f'--{name}', getattr(options, name), expected)
    for name in _ABOVE_ZERO:
        value = getattr(options, name)
        if value is not None and not 0 < value < float('inf'):
            raise InvalidValueError(f'--{name}', value, 'a number above 0')
    for name, other in _EXCLUSIVE:
        if getattr(options, name) and getattr(options, other):
            raise OptionConflictError(*(f'--{item}'.replace('_', '-') for item in (name, other)))
    if options.profile and not options.no_ros:
        raise MissingOptionError('--profile', '--no-ros')
    if options.seconds and not (options.rate or options.overload):
        raise MissingOptionError('--seconds', '--rate or --overload')
    if options.cameras > 1 and not (options.rate or options.overload):
        raise MissingOptionError('--cameras', '--rate or --overload')
    if options.json is not None and not options.json.parent.is_dir():
        raise FileMissingError(options.json.parent, 'folder')


def _measure(options: Namespace, opened: OpenedModel, segmenter: Segmenter) -> Dict[str, Any]:
    """Run the benchmark and return its report."""
    labels = None if options.rate or options.overload else options.labels
    size = parse_size(options.size) if options.size else None
    given = (options.images, labels, segmenter.spec, options.repeat, size, options.allow_unpaired)
    frames = LabeledFrames.from_folders(*given)
    segmenter.check_logits(next(iter(frames)).frame)
    if options.cold_start:
        from swiftnet_ros.benchmark import over_topics

        message = over_topics.to_message(next(iter(frames)))
        times = over_topics.measure_cold_starts(_parameters(options), message, options.rounds)
        return {**times, **model_facts(segmenter, opened.model.path), 'versions': versions()}
    if options.no_ros:
        baseline = time_engine(segmenter, frames)
        rounds = [Round(measure_without_ros(segmenter, frames), baseline)]
    else:
        rounds = list(_rounds_over_topics(options, segmenter, frames))
    rounds[0].measurement.warn_of_labels(segmenter.spec.class_names)
    first = next(iter(frames)).frame
    rate = _rate(options, rounds[-1].baseline)
    size_and_rate = {'camera': [first.height, first.width], 'rate_hz': rate}
    camera = {**size_and_rate, 'cameras': options.cameras}
    facts = model_facts(segmenter, opened.model.path)
    choice = {'engine_choice': opened.choice, 'versions': versions()}
    golden = opened.model.golden
    more: Dict[str, Any] = {
        'golden_agreement': None if golden is None else golden_agreement(segmenter, golden),
        'gpu_memory_mb': opened.backend.device_memory_mb,
    }
    if options.profile:
        more['layers_ms'] = opened.backend.layer_ms(_PROFILED_RUNS)
    return {**report(rounds, segmenter.spec), **facts, **choice, **camera, **more}


def _rounds_over_topics(
    options: Namespace, segmenter: Segmenter, frames: LabeledFrames
) -> Iterator[Round]:
    """Measure over topics; ROS is imported here, as `--no-ros` works without it."""
    from swiftnet_ros.benchmark import over_topics

    timeout = 1.0 + 20 * time_engine(segmenter, frames).engine_ms / 1000
    with over_topics.node_under_test(_parameters(options), timeout, options.cameras) as node:
        for _ in range(options.rounds):
            baseline = time_engine(segmenter, frames)
            rate = _rate(options, baseline)
            if rate is None:
                measurement = over_topics.measure_in_lockstep(node, frames)
            else:
                count = max(1, round(options.seconds * rate)) if options.seconds else 0
                measurement = over_topics.measure_at_rate(node, frames, rate, count)
            yield Round(measurement, baseline)


def _rate(options: Namespace, baseline: EngineTimes) -> Optional[float]:
    """Return the rate of the camera in Hz, None if each frame waits for the result before."""
    rate: Optional[float] = options.rate
    return options.overload * 1000 / baseline.engine_ms if options.overload else rate


def _parameters(options: Namespace) -> Dict[str, Any]:
    return {name: getattr(options, name) for name in ('model', 'engine', 'precision', 'threads')}
