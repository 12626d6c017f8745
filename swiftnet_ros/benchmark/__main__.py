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
Measure frames per second, latency and mIoU, through real topics or of the engine alone.

    python -m swiftnet_ros.benchmark --model camvid --images DIR --labels DIR [--rate 30]

Prints one JSON object as its last line. Frames go to the node in another process; without
`--rate` each is sent when the one before was answered, and only then is mIoU measured.
"""

from argparse import ArgumentParser, Namespace
import json
from pathlib import Path
import sys
from typing import Any, Dict, Iterator, List, Optional

from swiftnet_ros.backends.options import add_arguments, BackendOptions
from swiftnet_ros.backends.registry import open_backend, OpenedModel
from swiftnet_ros.benchmark.measurement import (
    EngineTimes,
    LabeledFrames,
    measure_without_ros,
    time_engine,
)
from swiftnet_ros.benchmark.report import model_facts, report, Round, versions
from swiftnet_ros.errors import (
    FileMissingError,
    InvalidValueError,
    MissingOptionError,
    OptionConflictError,
)
from swiftnet_ros.segmenter import Segmenter
from swiftnet_ros.system.image_size import parse_size
from swiftnet_ros.system.process import exit_code

_ABOVE_ZERO = ('rate', 'overload', 'seconds')
_EXCLUSIVE = (
    ('rate', 'no_ros'),
    ('overload', 'no_ros'),
    ('overload', 'rate'),
    ('size', 'labels'),
)


def main(argv: Optional[List[str]] = None) -> int:
    """Run one benchmark; give the exit code."""
    options = _parser().parse_args(argv)
    return exit_code(lambda: _run(options))


def _run(options: Namespace) -> int:
    _check(options)
    opened = open_backend(options.model, BackendOptions.from_arguments(options))
    with Segmenter(opened.backend) as segmenter:
        text = json.dumps(_measure(options, opened, segmenter))
    print(text, flush=True)
    if options.json is not None:
        options.json.write_text(text + '\n')
    return 0


def _measure(options: Namespace, opened: OpenedModel, segmenter: Segmenter) -> Dict[str, Any]:
    """Run the benchmark; return everything that is reported of it."""
    frames = _labeled_frames(options, segmenter)
    if options.cold_start:
        times = _time_starts(options, frames)
        return {**times, **model_facts(segmenter, opened.model.path), 'versions': versions()}
    if options.no_ros:
        alone = time_engine(segmenter, frames)
        rounds = [Round(measure_without_ros(segmenter, frames), alone)]
    else:
        rounds = list(_rounds_over_topics(options, segmenter, frames))
    first = next(iter(frames)).frame
    camera = {'camera': [first.height, first.width], 'rate_hz': _rate(options, rounds[-1].alone)}
    facts = model_facts(segmenter, opened.model.path)
    choice = {'engine_choice': opened.choice, 'versions': versions()}
    return {**report(rounds, segmenter.spec), **facts, **choice, **camera}


def _labeled_frames(options: Namespace, segmenter: Segmenter) -> LabeledFrames:
    labels = None if options.rate or options.overload else options.labels
    size = parse_size(options.size) if options.size else None
    return LabeledFrames.from_folders(options.images, labels, segmenter.spec, options.repeat, size)


def _rounds_over_topics(
    options: Namespace, segmenter: Segmenter, frames: LabeledFrames
) -> Iterator[Round]:
    """Run over topics; ROS is imported only here, so that `--no-ros` does without."""
    from swiftnet_ros.benchmark import over_topics

    timeout = 1.0 + 20 * time_engine(segmenter, frames).engine_ms / 1000
    with over_topics.node_under_test(_parameters(options), timeout) as node:
        for _ in range(options.rounds):
            alone = time_engine(segmenter, frames)
            rate = _rate(options, alone)
            if rate is None:
                run = over_topics.measure_in_lockstep(node, frames)
            else:
                count = max(1, round(options.seconds * rate)) if options.seconds else 0
                run = over_topics.measure_at_rate(node, frames, rate, count)
            yield Round(run, alone)


def _time_starts(options: Namespace, frames: LabeledFrames) -> Dict[str, Any]:
    from swiftnet_ros.benchmark import over_topics

    message = over_topics.to_message(next(iter(frames)))
    return over_topics.measure_cold_starts(_parameters(options), message, options.rounds)


def _rate(options: Namespace, alone: EngineTimes) -> Optional[float]:
    """Give the camera's rate in Hz, None where each frame waits for the answer before."""
    rate: Optional[float] = options.rate
    return options.overload * 1000 / alone.engine_ms if options.overload else rate


def _parameters(options: Namespace) -> Dict[str, Any]:
    return {name: getattr(options, name) for name in ('model', 'engine', 'precision', 'threads')}


def _check(options: Namespace) -> None:
    for name in ('repeat', 'rounds'):
        if getattr(options, name) < 1:
            raise InvalidValueError(f'--{name}', getattr(options, name), 'at least 1')
    for name in _ABOVE_ZERO:
        value = getattr(options, name)
        if value is not None and value <= 0:
            raise InvalidValueError(f'--{name}', value, 'a number above 0')
    for name, other in _EXCLUSIVE:
        if getattr(options, name) and getattr(options, other):
            raise OptionConflictError(*(f'--{item}'.replace('_', '-') for item in (name, other)))
    if options.seconds and not (options.rate or options.overload):
        raise MissingOptionError('--seconds', '--rate or --overload')
    if options.json is not None and not options.json.parent.is_dir():
        raise FileMissingError(options.json.parent, 'folder')


def _parser() -> ArgumentParser:
    parser = ArgumentParser(prog='benchmark', description=__doc__.strip().partition('\n')[0])
    add = parser.add_argument
    add('--model', default='warehouse', help='.onnx or .engine, or shipped model')
    add('--images', type=Path, required=True, help='folder of images')
    add('--labels', type=Path, help='folder of PNGs of class ids, same names')
    add('--size', metavar='WIDTHxHEIGHT', help="the camera's; pictures are stretched to it")
    add('--rate', type=float, help='send as a camera of this many Hz')
    add('--overload', type=float, help='send so many times as fast as the engine alone is')
    add('--seconds', type=float, help='how long, with --rate or --overload; else the folder once')
    add('--cold-start', action='store_true', help='the time to the first label of a new process')
    add('--rounds', type=int, default=1, help='how often, the engine alone and the node in turn')
    add('--no-ros', action='store_true', help='the Segmenter alone')
    add_arguments(parser, 'engine', 'precision', 'threads')
    add('--repeat', type=int, default=1, help='how often the folder is played')
    add('--json', type=Path, metavar='FILE', help='the last line also into a file')
    return parser


if __name__ == '__main__':
    sys.exit(main())
