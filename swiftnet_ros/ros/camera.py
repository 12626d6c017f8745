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

"""One camera: its subscription, what may become of a frame, and its records."""

from dataclasses import dataclass
from threading import Lock
from time import monotonic, perf_counter
from typing import Any, Callable, FrozenSet, Optional, Sequence

import cv2
from rclpy.node import Node
from rclpy.subscription import Subscription
from sensor_msgs.msg import CompressedImage, Image
from swiftnet_ros.core.frames import Frame, parse_output_size
from swiftnet_ros.core.labels import Segmentation, unlabel_below
from swiftnet_ros.errors import one_line, SwiftnetError, UnknownNameError
from swiftnet_ros.ros import compressed_image_msgs, image_msgs
from swiftnet_ros.ros.camera_outputs import Answer, CAMERA_INFO, CameraInfoRelay, CameraOutputs
from swiftnet_ros.ros.node_parameters import NodeParameters
from swiftnet_ros.ros.topics import camera_qos, Topics
from swiftnet_ros.serving.camera_stats import (
    BAD,
    CameraRecords,
    INACTIVE,
    NEWER,
    OLD,
    RATE,
    UNHEARD,
)
from swiftnet_ros.serving.health import CameraSnapshot
from swiftnet_ros.serving.model_loader import LoadedModel

_WARNING_PERIOD = 5.0
_PATIENCE = 5.0
_TRANSPORTS = {'raw': Image, 'compressed': CompressedImage}


@dataclass(frozen=True)
class Received:
    """A camera message and when it came, in seconds of `perf_counter`."""

    message: Any
    at: float


