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

"""
Run a program so that signals end it quietly, from its first import to the interpreter's end.

This module imports little, as it runs before all others.
"""

from importlib import import_module
import os
import signal
import sys
from types import FrameType, TracebackType
from typing import Any, NoReturn, Optional, Type


def run_node_program(module: str) -> NoReturn:
    """
    Import the module of a node, run its `main` and end the process with its exit code.

    SIGINT and SIGTERM end it with exit code 0, as ROS expects of a node: `main` handles them,
    during the imports there is nothing to clean up yet, and after it they come too late.
    """
    _handle_signals(_exit)
    # These imports, too, only now.
    from swiftnet_ros.system.heap import keep_freed_memory
    from swiftnet_ros.system.limits import check_limits_for_ros
    from swiftnet_ros.system.process import exit_code

    def run() -> int:
        check_limits_for_ros()
        keep_freed_memory()
        return int(import_module(module).main())

    code = exit_code(run)
    _handle_signals(signal.SIG_IGN)
    sys.exit(code)


def run_command(module: str, uses_ros: bool = False) -> NoReturn:
    """
    Import the module of a command, run its `main` and end the process with its exit code.

    Ctrl-C raises KeyboardInterrupt in `main`, so that it can clean up, and ends the process as
    that signal does. A second Ctrl-C, and one during the imports or at the end, does so at once.
    """
    # Otherwise SIGINT is ignored, as by `nohup`.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        sys.excepthook = _print_unless_interrupted
        signal.signal(signal.SIGINT, _interrupt)
    exit_code = import_in_command('swiftnet_ros.system.process').exit_code
    limits = import_in_command('swiftnet_ros.system.limits')
    keep_freed_memory = import_in_command('swiftnet_ros.system.heap').keep_freed_memory

    def run() -> int:
        keep_freed_memory()
        if uses_ros:
            limits.check_limits_for_ros()
        return int(import_in_command(module).main())

    try:
        code = exit_code(run)
    finally:
        _end_by_interrupt()
    sys.exit(code)


def import_in_command(module: str) -> Any:
    """Import a module; Ctrl-C ends a command at once, as a library might keep the exception."""
    is_handled = _end_by_interrupt()
    imported = import_module(module)
    if is_handled:
        signal.signal(signal.SIGINT, _interrupt)
    return imported


def _end_by_interrupt() -> bool:
    """Let SIGINT end the process at once; return False if it did not raise KeyboardInterrupt."""
    is_handled = signal.getsignal(signal.SIGINT) is _interrupt
    if is_handled:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    return is_handled


def _handle_signals(handler: 'signal._HANDLER') -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handler)


def _exit(number: int, frame: Optional[FrameType]) -> None:
    os._exit(0)


def _interrupt(number: int, frame: Optional[FrameType]) -> None:
    signal.signal(number, signal.SIG_DFL)
    raise KeyboardInterrupt


def _print_unless_interrupted(
    kind: Type[BaseException], error: BaseException, traceback: Optional[TracebackType]
) -> None:
    """Print the traceback of a bug; the interpreter then ends by SIGINT if it was Ctrl-C."""
    if not issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, traceback)
