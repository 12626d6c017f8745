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

"""QoS profiles, and the topics of a part of a node, whose QoS the user may override."""

from functools import partial
from typing import Any, Callable, Dict, List, Optional

from rclpy.callback_groups import CallbackGroup
from rclpy.exceptions import ParameterException
from rclpy.node import Node, PublisherEventCallbacks, SubscriptionEventCallbacks
from rclpy.publisher import Publisher
from rclpy.qos import (
    DurabilityPolicy,
    HistoryPolicy,
    qos_check_compatible,
    qos_policy_name_from_kind,
    QoSCompatibility,
    QoSProfile,
    ReliabilityPolicy,
)
from rclpy.qos_overriding_options import (
    InvalidQosOverridesError,
    QosCallbackResult,
    QoSOverridingOptions,
)
from rclpy.subscription import Subscription
from swiftnet_ros.errors import InvalidValueError, listing
from swiftnet_ros.text import one_line

# What rclpy raises for QoS overrides of a wrong type, name or range.
_QOS_ERRORS = (
    AssertionError,
    AttributeError,
    InvalidQosOverridesError,
    ParameterException,
    RuntimeError,
    TypeError,
    ValueError,
)
_MAX_DEPTH = 2**31 - 1
_EXPECTED = 'a history, depth and reliability such as keep_last, 1 and best_effort'


def camera_qos() -> QoSProfile:
    """Return the QoS of a camera's frames: only the newest, from any driver."""
    return QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)


def output_qos() -> QoSProfile:
    """Return the QoS of an output: reliable and volatile, as Nav2 and RViz expect."""
    return QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE)


def latched_qos() -> QoSProfile:
    """Return the QoS of a topic whose last message late subscribers get too."""
    durability = DurabilityPolicy.TRANSIENT_LOCAL
    return QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=durability)


def _checked(qos: QoSProfile) -> QosCallbackResult:
    """Reject a depth that the middleware would, after some lines of its own on stderr."""
    result = QosCallbackResult()
    result.successful = 1 <= qos.depth <= _MAX_DEPTH or qos.history != HistoryPolicy.KEEP_LAST
    result.reason = '' if result.successful else f'depth is {qos.depth}, not 1 to {_MAX_DEPTH}'
    return result


class Topics:
    """
    The publishers and subscriptions of one part of a node, closed together.

    Parameters `qos_overrides.*` set their QoS; one that is not valid raises InvalidValueError.
    Use it on the executor's thread only.
    """

    def __init__(self, node: Node) -> None:
        """Open nothing yet."""
        self._node = node
        self._publishers: List[Publisher] = []
        self._subscriptions: List[Subscription] = []
        # What to do about a peer whose QoS is incompatible, by topic.
        self._mismatches: Dict[str, str] = {}

    def publisher(self, kind: Any, name: str, qos: QoSProfile) -> Publisher:
        """Open a publisher."""
        topic = self._node.resolve_topic_name(name)
        fault = f'a subscriber of {topic} requests another {{}} and receives nothing'
        mismatch = self._on_mismatch(topic, 'publisher', fault)
        # Each handled event costs the executor time with every frame, so only one is handled.
        events = PublisherEventCallbacks(incompatible_qos=mismatch, use_default_callbacks=False)
        create = partial(self._node.create_publisher, kind, name, qos, event_callbacks=events)
        opened: Publisher = self._open(topic, kind, create)
        self._publishers.append(opened)
        return opened

    def subscription(
        self,
        kind: Any,
        name: str,
        callback: Callable[[Any], None],
        qos: QoSProfile,
        group: Optional[CallbackGroup] = None,
    ) -> Subscription:
        """Open a subscription, in a callback group of its own or the node's."""
        topic = self._node.resolve_topic_name(name)
        fault = f'a publisher of {topic} offers another {{}}, so that its messages are lost'
        mismatch = self._on_mismatch(topic, 'subscription', fault)
        events = SubscriptionEventCallbacks(incompatible_qos=mismatch)
        create = partial(
            self._node.create_subscription,
            *(kind, name, callback, qos),
            callback_group=group,
            event_callbacks=events,
        )
        opened: Subscription = self._open(topic, kind, create)
        self._subscriptions.append(opened)
        return opened

    def close_subscription(self, subscription: Subscription) -> None:
        """Close one subscription."""
        self._subscriptions.remove(subscription)
        self._mismatches.pop(subscription.topic_name, None)
        self._node.destroy_subscription(subscription)

    def close(self) -> None:
        """Close everything that is open."""
        for subscription in list(self._subscriptions):
            self.close_subscription(subscription)
        for publisher in self._publishers:
            self._node.destroy_publisher(publisher)
        self._publishers.clear()
        self._mismatches.clear()

    def mismatch(self) -> str:
        """Return which peers have an incompatible QoS, and what to do; empty if none has."""
        self._mismatches = {
            topic: text
            for topic, text in self._mismatches.items()
            if self._has_incompatible_ends(topic)
        }
        return '; '.join(self._mismatches.values())

    def _open(self, topic: str, kind: Any, create: Callable[..., Any]) -> Any:
        self._check_type(topic, f'{kind.__module__.partition(".")[0]}/msg/{kind.__name__}')
        try:
            options = QoSOverridingOptions.with_default_policies(callback=_checked)
            return create(qos_overriding_options=options)
        except _QOS_ERRORS as error:
            reason = one_line(error) if str(error) else 'not valid'
            raise InvalidValueError(f'qos_overrides.{topic}', reason, _EXPECTED) from error

    def _check_type(self, topic: str, wanted: str) -> None:
        """Raise InvalidValueError if this node uses the topic for another type already."""
        node = self._node.get_name(), self._node.get_namespace()
        used = [
            *self._node.get_publisher_names_and_types_by_node(*node),
            *self._node.get_subscriber_names_and_types_by_node(*node),
        ]
        others = {item for name, types in used if name == topic for item in types} - {wanted}
        if others:
            expected = f'another than that of {listing(sorted(others))}; change what is remapped'
            raise InvalidValueError(f'topic of {wanted}', topic, expected)

    def _on_mismatch(self, topic: str, end: str, fault: str) -> Callable[[Any], None]:
        """Return the callback that logs an incompatible QoS; `fault` has {} for its policy."""

        def warn(event: Any) -> None:
            policy = qos_policy_name_from_kind(event.last_policy_kind)
            text = f'{fault.format(policy)}; change its QoS'
            if policy == 'RELIABILITY':
                text += f', or set qos_overrides.{topic}.{end}.reliability and configure this node'
                text += ' again'
            is_new = topic not in self._mismatches
            self._mismatches[topic] = text
            # Until the next call of `mismatch`, so that no peer can fill the log.
            if is_new:
                self._node.get_logger().warning(text)

        return warn

    def _has_incompatible_ends(self, topic: str) -> bool:
        """Return whether a publisher and a subscription of a topic have incompatible QoS."""
        offered = [item.qos_profile for item in self._node.get_publishers_info_by_topic(topic)]
        requested = [
            item.qos_profile for item in self._node.get_subscriptions_info_by_topic(topic)
        ]
        return any(
            qos_check_compatible(publisher, subscription)[0] == QoSCompatibility.ERROR
            for publisher in offered
            for subscription in requested
        )
