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
The state of a node on `/diagnostics`, once a second.

By diagnostic_updater where that is installed, else by diagnostic_msgs alone.
"""

from contextlib import contextmanager
from typing import Any, Callable, Dict, Iterator, List, Union

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.exceptions import InvalidParameterTypeException
from rclpy.node import Node
from swiftnet_ros.errors import InvalidValueError
from swiftnet_ros.serving.health import Health

PERIOD = 1.0
Sources = Dict[str, Callable[[], Health]]
"""What is reported, by the name of its status."""


class PlainDiagnostics:
    """Publishes every source itself; a `/clock` that stands still does not silence it."""

    def __init__(self, node: Node) -> None:
        """Begin to publish; without sources there is nothing to say."""
        self._node = node
        self._sources: Sources = {}
        self._publisher = node.create_publisher(DiagnosticArray, '/diagnostics', 1)
        clock = Clock(clock_type=ClockType.STEADY_TIME)
        self._timer = node.create_timer(PERIOD, self._publish, clock=clock)

    def show(self, sources: Sources) -> None:
        """Report these sources from now on."""
        self._sources = sources

    def _publish(self) -> None:
        message = DiagnosticArray()
        message.header.stamp = self._node.get_clock().now().to_msg()
        message.status = [
            _status(self._node, name, judge()) for name, judge in self._sources.items()
        ]
        self._publisher.publish(message)


class UpdaterDiagnostics:
    """Publishes every source through diagnostic_updater, with its parameters."""

    def __init__(self, node: Node) -> None:
        """Begin to publish; ImportError where diagnostic_updater is not installed."""
        from diagnostic_updater import Updater

        self._shown: List[str] = []
        with _declares_anew(node, 'diagnostic_updater.period'):
            self._updater = Updater(node, PERIOD)
        self._updater.setHardwareID(node.get_fully_qualified_name())
        # Its own timer goes by the node's clock, and a `/clock` that stands still silences it.
        self._updater.timer.cancel()
        clock = Clock(clock_type=ClockType.STEADY_TIME)
        self._timer = node.create_timer(self._updater.period, self._updater.update, clock=clock)

    def show(self, sources: Sources) -> None:
        """Report these sources from now on."""
        for name in self._shown:
            self._updater.removeByName(name)
        self._shown = list(sources)
        for name, judge in sources.items():
            self._updater.add(name, _task(judge))


Diagnostics = Union[PlainDiagnostics, UpdaterDiagnostics]


def open_diagnostics(node: Node) -> Diagnostics:
    """Report on `/diagnostics` with what is installed."""
    try:
        return UpdaterDiagnostics(node)
    except ImportError:
        return PlainDiagnostics(node)


@contextmanager
def _declares_anew(node: Node, name: str) -> Iterator[None]:
    """Let others declare a parameter that rclpy has declared already if the user set it."""
    given = None
    if node.has_parameter(name):
        given = node.get_parameter(name).value
        node.undeclare_parameter(name)
    try:
        yield
    except InvalidParameterTypeException as error:
        expected = 'a number with a decimal point'
        raise InvalidValueError(f'parameter {name}', given, expected) from error


def _task(judge: Callable[[], Health]) -> Callable[[Any], Any]:
    def run(status: Any) -> Any:
        health = judge()
        status.summary(bytes([health.level]), health.message)
        for key, value in health.values.items():
            status.add(key, value)
        return status

    return run


def _status(node: Node, name: str, health: Health) -> DiagnosticStatus:
    return DiagnosticStatus(
        level=bytes([health.level]),
        name=f'{node.get_name()}: {name}',
        message=health.message,
        hardware_id=node.get_fully_qualified_name(),
        values=[KeyValue(key=key, value=value) for key, value in health.values.items()],
    )
