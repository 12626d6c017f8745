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

"""Latency, throughput and cold start of the node, measured over topics."""

from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle, islice
import os
import sys
from tempfile import TemporaryDirectory
from time import monotonic, sleep
from typing import Any, Dict, Iterator, List

import numpy as np
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from swiftnet_ros.backends.openvino.cache import VARIABLE
from swiftnet_ros.benchmark.measurement import (
    LabeledFrame,
    LabeledFrames,
    Measurement,
    NodeUsage,
)
from swiftnet_ros.benchmark.node_process import NodeProcess, ParameterValues
from swiftnet_ros.benchmark.topic_client import open_topic_client, ReceivedLabels, TopicClient
from swiftnet_ros.errors import NodeNotRespondingError
from swiftnet_ros.ros.discovery import check_domain, limit_to_machine
from swiftnet_ros.ros.fastdds import set_profile
from swiftnet_ros.ros.image_msgs import from_array, to_labels
from swiftnet_ros.ros.log_folder import check_log_folder
from swiftnet_ros.system.progress import progress

_START_TIMEOUT = 120.0
_ATTEMPTS = 5
_WARM_UP_FRAMES = 3
# Images that are kept in memory and sent again and again.
_CACHED_IMAGES = 32
# Of the camera in a cold start.
_PERIOD = 0.1
_NODE = 'segmentation node'


@dataclass(frozen=True)
class NodeUnderTest:
    """
    A node in another process and a client of it; a result may take `timeout` seconds.

    Each frame is sent as all `cameras`.
    """

    client: TopicClient
    process: NodeProcess
    timeout: float
    cameras: int = 1


@contextmanager
def node_under_test(
    parameters: ParameterValues, timeout: float, cameras: int = 1
) -> Iterator[NodeUnderTest]:
    """Start a node on this machine and wait until it is connected; stop it after the block."""
    set_up_ros()
    namespace = f'/benchmark_{os.getpid()}'
    names = [f'camera_{number}' for number in range(cameras)] if cameras > 1 else []
    if names:
        parameters = {**parameters, 'cameras': names}
    client_of_node = open_topic_client(namespace, names)
    with client_of_node as client, NodeProcess(namespace, parameters) as process:
        _wait_for_connection(client, process)
        yield NodeUnderTest(client, process, timeout, cameras)


def set_up_ros() -> None:
    """Limit ROS to this machine, set a Fast DDS profile for large images, check the log folder."""
    limit_to_machine()
    check_domain()
    check_log_folder([])
    warning = set_profile()
    if warning:
        print(warning, file=sys.stderr)


def measure_in_lockstep(node: NodeUnderTest, frames: LabeledFrames) -> Measurement:
    """Send each frame after the labels of the one before; send lost frames again."""
    _warm_up(node, frames)
    measurement = Measurement(len(frames.spec.classes))
    for frame in progress(frames, 'segment', len(frames)):
        received = _request(node, frame, measurement)
        measurement.latencies_ms.append(received.latency_ms)
        measurement.add_prediction(frame, to_labels(received.message))
    measurement.seconds = sum(measurement.latencies_ms) / 1000
    _record_node(node, measurement)
    return measurement


def measure_at_rate(
    node: NodeUnderTest, frames: LabeledFrames, rate: float, count: int = 0
) -> Measurement:
    """
    Send `count` frames at `rate` Hz, as a camera does, and count the results; 0 sends all once.

    The first images are kept in memory and repeated, so that reading files does not slow the node.
    """
    _warm_up(node, frames)
    messages = [to_message(frame) for frame in islice(frames, _CACHED_IMAGES)]
    measurement = Measurement(len(frames.spec.classes))
    due, first, last = monotonic(), 0, 0
    start, cpu, faults = due, node.process.cpu_seconds, node.process.page_faults
    count = count or len(frames)
    for message in progress(islice(cycle(messages), count), 'send', count):
        _receive_until(due, node.client, measurement, first)
        measurement.memory_mb.append(node.process.memory_mb)
        last = node.client.send(message)
        first = first or last
        measurement.sent += node.cameras
        due += 1.0 / rate
    _receive_until(due, node.client, measurement, first)
    measurement.usage = NodeUsage(
        monotonic() - start,
        len(measurement.latencies_ms),
        node.process.cpu_seconds - cpu,
        node.process.page_faults - faults,
    )
    _receive_until(monotonic() + node.timeout, node.client, measurement, first, last)
    _record_node(node, measurement)
    return measurement