class Camera:
    """
    Receives the frames of one camera and answers them on its outputs.

    Everything but `answer` belongs to the executor's thread.
    """

    def __init__(
        self,
        node: Node,
        name: str,
        parameters: Callable[[], NodeParameters],
        deliver: Callable[[str, Received], bool],
    ) -> None:
        """
        Open the outputs; frames come only after `start`.

        `name` is empty for the single camera. `parameters` gives the values of this moment.
        `deliver` lays a frame in for the thread that answers, and says if that threw one away.
        """
        given = parameters()
        if given.image_transport not in _TRANSPORTS:
            raise UnknownNameError('image_transport', given.image_transport, _TRANSPORTS)
        self.name = name
        self.records = CameraRecords()
        self._node = node
        self._parameters = parameters
        self._deliver = deliver
        self._output_size = parse_output_size(given.output_size)
        self._due = 0.0
        self._input: Optional[Subscription] = None
        # Held while a frame is published, so that nothing is after `stop`.
        self._publishing = Lock()
        self._topics = Topics(node)
        image = node.resolve_topic_name(f'{name}/image' if name else 'image')
        suffix = '/compressed' if given.image_transport == 'compressed' else ''
        # An absolute name is remapped too: an explicit rule for it still counts.
        self.topic = node.resolve_topic_name(image + suffix) if suffix else image
        self._kind = _TRANSPORTS[given.image_transport]
        self._info = CameraInfoRelay(self._topics, image)
        try:
            self.outputs = CameraOutputs(node, self._topics, f'~/{name}/' if name else '~/')
        except SwiftnetError:
            self._topics.close()
            raise

    def start(self) -> None:
        """Listen to the camera."""
        self._input = self._topics.subscription(
            self._kind, self.topic, self._receive, camera_qos()
        )
        self.records.heard = monotonic()

    def stop(self) -> None:
        """Stop listening; a frame in work is not published any more."""
        if self._input is not None:
            self._topics.close_subscription(self._input)
            self._info.follow(False)
            with self._publishing:
                self._input = None
        self.records.heard = None

    def close(self) -> None:
        """Close all topics; no frame may be in work."""
        self.stop()
        self._topics.close()

    def snapshot(self) -> CameraSnapshot:
        """Sum up for diagnostics."""
        return self.records.snapshot(self.topic, self._topics.mismatch(), self.outputs.listeners())

    def watch(self) -> None:
        """Say every few seconds what is waited for, if nothing comes."""
        waiting = self.records.waiting()
        if waiting is None or waiting < _PATIENCE:
            return
        publishers = self._node.get_publishers_info_by_topic(self.topic)
        kinds = [publisher.topic_type for publisher in publishers]
        self._node.get_logger().warning(
            f'waiting for a frame on {self.topic} for {waiting:.0f} s; it has {len(kinds)} '
            'publishers' + _advice(kinds, f'sensor_msgs/msg/{self._kind.__name__}'),
            throttle_duration_sec=_WARNING_PERIOD,
        )

    def answer(self, received: Received, model: LoadedModel) -> None:
        """Segment a frame and publish what is listened to, or drop it and count why."""
        parameters, wanted = self._parameters(), self.outputs.wanted()
        header = received.message.header
        reason = self._reason_to_drop(header, wanted, parameters)
        if reason:
            self.records.drops[reason] += 1
            return
        try:
            answer = self._segment(received, wanted, parameters, model)
        except (SwiftnetError, cv2.error, MemoryError) as error:
            self._drop_bad(error)
            return
        with self._publishing:
            if self._input is None:
                self.records.drops[INACTIVE] += 1
            else:
                self._publish(wanted, answer)

    def _receive(self, message: Any) -> None:
        """Keep a frame for the worker; nothing else, so that the next one is not missed."""
        self.records.count_received()
        if self._deliver(self.name, Received(message, perf_counter())):
            self.records.drops[NEWER] += 1
        try:
            self._info.follow(CAMERA_INFO in self.outputs.wanted())
        except SwiftnetError as error:
            self._node.get_logger().error(str(error), throttle_duration_sec=_WARNING_PERIOD)

    def _reason_to_drop(
        self, header: Any, wanted: FrozenSet[str], parameters: NodeParameters
    ) -> str:
        if self._input is None:
            return INACTIVE
        if not wanted and not parameters.always_infer:
            return UNHEARD
        if parameters.max_age and self._age(header) > parameters.max_age:
            return OLD
        return '' if self._is_due(parameters.max_rate) else RATE

    def _is_due(self, max_rate: float) -> bool:
        """Hold the mean rate to a limit, whatever the camera's own; 0 is no limit."""
        if not max_rate:
            return True
        now, period = monotonic(), 1.0 / max_rate
        if now < self._due:
            return False
        self._due = self._due + period if now - self._due < period else now + period
        return True

    def _segment(
        self,
        received: Received,
        wanted: FrozenSet[str],
        parameters: NodeParameters,
        model: LoadedModel,
    ) -> Answer:
        frame = self._to_frame(received.message, parameters)
        self.records.stages.add('receive', perf_counter() - received.at)
        spec = model.spec
        size = self._output_size.of(
            (frame.height, frame.width), (spec.input_height, spec.input_width)
        )
        threshold = parameters.confidence_threshold
        with_confidence = bool(threshold) or 'confidence' in wanted
        found = model.segmenter.segment(frame, with_confidence=with_confidence, output_size=size)
        self._note_stages(found)
        if threshold:
            found = unlabel_below(found, threshold, spec.unlabeled_id)
        header, opacity = received.message.header, parameters.overlay_opacity
        return Answer(header, frame, found, model.bgr_palette, opacity)

    def _to_frame(self, message: Any, parameters: NodeParameters) -> Frame:
        if self._kind is CompressedImage:
            return compressed_image_msgs.to_frame(message, parameters.max_decoded_pixels)
        return image_msgs.to_frame(message)

    def _publish(self, wanted: FrozenSet[str], answer: Answer) -> None:
        start = perf_counter()
        self.outputs.publish(wanted, answer, self._info.newest)
        self.records.stages.add('publish', perf_counter() - start)
        self.records.count_published(self._age(answer.header))

    def _note_stages(self, found: Segmentation) -> None:
        for stage, seconds in found.seconds.items():
            self.records.stages.add(stage, seconds)

    def _age(self, header: Any) -> float:
        """Give the seconds since a frame's stamp, by the node's clock."""
        # rclpy's own Time refuses stamps before 1970.
        stamp = header.stamp.sec * 10**9 + header.stamp.nanosec
        return float(self._node.get_clock().now().nanoseconds - stamp) / 1e9

    def _drop_bad(self, error: Exception) -> None:
        self.records.drops[BAD] += 1
        self._node.get_logger().warning(
            f'{self.topic}: {one_line(error)} ({self.records.drops[BAD]} dropped as bad so far)',
            throttle_duration_sec=_WARNING_PERIOD,
        )


def _advice(kinds: Sequence[str], wanted: str) -> str:
    """Say what to do about publishers of these message types, of which nothing comes."""
    if not kinds:
        return ': start the camera, or remap the topic'
    if wanted in kinds:
        return ''
    found = ', '.join(sorted(set(kinds)))
    return f' of {found}, not of {wanted}: set image_transport, or remap image to the raw topic'
