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

"""Run a node from the command line: signals end it in order, errors are one line."""

from contextlib import contextmanager
import gc
import signal
import sys
from threading import Event
from types import FrameType
from typing import Callable, ContextManager, Iterator, List, Optional

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from swiftnet_ros.errors import RosArgumentsError, SwiftnetError
from swiftnet_ros.fastdds_profile import set_profile

# The longest time, in seconds, after which a signal is noticed.
_PATIENCE = 0.2

# Sets a node up when entered and down when left; the event asks the node to end.
Wiring = Callable[[Node, Event], ContextManager[None]]


def run_node(name: str, wire: Wiring, args: Optional[List[str]] = None) -> int:
    """Spin a node until Ctrl-C, SIGTERM or its own wish ends it; give the exit code."""
    warning = set_profile()
    try:
        with stop_on_signals() as stop, _node(name, args) as node, wire(node, stop):
            if warning:
                node.get_logger().warning(warning)
            executor = SingleThreadedExecutor()
            executor.add_node(node)
            while not stop.is_set():
                executor.spin_once(timeout_sec=_PATIENCE)
            executor.remove_node(node)
    except SwiftnetError as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    # The process ends here: looking through every object once more would only take time.
    gc.freeze()
    return 0


@contextmanager
def stop_on_signals() -> Iterator[Event]:
    """Let signals set an event, so that no thread loses the ROS context in the middle of work."""
    stop = Event()

    def ask(number: int, frame: Optional[FrameType]) -> None:
        stop.set()

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _node(name: str, args: Optional[List[str]]) -> Iterator[Node]:
    try:
        rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
    except RuntimeError as error:
        raise RosArgumentsError(error) from error
    try:
        node = rclpy.create_node(name, automatically_declare_parameters_from_overrides=True)
        try:
            yield node
        finally:
            node.destroy_node()
    finally:
        rclpy.shutdown()
