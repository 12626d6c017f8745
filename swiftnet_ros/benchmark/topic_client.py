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

"""The two ends of a node under test: a camera's publisher and a plain subscriber."""

from contextlib import contextmanager
from dataclasses import dataclass
from queue import Empty, SimpleQueue
import re
from threading import Event, Thread
from time import monotonic, time_ns
from typing import Dict, Iterator, Optional

from diagnostic_msgs.msg import DiagnosticArray
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import Image

_STAGE = re.compile(r'(\w+) p50 \(ms\)')


@dataclass(frozen=True)
class Answer:
    """A label image, the stamp that it answers, and when it came, both in ns of the clock."""

    stamp_ns: int
    received_ns: int
    message: Image

    @property
    def latency_ms(self) -> float:
        """Milliseconds from the stamp to the reception."""
        return (self.received_ns - self.stamp_ns) / 1e6


class Link:
    """Sends frames as a camera does and keeps the label images until they are asked for."""

    def __init__(self, node: Node, namespace: str) -> None:
        """Open the topics of a node called `segmentation` in a namespace."""
        self._node = node
        self._answers: SimpleQueue[Answer] = SimpleQueue()
        self._labels_topic = f'{namespace}/segmentation/label_image'
        best_effort = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
        reliable = QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE)
        self._images = node.create_publisher(Image, f'{namespace}/image', best_effort)
        node.create_subscription(Image, self._labels_topic, self._keep, reliable)
        self._name = f'{namespace}/segmentation'
        self._told: Dict[str, str] = {}
        node.create_subscription(DiagnosticArray, '/diagnostics', self._note, reliable)

    def is_connected(self) -> bool:
        """Tell whether the node is at the other end of both topics."""
        publishers = self._node.count_publishers(self._labels_topic)
        return bool(self._images.get_subscription_count() and publishers)

    def send(self, message: Image) -> int:
        """Stamp a frame with the present and publish it; give the stamp in ns."""
        stamp_ns = time_ns()
        message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp_ns, 10**9)
        self._images.publish(message)
        return stamp_ns

    def receive(self, timeout: float) -> Optional[Answer]:
        """Give the next answer; None if none comes within `timeout` seconds."""
        try:
            return self._answers.get(timeout=max(timeout, 0.0))
        except Empty:
            return None

    def receive_answer_to(self, stamp_ns: int, timeout: float) -> Optional[Answer]:
        """Give the answer to one frame, passing over others."""
        end = monotonic() + timeout
        answer = self.receive(timeout)
        while answer is not None and answer.stamp_ns != stamp_ns:
            answer = self.receive(end - monotonic())
        return answer

    def stages_ms(self) -> Dict[str, float]:
        """Give the node's own median of each stage of its work, as it said it last."""
        found = [(_STAGE.fullmatch(key), value) for key, value in self._told.items() if value]
        return {match[1]: float(value) for match, value in found if match}

    def _note(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if status.hardware_id == self._name and ': camera' in status.name:
                self._told = {item.key: item.value for item in status.values}

    def _keep(self, message: Image) -> None:
        received_ns = time_ns()
        stamp = message.header.stamp
        self._answers.put(Answer(stamp.sec * 10**9 + stamp.nanosec, received_ns, message))


@contextmanager
def open_link(namespace: str) -> Iterator[Link]:
    """Start ROS in this process and receive in a thread until the block ends."""
    rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
    node = rclpy.create_node('benchmark', namespace=namespace)
    stop = Event()
    receiver = Thread(target=_spin, args=(node, stop))
    try:
        link = Link(node, namespace)
        receiver.start()
        yield link
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
