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
import os
import signal
import sys
from threading import Event
from types import FrameType
from typing import Callable, ContextManager, Iterator, List, Optional

import rclpy
from rclpy.executors import Executor, SingleThreadedExecutor
from rclpy.logging import get_logger
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from rclpy.utilities import remove_ros_args
from swiftnet_ros.errors import RosArgumentsError
from swiftnet_ros.ros.fastdds import set_profile
from swiftnet_ros.ros.parameters import values_required
from swiftnet_ros.system.process import exit_code

# The longest time, in seconds, after which a signal is noticed.
_PATIENCE = 0.2

# Sets nodes up on an executor when entered and down when left; the event asks the process to end.
Wiring = Callable[[Executor, Event], ContextManager[None]]


def run_node(wire: Wiring, args: Optional[List[str]] = None) -> int:
    """Spin nodes until Ctrl-C, SIGTERM or their own wish ends them; give the exit code."""
    return exit_code(lambda: _spin(wire, args))


def _spin(wire: Wiring, args: Optional[List[str]]) -> int:
    warning = set_profile()
    with stop_on_signals() as stop, _ros(args):
        if warning:
            get_logger('swiftnet_ros').warning(warning)
        executor = SingleThreadedExecutor()
        with wire(executor, stop):
            while not stop.is_set():
                executor.spin_once(timeout_sec=_PATIENCE)
    # The process ends here: looking through every object once more would only take time.
    gc.freeze()
    return 0


def leave_at_once(code: int) -> None:
    """End this process although a thread is busy with what cannot be interrupted."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


@contextmanager
def plain_node(name: str, executor: Executor) -> Iterator[Node]:
    """Open a node that is no lifecycle node; every parameter that the user set is declared."""
    with values_required():
        node = rclpy.create_node(name, automatically_declare_parameters_from_overrides=True)
    executor.add_node(node)
    try:
        yield node
    finally:
        executor.remove_node(node)
        node.destroy_node()


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
def _ros(args: Optional[List[str]]) -> Iterator[None]:
    try:
        rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
    except RuntimeError as error:
        raise RosArgumentsError(error) from error
    try:
        _refuse_others(sys.argv[1:] if args is None else args)
        yield
    finally:
        rclpy.shutdown()


def _refuse_others(args: List[str]) -> None:
    """Refuse what ROS ignores: who writes `--model mine` must not get the default model."""
    others = remove_ros_args(args=args)
    if others:
        reason = f'{others[0]!r} is none; set parameters with --ros-args -p NAME:=VALUE'
        raise RosArgumentsError(reason)
