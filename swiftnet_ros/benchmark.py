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
from typing import List, Optional

from swiftnet_ros.benchmark_report import report
from swiftnet_ros.benchmark_runs import engine_median_ms, Run, run_alone, Samples
from swiftnet_ros.engines.open_engine import chosen_engine, open_engine
from swiftnet_ros.errors import InvalidValueError, SwiftnetError
from swiftnet_ros.segmenter import Segmenter


def main(argv: Optional[List[str]] = None) -> int:
    """Run one benchmark; give the exit code."""
    options = _parser().parse_args(argv)
    try:
        _check(options)
        with open_engine(
            options.model, options.engine, options.precision, options.threads
        ) as engine:
            segmenter = Segmenter(engine)
            labels = None if options.rate else options.labels
            samples = Samples.from_folders(options.images, labels, engine.spec, options.repeat)
            engine_ms = engine_median_ms(segmenter, samples)
            if options.no_ros:
                run = run_alone(segmenter, samples)
            else:
                run = _run_over_topics(options, engine_ms, samples)
            choice = chosen_engine(options.engine, options.model)[1]
            print(json.dumps(report(run, engine, engine_ms, choice)), flush=True)
    except SwiftnetError as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    return 0


def _run_over_topics(options: Namespace, engine_ms: float, samples: Samples) -> Run:
    """Run over topics; ROS is imported only here, so that `--no-ros` does without."""
    from swiftnet_ros import benchmark_topics

    names = ('model', 'engine', 'precision', 'threads')
    parameters = {name: getattr(options, name) for name in names}
    patience = 1.0 + 20 * engine_ms / 1000
    with benchmark_topics.node_under_test(parameters, patience) as node:
        if options.rate:
            return benchmark_topics.run_at_rate(node, samples, options.rate)
        return benchmark_topics.run_in_lockstep(node, samples)


def _check(options: Namespace) -> None:
    if options.repeat < 1:
        raise InvalidValueError('--repeat', options.repeat, 'at least 1')
    if options.rate is not None and options.rate <= 0:
        raise InvalidValueError('--rate', options.rate, 'frames per second above 0')
    if options.rate and options.no_ros:
        raise InvalidValueError('--rate', options.rate, 'no rate together with --no-ros')


def _parser() -> ArgumentParser:
    parser = ArgumentParser(prog='benchmark', description=__doc__.strip().partition('\n')[0])
    parser.add_argument('--model', default='warehouse', help='.onnx or .engine, or shipped model')
    parser.add_argument('--images', type=Path, required=True, help='folder of images')
    parser.add_argument('--labels', type=Path, help='folder of PNGs of class ids, same names')
    parser.add_argument('--rate', type=float, help='send as a camera of this many Hz')
    parser.add_argument('--no-ros', action='store_true', help='the Segmenter alone')
    parser.add_argument('--engine', default='auto')
    parser.add_argument('--precision', default='auto')
    parser.add_argument('--threads', type=int, default=0, help='0 takes every CPU')
    parser.add_argument('--repeat', type=int, default=1, help='how often the folder is played')
    return parser


if __name__ == '__main__':
    sys.exit(main())
