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

"""A client of the segmentation node: publishes images and receives label images."""

from contextlib import contextmanager
from dataclasses import dataclass
from queue import Empty, SimpleQueue
import re
from threading import Event, Thread
from time import monotonic, time_ns
from typing import Dict, Iterator, Optional, Sequence

from diagnostic_msgs.msg import DiagnosticArray
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import Image

_STAGE_KEY = re.compile(r'(\w+) p50 \(ms\)')


@dataclass(frozen=True)
class ReceivedLabels:
    """A label image, the stamp of its frame and the time of reception, in ns of the clock."""

    stamp_ns: int
    received_ns: int
    message: Image

    @property
    def latency_ms(self) -> float:
        """Return the milliseconds from the stamp to the reception."""
        return (self.received_ns - self.stamp_ns) / 1e6


class TopicClient:
    """Publishes images as cameras do and queues the label images."""

    def __init__(self, node: Node, namespace: str, cameras: Sequence[str] = ()) -> None:
        """
        Open the topics of a node called `segmentation` in a namespace.

        `cameras` is the node's parameter; without names the node has one camera.
        """
        self._node = node
        self._received: SimpleQueue[ReceivedLabels] = SimpleQueue()
        prefixes = [f'{name}/' for name in cameras] or ['']
        labels = [f'{namespace}/segmentation/{prefix}label_image' for prefix in prefixes]
        self._label_topics = labels
        best_effort = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
        reliable = QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE)
        self._cameras = [
            node.create_publisher(Image, f'{namespace}/{prefix}image', best_effort)
            for prefix in prefixes
        ]
        for topic in labels:
            node.create_subscription(Image, topic, self._on_labels, reliable)
        self._segmentation_node = f'{namespace}/segmentation'
        self._diagnostics: Dict[str, str] = {}
        self._engine: Dict[str, str] = {}
        node.create_subscription(DiagnosticArray, '/diagnostics', self._on_diagnostics, reliable)

    def is_connected(self) -> bool:
        """Return whether the node is connected to all topics."""
        sends = all(camera.get_subscription_count() for camera in self._cameras)
        return sends and all(map(self._node.count_publishers, self._label_topics))

    def send(self, message: Image) -> int:
        """Publish an image as each camera with the current time as its stamp, returned in ns."""
        stamp_ns = time_ns()
        message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp_ns, 10**9)
        for camera in self._cameras:
            camera.publish(message)
        return stamp_ns

    def receive(self, timeout: float) -> Optional[ReceivedLabels]:
        """Return the next label image, None after `timeout` seconds."""
        try:
            return self._received.get(timeout=max(timeout, 0.0))
        except Empty:
            return None

    def receive_labels_of(self, stamp_ns: int, timeout: float) -> Optional[ReceivedLabels]:
        """Return the label image of one frame and discard others, None after `timeout` seconds."""
        end = monotonic() + timeout
        received = self.receive(timeout)
        while received is not None and received.stamp_ns != stamp_ns:
            received = self.receive(end - monotonic())
        return received

    def stages_ms(self) -> Dict[str, float]:
        """Return the medians of the node's stages from its latest diagnostics."""
        items = [(_STAGE_KEY.fullmatch(key), value) for key, value in self._diagnostics.items()]
        return {match[1]: float(value) for match, value in items if match and value}

    def engine(self) -> Dict[str, str]:
        """Return the node's latest diagnostics of its engine by key, empty if there are none."""
        return self._engine

    def _on_labels(self, message: Image) -> None:
        received_ns = time_ns()
        stamp = message.header.stamp
        stamp_ns = stamp.sec * 10**9 + stamp.nanosec
        self._received.put(ReceivedLabels(stamp_ns, received_ns, message))

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if status.hardware_id != self._segmentation_node:
                continue
            values = {item.key: item.value for item in status.values}
            if ': camera' in status.name:
                self._diagnostics = values
            elif status.name.endswith(': engine'):
                self._engine = values


@contextmanager
def open_topic_client(namespace: str, cameras: Sequence[str] = ()) -> Iterator[TopicClient]:
    """Start ROS in this process and yield a client that receives in a thread."""
    rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
    node = rclpy.create_node('benchmark', namespace=namespace)
    stop = Event()
    receiver = Thread(target=_spin, args=(node, stop))
    try:
        client = TopicClient(node, namespace, cameras)
        receiver.start()
        yield client
    finally:
        stop.set()
        receiver.join()
        node.destroy_node()
        rclpy.shutdown()


def _spin(node: Node, stop: Event) -> None:
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    while not stop.is_set():
        executor.spin_once(timeout_sec=0.1)
