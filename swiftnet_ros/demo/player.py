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

"""Frames sent to a running node at a steady rate, and the metrics of its results."""

from itertools import cycle
from time import monotonic
from typing import Any, Callable, Dict, List, Optional, Sequence, Set

from std_msgs.msg import Header
from swiftnet_ros.benchmark.measurement import LabeledFrame, Measurement
from swiftnet_ros.benchmark.over_topics import NodeUnderTest
from swiftnet_ros.benchmark.topic_client import ReceivedLabels
from swiftnet_ros.core.labels import Labels
from swiftnet_ros.core.metrics import class_iou, mean_iou
from swiftnet_ros.model_spec import ModelSpec
from swiftnet_ros.ros.image_msgs import from_array, to_labels
from swiftnet_ros.system.process import StopFlag

# Of a camera, in Hz: a faster machine would play no more.
MAX_RATE = 10.0
# Of the rate that a machine can do, as some frames take longer.
_USED_FRACTION = 0.8
_MEASURED_SECONDS = 2.0

OnResult = Callable[[LabeledFrame, Labels], None]
"""Called with a frame and its prediction."""


def playable_rate(capacity: float) -> float:
    """Return the rate, in Hz, for a machine that can do `capacity` frames per second."""
    return float(f'{min(_USED_FRACTION * capacity, MAX_RATE):.2g}')


class Player:
    """Sends frames to a running node and measures its results."""

    def __init__(
        self, node: NodeUnderTest, spec: ModelSpec, frames: Sequence[LabeledFrame]
    ) -> None:
        """Use a connected node with the model of `spec`; the frames are sent in turn."""
        self.listeners: List[OnResult] = []
        self._node = node
        self._first = frames[0]
        self._frames = cycle(frames)
        self._names = spec.class_names
        self._measurement = Measurement(len(spec.classes))
        # Frames without a result yet, by stamp in ns.
        self._pending: Dict[int, LabeledFrame] = {}
        self._scored: Set[str] = set()

    def measure_capacity(self, stop: StopFlag) -> Optional[float]:
        """
        Return how many frames per second have a result that is drawn, None if stopped.

        Each frame waits for the one before.
        """
        self._wait_for_first_result(stop)
        start = monotonic()
        seconds, results = 0.0, 0
        while not results or seconds < _MEASURED_SECONDS:
            if stop.is_set():
                return None
            frame = next(self._frames)
            received = self._request(frame)
            if received is not None:
                self._use(frame, received)
                results += 1
            seconds = monotonic() - start
        return results / seconds

    def play(self, rate: float, seconds: float, stop: StopFlag) -> None:
        """Send the frames at `rate` Hz for `seconds` or until `stop` is set."""
        self._wait_for_first_result(stop)
        start = due = monotonic()
        for frame in self._frames:
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
        """
        Return the metrics so far, None if there is no result yet.

        IoU is from 0 to 1; all numbers have four digits.
        """
        measured, matrix = self._measurement, self._measurement.matrix
        iou = {} if matrix is None else dict(zip(self._names, class_iou(matrix)))
        return {
            'frames': len(measured.latencies_ms),
            'fps': _rounded(measured.fps),
            'p50_ms': _rounded(measured.percentile_ms(50)),
            'p95_ms': _rounded(measured.percentile_ms(95)),
            'miou': None if matrix is None else _rounded(mean_iou(matrix)),
            'dropped': self._dropped,
            'images': len(self._scored),
            'iou': {name: _rounded(value) for name, value in iou.items()} or None,
        }

    def status(self) -> str:
        """Return a line of text about the last result."""
        latencies = self._measurement.latencies_ms
        if not latencies:
            return 'Measuring how many frames per second this machine can segment.'
        return (
            f'Frame {len(latencies)}: {latencies[-1]:.0f} ms from its stamp to its label image. '
            f'Dropped so far: {self._dropped}.'
        )

    @property
    def _dropped(self) -> int:
        measured = self._measurement
        return measured.sent - len(measured.latencies_ms) - len(self._pending)

    def _wait_for_first_result(self, stop: StopFlag) -> None:
        """Send a frame until it has a result, so that no metric includes the start of the node."""
        while not stop.is_set() and self._request(self._first) is None:
            pass

    def _request(self, frame: LabeledFrame) -> Optional[ReceivedLabels]:
        """Send a frame and return its result, None if it was dropped."""
        self._node.process.check()
        stamp = self._node.client.send(_to_message(frame))
        return self._node.client.receive_labels_of(stamp, self._node.timeout)

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
        self._measurement.latencies_ms.append(received.latency_ms)
        self._use(frame, received)

    def _use(self, frame: LabeledFrame, received: ReceivedLabels) -> None:
        """Compare a result with the true labels, and pass it to the listeners."""
        predicted = to_labels(received.message)
        # Once per image, so that the mIoU does not depend on which frames are dropped.
        if frame.name not in self._scored:
            self._scored.add(frame.name)
            self._measurement.add_prediction(frame, predicted)
        for on_result in self.listeners:
            on_result(frame, predicted)


def _to_message(frame: LabeledFrame) -> Any:
    return from_array(frame.frame.pixels, 'bgr8', Header(frame_id='demo'))


def _rounded(value: Optional[float]) -> Optional[float]:
    return None if value is None else float(f'{value:.4g}')
