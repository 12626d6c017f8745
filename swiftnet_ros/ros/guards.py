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

"""A message or request that cannot be received, made or sent does not end the node."""

from functools import partial
from typing import Any, Callable, Type

import cv2
from rcl_interfaces.msg import SetParametersResult
from rcl_interfaces.srv import SetParameters, SetParametersAtomically
from rclpy.executors import SingleThreadedExecutor
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.logging import get_logger
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.subscription import Subscription
from swiftnet_ros.ros.compat import guard_clock
from swiftnet_ros.system.library_errors import library_reason
from swiftnet_ros.text import safe_text

RCLError: Type[Exception] = rclpy_implementation.RCLError
NO_RESOURCES = (MemoryError, RCLError)
"""What rclpy raises if there is no memory for a message, or the middleware refuses it."""

PUBLISH_ERRORS = (*NO_RESOURCES, cv2.error)
"""What making and sending the messages of a frame raises for the same reasons."""

_WARNING_PERIOD = 5.0


def try_to_publish(node: Node, what: str, publish: Callable[[], object]) -> bool:
    """Make and publish a message; return False, and log a warning, if that is not possible."""
    try:
        publish()
    except PUBLISH_ERRORS as error:
        node.get_logger().warning(
            f'{what} is not published: {library_reason(error)}',
            throttle_duration_sec=_WARNING_PERIOD,
        )
        return False
    return True


def guard_node(node: Node) -> None:
    """Reject parameters of an unknown type and times before 1970, for which rclpy would raise."""
    guard_clock(node, partial(_is_time, node))
    for service in node.services:
        if service.srv_type in (SetParameters, SetParametersAtomically):
            service.callback = partial(_set_parameters, service.callback)


def _is_time(node: Node, message: Any) -> bool:
    is_time = bool(message.clock.sec >= 0)
    if not is_time:
        text = (
            f'/clock is ignored: its time is {message.clock.sec} s; let its publisher start at 0'
        )
        node.get_logger().warning(text, throttle_duration_sec=_WARNING_PERIOD)
    return is_time


def _set_parameters(set_by_ros: Callable[[Any, Any], Any], request: Any, response: Any) -> Any:
    known = {kind.value for kind in Parameter.Type}
    unknown = [item for item in request.parameters if item.value.type not in known]
    if not unknown:
        return set_by_ros(request, response)
    reason = f'{safe_text(unknown[0].name)} has a value of unknown type {unknown[0].value.type}'
    result = SetParametersResult(successful=False, reason=f'{reason}; nothing is set')
    if isinstance(response, SetParameters.Response):
        response.results = [result] * len(request.parameters)
    else:
        response.result = result
    return response


def message_or_none(subscription: Subscription) -> Any:
    """Take a message with its information; return None if there is none, or no memory for it."""
    handle = subscription.handle
    with handle:
        take = partial(handle.take_message, subscription.msg_type, subscription.raw)
        return _taken(subscription, take)


class GuardedExecutor(SingleThreadedExecutor):
    """An executor that loses a message for which there is no memory, and goes on."""

    # rclpy would end the process, and never take from this subscription again.
    def _take_subscription(self, sub: Subscription) -> Any:
        return _taken(sub, partial(super()._take_subscription, sub))


def _taken(subscription: Subscription, take: Callable[[], Any]) -> Any:
    try:
        return take()
    except NO_RESOURCES as error:
        get_logger('swiftnet_ros').warning(
            f'a message of {subscription.topic_name} is lost: {library_reason(error)}',
            throttle_duration_sec=_WARNING_PERIOD,
        )
        return None
