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

"""One camera: receives its frames, publishes their results, counts every dropped frame."""

from dataclasses import dataclass
from math import inf
from threading import Lock
from time import monotonic, perf_counter
from typing import Any, Callable, Dict, FrozenSet, Optional, Set

from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.subscription import Subscription
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header
from swiftnet_ros.core.frames import parse_output_size
from swiftnet_ros.errors import SwiftnetError, UnknownNameError
from swiftnet_ros.model_spec import ModelSpec
from swiftnet_ros.ros import camera_advice, info_msgs
from swiftnet_ros.ros.camera_log import CameraLog
from swiftnet_ros.ros.camera_outputs import (
    CAMERA_INFO,
    FrameResult,
    LABEL_IMAGE,
    OUTPUTS,
    segment_message,
)
from swiftnet_ros.ros.guards import PUBLISH_ERRORS, try_to_publish
from swiftnet_ros.ros.image_msgs import LabelBuffer
from swiftnet_ros.ros.intake import Intake, TakenFrame
from swiftnet_ros.ros.node_parameters import NodeParameters, NodeSettings
from swiftnet_ros.ros.topics import camera_qos, latched_qos, output_qos, Topics
from swiftnet_ros.segmenter import Segmenter
from swiftnet_ros.serving import health
from swiftnet_ros.serving.camera_stats import (
    BAD,
    CameraStats,
    FAILED,
    INACTIVE,
    NEWER,
    NO_SUBSCRIBER,
    OLD,
    RATE_LIMIT,
)
from swiftnet_ros.serving.health import CameraSnapshot, FRAME_TIMEOUT
from swiftnet_ros.system.library_errors import lacks_memory, library_reason

_WARNING_PERIOD = 5.0
_TRANSPORTS = {'raw': Image, 'compressed': CompressedImage}


@dataclass(frozen=True)
class Received:
    """
    A camera's message, its reception in seconds of `perf_counter`, and the outputs to make.

    `taking` is how long it took to receive it, in seconds.
    """

    message: Any
    time: float
    outputs: FrozenSet[str]
    taking: float = 0.0


