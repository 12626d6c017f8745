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

"""Benchmark runs over real topics: from a camera's stamp to the label image that answers it."""

from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle, islice
import os
import sys
from tempfile import TemporaryDirectory
from time import monotonic, sleep
from typing import Any, Dict, Iterator, List, Union

import numpy as np
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from swiftnet_ros.backends.openvino.cache import VARIABLE
from swiftnet_ros.benchmark.node_process import NodeProcess
from swiftnet_ros.benchmark.runs import Run, Sample, Samples
from swiftnet_ros.benchmark.topic_client import Answer, Link, open_link
from swiftnet_ros.errors import NodeNotRespondingError
from swiftnet_ros.ros.fastdds import set_profile
from swiftnet_ros.ros.image_msgs import from_array, to_labels

_START_SECONDS = 120.0
_ATTEMPTS = 5
_WARM_UP = 3
_KEPT = 32


Parameters = Dict[str, Union[str, int]]
"""What the node is told, by name."""


@dataclass(frozen=True)
class NodeUnderTest:
    """A node in another process and the link to it; `patience` is how long an answer may take."""

    link: Link
    process: NodeProcess
    patience: float


@contextmanager
def node_under_test(parameters: Parameters, patience: float) -> Iterator[NodeUnderTest]:
    """Start a node with parameters and connect to it, on this machine only."""
    set_up_ros()
    namespace = f'/benchmark_{os.getpid()}'
    with open_link(namespace) as link, NodeProcess(namespace, parameters) as process:
        _connect(link, process)
        yield NodeUnderTest(link, process, patience)


def set_up_ros() -> None:
    """Stay on this machine, with room for large frames."""
    os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    warning = set_profile()
    if warning:
        print(warning, file=sys.stderr)


def run_in_lockstep(node: NodeUnderTest, samples: Samples) -> Run:
    """Send a frame, await its labels, send the next; a frame that got lost is sent again."""
    _warm_up(node, samples)
    run = Run(len(samples.spec.classes))
    for sample in samples:
        answer = _ask(node, sample, run)
        run.count(answer.latency_ms)
        run.compare(sample, to_labels(answer.message))
    run.seconds = sum(run.latencies_ms) / 1000
    _ask_the_node(node, run)
    return run


def run_at_rate(node: NodeUnderTest, samples: Samples, rate: float, count: int = 0) -> Run:
    """
    Send `count` frames (0: as many as there are) as a camera of `rate` Hz, come what may.

    The first pictures lie in memory and are played round, so that reading files takes no time
    from the node.
    """
    _warm_up(node, samples)
    messages = [to_message(sample) for sample in islice(samples, _KEPT)]
    run, due, first, last = Run(len(samples.spec.classes)), monotonic(), 0, 0
    for message in islice(cycle(messages), count or len(samples)):
        _count_until(due, node.link, run, first)
        run.memory_mb.append(node.process.memory_mb)
        last = node.link.send(message)
        first = first or last
        run.sent += 1
        due += 1.0 / rate
    _count_until(monotonic() + node.patience, node.link, run, first, last)
    _ask_the_node(node, run)
    return run


def _count_until(end: float, link: Link, run: Run, first: int, last: int = 0) -> None:
    """
    Count answers until a time, or until the one to the frame stamped `last` has come.

    Answers to frames before the `first` are left over from the warm-up.
    """
    while True:
        answer = link.receive(end - monotonic())
        if answer is None:
            return
        if answer.stamp_ns >= first > 0:
            run.count(answer.latency_ms)
            run.seconds = (answer.received_ns - first) / 1e9
        if answer.stamp_ns == last:
            return


def _ask_the_node(node: NodeUnderTest, run: Run) -> None:
    """Note what the node holds, and what it says of its work itself."""
    node.process.check()
    run.memory_mb.append(node.process.memory_mb)
    run.stages_ms = node.link.stages_ms()


def _connect(link: Link, process: NodeProcess) -> None:
    """Wait until the model is loaded and both topics are connected."""
    end = monotonic() + _START_SECONDS
    while not link.is_connected():
        process.check()
        if monotonic() > end:
            raise NodeNotRespondingError(
                'the segmentation node', f'not ready in {_START_SECONDS:g} s'
            )
        sleep(0.05)


def _warm_up(node: NodeUnderTest, samples: Samples) -> None:
    for _ in range(_WARM_UP):
        _ask(node, next(iter(samples)), Run(len(samples.spec.classes)))


def _ask(node: NodeUnderTest, sample: Sample, run: Run) -> Answer:
    message = to_message(sample)
    for _ in range(_ATTEMPTS):
        run.sent += 1
        stamp = node.link.send(message)
        answer = node.link.receive_answer_to(stamp, node.patience)
        if answer is not None:
            return answer
        node.process.check()
    tried = f'sent {_ATTEMPTS} times, waited {node.patience:.1f} s each time'
    raise NodeNotRespondingError(f'no labels for {sample.name}', tried)


def to_message(sample: Sample) -> Image:
    """Make the message that a camera would send."""
    return from_array(sample.frame.pixels, 'bgr8', Header(frame_id='benchmark'))


_PERIOD = 0.1
_LONGEST = 120.0


def time_starts(parameters: Parameters, message: Image, rounds: int) -> Dict[str, Any]:
    """
    Start the node twice a round, without and with what an earlier start compiled.

    Gives the seconds of each start, from that of its process to the first label image for a
    camera of 10 Hz that is there already, and their medians.
    """
    set_up_ros()
    times: Dict[str, List[float]] = {'first': [], 'second': []}
    before = os.environ.get(VARIABLE)
    try:
        for number in range(rounds):
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


def _time_start(namespace: str, parameters: Parameters, message: Image) -> float:
    with open_link(namespace) as link:
        start = due = monotonic()
        with NodeProcess(namespace, parameters) as process:
            while monotonic() - start < _LONGEST:
                link.send(message)
                due += _PERIOD
                if link.receive(due - monotonic()) is not None:
                    return monotonic() - start
                process.check()
    raise NodeNotRespondingError('the segmentation node', f'no labels within {_LONGEST:g} s')
