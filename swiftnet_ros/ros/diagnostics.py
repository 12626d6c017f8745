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
The node's health on `/diagnostics`, once a second.

It uses diagnostic_updater if that is installed, else diagnostic_msgs alone.
"""

from functools import partial
from typing import Any, Callable, Dict, List, Union

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from swiftnet_ros.ros.guards import try_to_publish
from swiftnet_ros.ros.parameters import NUMBER, undeclared
from swiftnet_ros.serving.health import Health
from swiftnet_ros.text import safe_text

PERIOD = 1.0
_TOPIC = '/diagnostics'
_LONGEST = 1000
Sources = Dict[str, Callable[[], Health]]
"""The function that returns the health of each status, by the status's name."""


class PlainDiagnostics:
    """Publishes every source itself, also while `/clock` stands still."""

    def __init__(self, node: Node) -> None:
        """Start to publish; there are no sources yet."""
        self._node = node
        self._sources: Sources = {}
        self._publisher = node.create_publisher(DiagnosticArray, _TOPIC, 1)
        clock = Clock(clock_type=ClockType.STEADY_TIME)
        publish = partial(try_to_publish, node, _TOPIC, self._publish)
        self._timer = node.create_timer(PERIOD, publish, clock=clock)

    def show(self, sources: Sources) -> None:
        """Replace the sources that are reported."""
        self._sources = sources

    def _publish(self) -> None:
        message = DiagnosticArray()
        message.header.stamp = self._node.get_clock().now().to_msg()
        message.status = [
            _status(self._node, name, assess()) for name, assess in self._sources.items()
        ]
        self._publisher.publish(message)


class UpdaterDiagnostics:
    """Publishes every source through diagnostic_updater, which has a parameter for the period."""

    def __init__(self, node: Node) -> None:
        """Start to publish; raise ImportError if diagnostic_updater is not installed."""
        from diagnostic_updater import Updater

        self._shown: List[str] = []
        with undeclared(node, 'diagnostic_updater.period', NUMBER):
            self._updater = Updater(node, PERIOD)
        self._updater.setHardwareID(node.get_fully_qualified_name())
        # Its own timer uses the node's clock and stops while `/clock` stands still.
        self._updater.timer.cancel()
        clock = Clock(clock_type=ClockType.STEADY_TIME)
        publish = partial(try_to_publish, node, _TOPIC, self._updater.update)
        self._timer = node.create_timer(self._updater.period, publish, clock=clock)

    def show(self, sources: Sources) -> None:
        """Replace the sources that are reported."""
        for name in self._shown:
            self._updater.removeByName(name)
        self._shown = list(sources)
        for name, assess in sources.items():
            self._updater.add(name, _task(assess))


Diagnostics = Union[PlainDiagnostics, UpdaterDiagnostics]


def open_diagnostics(node: Node) -> Diagnostics:
    """Return the diagnostics by diagnostic_updater if it is installed, else the plain ones."""
    try:
        return UpdaterDiagnostics(node)
    except ImportError:
        return PlainDiagnostics(node)


def _task(assess: Callable[[], Health]) -> Callable[[Any], Any]:
    def run(status: Any) -> Any:
        health = assess()
        status.summary(bytes([health.level]), safe_text(health.message, _LONGEST))
        for key, value in health.values.items():
            status.add(key, safe_text(value))
        return status

    return run


def _status(node: Node, name: str, health: Health) -> DiagnosticStatus:
    return DiagnosticStatus(
        level=bytes([health.level]),
        name=f'{node.get_name()}: {name}',
        message=safe_text(health.message, _LONGEST),
        hardware_id=node.get_fully_qualified_name(),
        values=[KeyValue(key=key, value=safe_text(value)) for key, value in health.values.items()],
    )