class Camera:
    """
    The subscription and the publishers of one camera.

    Use it on the executor's thread; only `process` runs on the worker's.
    """

    def __init__(
        self,
        node: Node,
        name: str,
        settings: NodeSettings,
        intake: Intake,
        enqueue: Callable[[str, Received], bool],
    ) -> None:
        """
        Open the publishers; frames arrive only after `start`.

        `name` is empty for the single camera. `intake` takes its frames from the middleware.
        `enqueue` takes this name and a frame for the worker, and returns whether it replaced an
        older frame.
        """
        at_start = settings.current
        if at_start.image_transport not in _TRANSPORTS:
            raise UnknownNameError('image_transport', at_start.image_transport, _TRANSPORTS)
        parse_output_size(at_start.output_size)
        self.name = name
        self.stats = CameraStats()
        self._node = node
        self._settings = settings
        self._intake = intake
        self._enqueue = enqueue
        self._next_due = 0.0
        self._topics = Topics(node)
        self._message_type = _TRANSPORTS[at_start.image_transport]
        image = node.resolve_topic_name(f'{name}/image' if name else 'image')
        suffix = '/compressed' if at_start.image_transport == 'compressed' else ''
        # An absolute name is remapped too: an explicit rule for it still counts.
        self.topic = node.resolve_topic_name(image + suffix) if suffix else image
        is_named = suffix and self.topic.endswith(suffix)
        self._image_topic = self.topic[: -len(suffix)] if is_named else self.topic
        self._subscription: Optional[Subscription] = None
        self._info_topic = self._resolved_info_topic()
        self._info_subscription: Optional[Subscription] = None
        self._camera_info: Optional[CameraInfo] = None
        self._info_wanted_since = 0.0
        self._info_fault = ''
        # Since when frames come while no output has a subscriber, None if one has.
        self._unheard_since: Optional[float] = None
        self._log = CameraLog(node.get_logger(), _WARNING_PERIOD)
        # Held while a frame is published, so that none is published after `stop`.
        self._publishing = Lock()
        # Frames are segmented and published one after another, on the worker's thread.
        self._buffer = LabelBuffer()
        self._prefix = f'~/{name}/' if name else '~/'
        self._label_info: Optional[Publisher] = None
        try:
            self._publishers: Dict[str, Publisher] = {
                output: self._topics.publisher(kind, self._prefix + output, output_qos())
                for output, kind in OUTPUTS.items()
            }
        except SwiftnetError:
            self._topics.close()
            raise

    @property
    def output_topics(self) -> Set[str]:
        """Return the topics of all outputs."""
        return {publisher.topic_name for publisher in self._publishers.values()}

    def announce(self, spec: ModelSpec) -> None:
        """
        Publish the class names, latched, before the first label image.

        Only where vision_msgs is installed.
        """
        if not info_msgs.AVAILABLE:
            return
        header = Header(stamp=self._node.get_clock().now().to_msg())
        message = info_msgs.label_info(spec, header)
        if self._label_info is None:
            topic = f'{self._prefix}label_info'
            self._label_info = self._topics.publisher(type(message), topic, latched_qos())
        publisher = self._label_info
        try_to_publish(self._node, publisher.topic_name, lambda: publisher.publish(message))

    def start(self) -> None:
        """Subscribe to the camera."""
        self._subscription = self._topics.subscription(
            self._message_type, self.topic, _left_to_intake, camera_qos(), self._intake.group
        )
        self._intake.add(self.name, self._subscription, self._receive)
        self.stats.last_reception = monotonic()

    def stop(self) -> None:
        """Unsubscribe; a frame being processed is not published any more."""
        if self._subscription is not None:
            self._intake.remove(self.name)
            self._topics.close_subscription(self._subscription)
            self._subscribe_to_camera_info(False)
            with self._publishing:
                self._subscription = None
        self.stats.last_reception = self._unheard_since = None

    def close(self) -> None:
        """Close all topics; no frame may be in process."""
        self.stop()
        self._topics.close()

    def subscribed_outputs(self) -> FrozenSet[str]:
        """Return the names of the outputs that have subscribers now."""
        return frozenset(
            name
            for name, publisher in self._publishers.items()
            if publisher.get_subscription_count()
        )

    def snapshot(self) -> CameraSnapshot:
        """Return the camera's state for the diagnostics."""
        subscribers = sum(item.get_subscription_count() for item in self._publishers.values())
        return self.stats.snapshot(
            self.topic,
            self._topics.mismatch(),
            subscribers,
            silence=self._silence(),
            no_calibration=self._no_calibration(),
        )

    def warn_if_silent(self) -> None:
        """Log a warning, every few seconds, while frames or what an output needs are missing."""
        silence, no_calibration = self._silence(), self._no_calibration()
        if silence:
            waiting = self.stats.waiting() or 0.0
            self._log.warn('silence', f'no frame on {self.topic} for {waiting:.0f} s; {silence}')
        if no_calibration:
            self._log.warn('camera_info', no_calibration)
        stalled = self.stats.stalled()
        if stalled is not None and stalled >= FRAME_TIMEOUT:
            self._log.warn('stalled', f'{self.topic}: {health.stalled(stalled)}')
        unheard = self._unheard_since
        if unheard is not None and monotonic() - unheard >= FRAME_TIMEOUT:
            how = f'subscribe to {self._prefix}{LABEL_IMAGE}, or set always_infer'
            text = (
                f'{self.topic}: no output has a subscriber, so that no frame is segmented; {how}'
            )
            self._log.warn(NO_SUBSCRIBER, text, period=inf)

    def process(self, received: Received, segmenter: Segmenter) -> bool:
        """
        Segment a frame and publish the outputs with subscribers, or count why it is dropped.

        Return whether it was segmented.
        """
        settings = self._settings.current
        reason = self._reason_to_drop(received, settings)
        if reason:
            self._drop(reason, self._explanation(reason, received, settings))
            return False
        waited = perf_counter() - received.time
        try:
            result = segment_message(
                received.message,
                received.outputs,
                settings,
                segmenter,
                self._camera_info,
                self._buffer,
            )
        except (SwiftnetError, *PUBLISH_ERRORS) as error:
            self._drop(FAILED if lacks_memory(error) else BAD, library_reason(error))
            return False
        for stage, seconds in result.seconds.items():
            self.stats.stages.add(stage, seconds + (waited if stage == 'receive' else 0.0))
        with self._publishing:
            if self._subscription is None:
                self._drop(INACTIVE)
            else:
                self._publish(result, received.message.header)
        return True

    def _receive(self, taken: TakenFrame) -> None:
        """Queue a frame for the worker and return at once, so that the next one is not missed."""
        outputs = self.subscribed_outputs()
        self.stats.count_received(taken.replaced)
        if outputs or self._settings.current.always_infer:
            self._unheard_since = None
        elif self._unheard_since is None:
            self._unheard_since = monotonic()
        received = Received(taken.message, perf_counter(), outputs, taken.seconds)
        if self._enqueue(self.name, received):
            self.stats.count_dropped(NEWER)
        try:
            self._subscribe_to_camera_info(CAMERA_INFO in outputs)
        except SwiftnetError as error:
            self._log.warn('camera_info', f'{self.topic}: {library_reason(error)}')

    def _subscribe_to_camera_info(self, is_wanted: bool) -> None:
        """Subscribe to the calibration next to the image topic, or unsubscribe from it."""
        if is_wanted and self._info_subscription is None:
            self._info_subscription = self._topics.subscription(
                CameraInfo, self._info_topic, self._receive_camera_info, camera_qos()
            )
            self._info_wanted_since = monotonic()
        elif self._info_subscription is not None and not is_wanted:
            self._topics.close_subscription(self._info_subscription)
            self._info_subscription = self._camera_info = None
            self._info_fault = ''

    def _receive_camera_info(self, message: Any) -> None:
        self._camera_info = message

    def _reason_to_drop(self, received: Received, settings: NodeParameters) -> str:
        if self._subscription is None:
            return INACTIVE
        if not received.outputs and not settings.always_infer:
            return NO_SUBSCRIBER
        if settings.max_age and self._age(received.message.header) > settings.max_age:
            return OLD
        return '' if self._is_due(settings.max_rate) else RATE_LIMIT

    def _is_due(self, max_rate: float) -> bool:
        """Return whether a frame keeps the mean rate below `max_rate` Hz; 0 means no limit."""
        if not max_rate:
            return True
        now, period = monotonic(), 1.0 / max_rate
        # Not if it is later than that: the rate was lower when it was set.
        if 0 < self._next_due - now <= period:
            return False
        is_on_time = 0 <= now - self._next_due < period
        self._next_due = self._next_due + period if is_on_time else now + period
        return True

    def _publish(self, result: FrameResult, header: Any) -> None:
        start = perf_counter()
        try:
            for output, message in result.messages:
                self._publishers[output].publish(message)
        except (SwiftnetError, *PUBLISH_ERRORS) as error:
            self._drop(FAILED, f'not every output could be published: {library_reason(error)}')
            return
        self._info_fault = result.warning
        if result.warning:
            self._log.warn('camera_info', f'{self.topic}: {result.warning}')
        if result.remark:
            self._log.warn('remark', f'{self.topic}: {result.remark}', period=inf)
        self.stats.stages.add('publish', perf_counter() - start)
        self.stats.count_published(self._age(header))

    def _age(self, header: Any) -> float:
        """Return the seconds since a frame's stamp, by the node's clock."""
        return float(self._node.get_clock().now().nanoseconds - _stamp_ns(header)) / 1e9

    def _drop(self, reason: str, why: str = '') -> None:
        """Count a dropped frame, and log why, if it is to be known."""
        self.stats.count_dropped(reason, why)
        if why:
            count = self.stats.drops[reason]
            self._log.warn(reason, f'{self.topic}: {why} ({count} {reason} frames dropped so far)')

    def _explanation(self, reason: str, received: Received, settings: NodeParameters) -> str:
        """Return what to do about a frame that is dropped for a reason; empty if nothing."""
        if reason != OLD:
            return ''
        header = received.message.header
        return camera_advice.too_old(_stamp_ns(header), self._age(header), settings.max_age)

    def _silence(self) -> str:
        """Return which publishers send no frames and what to do, empty if frames arrive."""
        waiting = self.stats.waiting()
        if waiting is None or waiting < FRAME_TIMEOUT:
            return ''
        kind = f'sensor_msgs/msg/{self._message_type.__name__}'
        return camera_advice.silence(self._node, self.topic, self._image_topic, kind)

    def _no_calibration(self) -> str:
        """Return why an output that needs the calibration is not published, empty if it is."""
        is_missing = self._info_subscription is not None and self._camera_info is None
        if is_missing and monotonic() - self._info_wanted_since >= FRAME_TIMEOUT:
            output = self._publishers[CAMERA_INFO].topic_name
            return camera_advice.no_calibration(self._node, output, self._info_topic)
        return self._info_fault

    def _resolved_info_topic(self) -> str:
        """Return the topic of the calibration: where it is remapped to, else next to the image."""
        name = f'{self.name}/camera_info' if self.name else 'camera_info'
        remapped = self._node.resolve_topic_name(name)
        if remapped != self._node.resolve_topic_name(name, only_expand=True):
            return remapped
        return f'{self._image_topic.rpartition("/")[0]}/camera_info'


def _left_to_intake(message: Any) -> None:
    raise AssertionError('the executor takes no frames')


def _stamp_ns(header: Any) -> int:
    # rclpy's own Time rejects stamps before 1970.
    return int(header.stamp.sec * 10**9 + header.stamp.nanosec)