def measure_cold_starts(
    parameters: ParameterValues, message: Image, rounds: int
) -> Dict[str, Any]:
    """
    Start the node twice per round: without and with the cached compilation of the first start.

    Returns the seconds of each start, from that of the process to the first label image for a
    camera of 10 Hz, and their medians.
    """
    set_up_ros()
    times: Dict[str, List[float]] = {'first': [], 'second': []}
    before = os.environ.get(VARIABLE)
    try:
        for number in progress(range(rounds), 'start'):
            with TemporaryDirectory() as folder:
                os.environ[VARIABLE] = folder
                for name, seconds in times.items():
                    namespace = f'/benchmark_{os.getpid()}_{name}_{number}'
                    seconds.append(_time_start(namespace, parameters, message))
    finally:
        os.environ.pop(VARIABLE, None)
        if before is not None:
            os.environ[VARIABLE] = before
    medians = {f'{name}_start_s': float(np.median(seconds)) for name, seconds in times.items()}
    return {**medians, 'starts_s': times}


def to_message(frame: LabeledFrame) -> Image:
    """Return the message that a camera would publish."""
    return from_array(frame.frame.pixels, 'bgr8', Header(frame_id='benchmark'))


def _wait_for_connection(client: TopicClient, process: NodeProcess) -> None:
    """Wait until the model is loaded and both topics are connected."""
    end = monotonic() + _START_TIMEOUT
    while not client.is_connected():
        process.check()
        if monotonic() > end:
            raise NodeNotRespondingError(_NODE, f'not ready after {_START_TIMEOUT:g} s')
        sleep(0.05)


def _warm_up(node: NodeUnderTest, frames: LabeledFrames) -> None:
    for _ in range(_WARM_UP_FRAMES):
        _request(node, next(iter(frames)), Measurement(len(frames.spec.classes)))


def _request(node: NodeUnderTest, frame: LabeledFrame, measurement: Measurement) -> ReceivedLabels:
    """Send a frame until its labels are received."""
    message = to_message(frame)
    for _ in range(_ATTEMPTS):
        measurement.sent += 1
        stamp = node.client.send(message)
        received = node.client.receive_labels_of(stamp, node.timeout)
        if received is not None:
            return received
        node.process.check()
    tried = f'sent {_ATTEMPTS} times, waited {node.timeout:.1f} s each time'
    raise NodeNotRespondingError(f'no labels for {frame.name}', tried)


def _receive_until(
    end: float, client: TopicClient, measurement: Measurement, first: int, last: int = 0
) -> None:
    """
    Count label images until a time, or until that of the frame stamped `last`.

    Those of frames before the `first` are left over from the warm-up.
    """
    while True:
        received = client.receive(end - monotonic())
        if received is None:
            return
        if received.stamp_ns >= first > 0:
            measurement.latencies_ms.append(received.latency_ms)
            measurement.seconds = (received.received_ns - first) / 1e9
        if received.stamp_ns == last:
            return


def _record_node(node: NodeUnderTest, measurement: Measurement) -> None:
    """Record the node's memory and its own stage times."""
    node.process.check()
    measurement.memory_mb.append(node.process.memory_mb)
    measurement.stages_ms = node.client.stages_ms()


def _time_start(namespace: str, parameters: ParameterValues, message: Image) -> float:
    with open_topic_client(namespace) as client:
        start = due = monotonic()
        with NodeProcess(namespace, parameters) as process:
            while monotonic() - start < _START_TIMEOUT:
                client.send(message)
                due += _PERIOD
                if client.receive(due - monotonic()) is not None:
                    return monotonic() - start
                process.check()
    raise NodeNotRespondingError(_NODE, f'no labels after {_START_TIMEOUT:g} s')
