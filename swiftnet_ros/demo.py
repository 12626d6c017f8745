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
Segment the demo images over real topics, write overlays and measure the mIoU.

    python -m swiftnet_ros.demo --seconds 20 --out demo_out

This is what scripts/demo.sh runs. Prints one JSON object as its last line.
"""

if __name__ == '__main__':
    # Before the imports below, which take seconds: a signal in them ends the process quietly.
    from swiftnet_ros.system.program import run_command

    run_command('swiftnet_ros.demo', uses_ros=True)


from argparse import ArgumentParser, Namespace
from itertools import cycle
from pathlib import Path
import sys
from time import monotonic
from typing import Any, Dict, List, Optional, Set

from std_msgs.msg import Header
from swiftnet_ros.backends.registry import read_model
from swiftnet_ros.benchmark.measurement import LabeledFrame, LabeledFrames, Measurement
from swiftnet_ros.benchmark.over_topics import node_under_test, NodeUnderTest
from swiftnet_ros.benchmark.topic_client import ReceivedLabels
from swiftnet_ros.core import labels
from swiftnet_ros.core.image_listing import ALLOW_UNPAIRED
from swiftnet_ros.core.metrics import mean_iou
from swiftnet_ros.errors import InvalidValueError
from swiftnet_ros.model_spec import ModelSpec
from swiftnet_ros.model_spec.find_model import find_model
from swiftnet_ros.ros.image_msgs import from_array, to_labels
from swiftnet_ros.system.image_encoding import write_image
from swiftnet_ros.system.json_text import to_json
from swiftnet_ros.system.paths import path_argument, share_folder
from swiftnet_ros.system.process import exit_code, stop_on_signals, StopFlag

_OPACITY = 0.5
# Seconds that the node may take for one frame.
_TIMEOUT = 5.0


def main(argv: Optional[List[str]] = None) -> int:
    """Run the demo for some seconds or until Ctrl-C; return the exit code."""
    options = _parser().parse_args(argv)
    return exit_code(lambda: _run(options))


def _parser() -> ArgumentParser:
    parser = ArgumentParser(prog='demo', description='Segment the demo images over real topics.')
    parser.add_argument('--seconds', type=float, help='duration; default: until Ctrl-C')
    parser.add_argument(
        '--out', type=path_argument, default=Path('demo_out'), help='folder of overlays'
    )
    parser.add_argument('--rate', type=float, default=10.0, help='frames per second to send')
    parser.add_argument('--model', default='warehouse', help='.onnx file, or shipped model')
    parser.add_argument('--images', type=path_argument, help='folder of your own images')
    parser.add_argument('--labels', type=path_argument, help='folder of label images, same names')
    parser.add_argument('--allow-unpaired', action='store_true', help=ALLOW_UNPAIRED)
    return parser


def _run(options: Namespace) -> int:
    for name in ('rate', 'seconds'):
        value = getattr(options, name)
        if value is not None and not 0 < value < float('inf'):
            raise InvalidValueError(f'--{name}', value, 'a number above 0')
    print(to_json(_demo(options)), flush=True)
    return 0


def _demo(options: Namespace) -> Dict[str, Any]:
    spec = read_model(find_model(options.model)).spec
    images, truths = options.images, options.labels
    if images is None:
        images, truths = share_folder('demo') / 'images', share_folder('demo') / 'labels'
    given = (images, truths, spec, 1)
    frames = list(LabeledFrames.from_folders(*given, allow_unpaired=options.allow_unpaired))
    options.out.mkdir(parents=True, exist_ok=True)
    parameters = {'model': options.model}
    with stop_on_signals() as stop, node_under_test(parameters, _TIMEOUT) as node:
        player = Player(node, spec, options.out)
        player.play(frames, options.rate, options.seconds or float('inf'), stop)
    print(f'overlays are in {options.out}', file=sys.stderr)
    return {**player.summary(), 'model': spec.name, 'rate': options.rate}


class Player:
    """Sends frames to a running node, measures its results and draws them."""

    def __init__(self, node: NodeUnderTest, spec: ModelSpec, out: Path) -> None:
        """Use a connected node with the model of `spec`; overlays are written to folder `out`."""
        self._node = node
        self._out = out
        self._bgr_palette = labels.palette(spec.colors, spec.unlabeled_id)[:, ::-1].copy()
        self._measurement = Measurement(len(spec.classes))
        # Frames without a result yet, by stamp in ns.
        self._pending: Dict[int, LabeledFrame] = {}
        self._scored: Set[str] = set()

    def play(
        self, frames: List[LabeledFrame], rate: float, seconds: float, stop: StopFlag
    ) -> None:
        """Send the frames in turn at `rate` Hz for `seconds` or until `stop` is set."""
        self._wait_for_first_result(frames[0], stop)
        start = due = monotonic()
        for frame in cycle(frames):
            self._receive_until(due)
            stop.wait(max(due - monotonic(), 0.0))
            self._measurement.seconds = monotonic() - start
            if stop.is_set() or self._measurement.seconds >= seconds:
                break
            self._node.process.check()
            self._pending[self._node.client.send(_to_message(frame))] = frame
            self._measurement.sent += 1
            due += 1.0 / rate
        if not stop.is_set():
            self._receive_until(monotonic() + self._node.timeout)

    def summary(self) -> Dict[str, Any]:
        """Return the metrics so far, None if there is no result yet; mIoU is from 0 to 1."""
        measured, frames = self._measurement, len(self._measurement.latencies_ms)
        return {
            'frames': frames,
            'fps': measured.fps,
            'p50_ms': measured.percentile_ms(50),
            'p95_ms': measured.percentile_ms(95),
            'miou': None if measured.matrix is None else mean_iou(measured.matrix),
            'dropped': measured.sent - frames - len(self._pending),
        }

    def _wait_for_first_result(self, frame: LabeledFrame, stop: StopFlag) -> None:
        """Send a frame until it has a result, so that no metric includes the start of the node."""
        received = None
        while received is None and not stop.is_set():
            self._node.process.check()
            stamp = self._node.client.send(_to_message(frame))
            received = self._node.client.receive_labels_of(stamp, self._node.timeout)

    def _receive_until(self, end: float) -> None:
        """Receive results until a time of the monotonic clock, or until none is pending."""
        while self._pending:
            received = self._node.client.receive(end - monotonic())
            if received is None:
                return
            self._add(received)

    def _add(self, received: ReceivedLabels) -> None:
        stamp_ns = received.stamp_ns
        frame = self._pending.pop(stamp_ns, None)
        if frame is None:
            return
        # Results arrive in order, so older frames have been dropped.
        self._pending = {stamp: f for stamp, f in self._pending.items() if stamp > stamp_ns}
        predicted = to_labels(received.message)
        self._measurement.latencies_ms.append(received.latency_ms)
        # Once per image, so that the mIoU does not depend on which frames are dropped.
        if frame.name not in self._scored:
            self._scored.add(frame.name)
            self._measurement.add_prediction(frame, predicted)
            self._write_overlay(frame, predicted)

    def _write_overlay(self, frame: LabeledFrame, predicted: labels.Labels) -> None:
        colors = labels.colorize(predicted, self._bgr_palette)
        overlay = labels.overlay(frame.frame.pixels, colors, _OPACITY)
        write_image(self._out / f'{Path(frame.name).stem}.jpg', overlay)


def _to_message(frame: LabeledFrame) -> Any:
    return from_array(frame.frame.pixels, 'bgr8', Header(frame_id='demo'))
