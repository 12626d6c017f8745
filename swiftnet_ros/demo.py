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
Segment the demo frames over real topics, keep the overlays and score the labels.

    python -m swiftnet_ros.demo --seconds 20 --out demo_out

This is what scripts/demo.sh runs. Prints one JSON object as its last line.
"""

from argparse import ArgumentParser, Namespace
from itertools import cycle
import json
from pathlib import Path
import sys
from threading import Event
from time import monotonic
from typing import Any, Dict, List, Optional, Set, Union

import cv2
import numpy as np
from std_msgs.msg import Header
from swiftnet_ros.backends.registry import spec_of
from swiftnet_ros.benchmark.over_topics import node_under_test, NodeUnderTest
from swiftnet_ros.benchmark.runs import Run, Sample, Samples
from swiftnet_ros.benchmark.topic_client import Answer
from swiftnet_ros.core import labels
from swiftnet_ros.core.metrics import mean_iou
from swiftnet_ros.errors import InvalidValueError
from swiftnet_ros.model_spec import ModelSpec
from swiftnet_ros.model_spec.find_model import find_model
from swiftnet_ros.ros.image_msgs import from_array, to_labels
from swiftnet_ros.ros.spin import stop_on_signals
from swiftnet_ros.system.paths import share_folder
from swiftnet_ros.system.process import exit_code

_OPACITY = 0.5


class Player:
    """Sends samples to a running node and keeps the score of its answers."""

    def __init__(self, node: NodeUnderTest, spec: ModelSpec, out: Path) -> None:
        """Use a connected node with the model of `spec`; overlays go to the folder `out`."""
        self._node = node
        self._out = out
        self._bgr_palette = labels.palette(spec.colors, spec.unlabeled_id)[:, ::-1].copy()
        self._run = Run(len(spec.classes))
        # Frames whose answer is still to come, by stamp in ns.
        self._open: Dict[int, Sample] = {}
        self._judged: Set[str] = set()

    def play(self, samples: List[Sample], rate: float, seconds: float, stop: Event) -> None:
        """Send the samples in turn at `rate` Hz for some seconds or until `stop` is set."""
        self._await_the_first_answer(samples[0], stop)
        start = due = monotonic()
        for sample in cycle(samples):
            self._judge_answers(due)
            stop.wait(max(due - monotonic(), 0.0))
            self._run.seconds = monotonic() - start
            if stop.is_set() or self._run.seconds >= seconds:
                break
            self._node.process.check()
            self._send(sample)
            due += 1.0 / rate
        if not stop.is_set():
            self._judge_answers(monotonic() + self._node.patience)

    def summary(self) -> Dict[str, Any]:
        """Give the figures so far; mIoU is a fraction of 1, those of no frames are None."""
        run, frames = self._run, len(self._run.latencies_ms)
        p50, p95 = np.percentile(run.latencies_ms, [50, 95]).tolist() if frames else (None, None)
        return {
            'frames': frames,
            'fps': frames / run.seconds if frames else None,
            'p50_ms': p50,
            'p95_ms': p95,
            'miou': None if run.matrix is None else mean_iou(run.matrix),
            'dropped': run.sent - frames - len(self._open),
        }

    def _await_the_first_answer(self, sample: Sample, stop: Event) -> None:
        """Send one frame until it is answered, so that no figure holds the node's start."""
        answered = False
        while not answered and not stop.is_set():
            self._node.process.check()
            stamp = self._node.link.send(_to_message(sample))
            answered = bool(self._node.link.receive_answer_to(stamp, self._node.patience))

    def _send(self, sample: Sample) -> None:
        stamp = self._node.link.send(_to_message(sample))
        self._open[stamp] = sample
        self._run.sent += 1

    def _judge_answers(self, until: float) -> None:
        """Judge what comes until a time of the monotonic clock, or until nothing is open."""
        while self._open:
            answer = self._node.link.receive(until - monotonic())
            if answer is None:
                return
            self._judge(answer)

    def _judge(self, answer: Answer) -> None:
        sample = self._open.pop(answer.stamp_ns, None)
        if sample is None:
            return
        # Answers come in order: older frames were dropped for newer ones.
        self._open = {stamp: s for stamp, s in self._open.items() if stamp > answer.stamp_ns}
        predicted = to_labels(answer.message)
        self._run.count(answer.latency_ms)
        # Once for each picture: which ones a busy computer drops must not weigh in the mIoU.
        if sample.name not in self._judged:
            self._judged.add(sample.name)
            self._run.compare(sample, predicted)
            self._draw(sample, predicted)

    def _draw(self, sample: Sample, predicted: labels.Labels) -> None:
        """Write a frame with the colours of its labels over it."""
        colors = labels.colorize(predicted, self._bgr_palette)
        overlay = labels.overlay(sample.frame.pixels, colors, _OPACITY)
        cv2.imwrite(str(self._out / f'{Path(sample.name).stem}.jpg'), overlay)


def _to_message(sample: Sample) -> Any:
    return from_array(sample.frame.pixels, 'bgr8', Header(frame_id='demo'))


_PATIENCE = 5.0


def main(argv: Optional[List[str]] = None) -> int:
    """Run the demo until its time is over or it is interrupted; give the exit code."""
    options = _parser().parse_args(argv)
    return exit_code(lambda: _run(options))


def _run(options: Namespace) -> int:
    _check(options)
    print(json.dumps(_demo(options)), flush=True)
    return 0


def _demo(options: Namespace) -> Dict[str, Any]:
    spec = spec_of(find_model(options.model))
    images, truths = options.images, options.labels
    if images is None:
        images, truths = share_folder('demo') / 'images', share_folder('demo') / 'labels'
    samples = list(Samples.from_folders(images, truths, spec, 1))
    options.out.mkdir(parents=True, exist_ok=True)
    parameters: Dict[str, Union[str, int]] = {'model': options.model}
    with stop_on_signals() as stop, node_under_test(parameters, _PATIENCE) as node:
        player = Player(node, spec, options.out)
        player.play(samples, options.rate, options.seconds or float('inf'), stop)
    print(f'overlays are in {options.out}', file=sys.stderr)
    return {**player.summary(), 'model': spec.name, 'rate': options.rate}


def _check(options: Namespace) -> None:
    for name in ('rate', 'seconds'):
        value = getattr(options, name)
        if value is not None and not 0 < value < float('inf'):
            raise InvalidValueError(f'--{name}', value, 'a number above 0')


def _parser() -> ArgumentParser:
    parser = ArgumentParser(prog='demo', description='Segment the demo frames over real topics.')
    parser.add_argument('--seconds', type=float, help='how long; until Ctrl-C if left out')
    parser.add_argument('--out', type=Path, default=Path('demo_out'), help='folder of overlays')
    parser.add_argument('--rate', type=float, default=10.0, help='frames per second to send')
    parser.add_argument('--model', default='warehouse', help='.onnx file, or shipped model')
    parser.add_argument('--images', type=Path, help='your own images, which fit into memory')
    parser.add_argument('--labels', type=Path, help='their labels: PNGs of class ids, same names')
    return parser


if __name__ == '__main__':
    sys.exit(main())
