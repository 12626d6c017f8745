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

"""Run a node from the command line: signals shut it down in order, errors are one line."""

from contextlib import contextmanager, ExitStack, suppress
import gc
import os
import sys
from typing import Callable, ContextManager, Iterator, List, Optional

import rclpy
from rclpy.executors import Executor
from rclpy.logging import get_logger
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from rclpy.utilities import remove_ros_args
from swiftnet_ros.errors import RosArgumentsError
from swiftnet_ros.ros.compat import parameter_errors
from swiftnet_ros.ros.discovery import check_domain
from swiftnet_ros.ros.fastdds import set_profile
from swiftnet_ros.ros.guards import guard_node, GuardedExecutor, RCLError
from swiftnet_ros.ros.log_folder import check_log_folder
from swiftnet_ros.system.process import exit_code, stop_on_signals, StopFlag
from swiftnet_ros.text import safe_repr

# A signal is noticed within this time, in seconds.
_SPIN_TIMEOUT = 0.2

# Adds nodes to an executor when entered, destroys them when left; the flag ends the process.
NodeSetup = Callable[[Executor, StopFlag], ContextManager[None]]


def run_node(setup: NodeSetup, args: Optional[List[str]] = None) -> int:
    """Spin nodes until Ctrl-C, SIGTERM or the nodes themselves stop it; return the exit code."""
    return exit_code(lambda: _spin(setup, args))


def _spin(setup: NodeSetup, args: Optional[List[str]]) -> int:
    warning = set_profile()
    check_log_folder(sys.argv[1:] if args is None else args)
    with stop_on_signals() as stop, _ros(args):
        if warning:
            get_logger('swiftnet_ros').warning(warning)
        executor = GuardedExecutor()
        with ExitStack() as stack:
            try:
                stack.enter_context(setup(executor, stop))
            # Such as a topic that is remapped to one of another type.
            except RCLError as error:
                raise RosArgumentsError(error) from error
            while not stop.is_set():
                executor.spin_once(timeout_sec=_SPIN_TIMEOUT)
    # The process ends here: a last garbage collection would only take time.
    gc.freeze()
    return 0


def exit_at_once(code: int) -> None:
    """End this process although a thread cannot be interrupted."""
    for stream in (sys.stdout, sys.stderr):
        # Python has no stream for what was closed before it started.
        if stream is not None:
            with suppress(BrokenPipeError):
                stream.flush()
    os._exit(code)


@contextmanager
def plain_node(name: str, executor: Executor) -> Iterator[Node]:
    """Create a node without a lifecycle."""
    with parameter_errors():
        node = rclpy.create_node(name)
    guard_node(node)
    executor.add_node(node)
    try:
        yield node
    finally:
        executor.remove_node(node)
        node.destroy_node()


@contextmanager
def _ros(args: Optional[List[str]]) -> Iterator[None]:
    check_domain()
    try:
        rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
    except UnicodeEncodeError as error:
        reason = f'{safe_repr(error.object)} is not UTF-8; rename the file, or set LC_ALL=C.UTF-8'
        raise RosArgumentsError(reason) from error
    except RuntimeError as error:
        raise RosArgumentsError(error) from error
    try:
        _check_only_ros_arguments(sys.argv[1:] if args is None else args)
        yield
    finally:
        rclpy.shutdown()


def _check_only_ros_arguments(args: List[str]) -> None:
    """Raise RosArgumentsError for others: ROS would ignore `--model mine` and use the default."""
    others = remove_ros_args(args=args)
    if others:
        first = safe_repr(others[0])
        raise RosArgumentsError(
            f'{first} is not a ROS argument; set parameters with --ros-args -p NAME:=VALUE'
        )
