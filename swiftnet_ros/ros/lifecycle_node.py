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
A lifecycle node whose executor keeps spinning during transitions.

rclpy runs a transition in the executor's thread, lets an impossible request end the process and
swallows exceptions of callbacks. Here transitions run in a thread of their own, an impossible
request is rejected, and an error is a FAILURE with its reason in the log.
"""

from concurrent import futures
from math import inf
from threading import Event, get_ident
from time import monotonic
import traceback
from typing import Any, Callable, Optional, TypeVar

from lifecycle_msgs.msg import Transition
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.executors import Executor
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.node import Node
from rclpy.task import Future
from swiftnet_ros.errors import (
    NodeShutdownError,
    SwiftnetError,
    SystemResourcesError,
    UnexpectedError,
)
from swiftnet_ros.ros.compat import parameter_errors
from swiftnet_ros.ros.guards import guard_node, NO_RESOURCES
from swiftnet_ros.system.library_errors import library_reason
from swiftnet_ros.text import safe_text

Result = TypeVar('Result')

_SHUTDOWNS = (
    Transition.TRANSITION_UNCONFIGURED_SHUTDOWN,
    Transition.TRANSITION_INACTIVE_SHUTDOWN,
    Transition.TRANSITION_ACTIVE_SHUTDOWN,
)
_NAMES = {
    Transition.TRANSITION_CONFIGURE: 'configure',
    Transition.TRANSITION_CLEANUP: 'cleanup',
    Transition.TRANSITION_ACTIVATE: 'activate',
    Transition.TRANSITION_DEACTIVATE: 'deactivate',
    **dict.fromkeys(_SHUTDOWNS, 'shutdown'),
}
_POLL = 0.1
_GRACE = 0.2
# Other nodes may send requests that fail, many in a second.
REQUEST_LOG_PERIOD = 1.0


class ManagedNode(LifecycleNode):
    """
    A base class whose subclasses implement `configure`, `activate`, `deactivate` and `release`.

    These run in the transition thread and may block; they call `on_executor` for everything that
    creates or destroys topics, services and timers. A SwiftnetError is a FAILURE.
    """

    def __init__(self, name: str, **options: Any) -> None:
        """Start unconfigured; `options` are those of rclpy's Node."""
        with parameter_errors():
            super().__init__(name, **options)
        guard_node(self)
        self.failure: Optional[SwiftnetError] = None
        # When the node must have ended once it was asked to, in seconds of `monotonic`.
        self.deadline = inf
        self._executor_stopped = Event()
        self._transitions = futures.ThreadPoolExecutor(1, 'transitions')
        self._transition_thread = self._transitions.submit(get_ident).result()
        service: Any = self._service_change_state
        service.callback = self._on_change_state
        # Only other transitions wait for the one that runs.
        service.callback_group = MutuallyExclusiveCallbackGroup()
        service.callback_group.add_entity(service)

    @property
    def state(self) -> str:
        """Return the lifecycle state: unconfigured, configuring, inactive, active, finalized."""
        return str(self._state_machine.current_state[1])

    @property
    def logger(self) -> Any:
        """Return the node's logger."""
        return Node.get_logger(self)

    @property
    def is_ending(self) -> bool:
        """Return whether the node was asked to end."""
        return self.deadline < inf

    async def transition(self, name: str) -> bool:
        """Run a transition; return False if it failed or is not possible in this state."""
        job = await self.until_done(self._transitions.submit(self._trigger, name))
        return job.result()

    async def until_done(self, job: 'futures.Future[Result]') -> 'futures.Future[Result]':
        """Await a future of another thread while the executor spins, and return it."""
        executor = self._node_executor
        done = Future(executor=executor)

        def finish(_: Any) -> None:
            done.set_result(None)
            executor.wake()

        job.add_done_callback(finish)
        await done
        return job

    def on_executor(self, work: Callable[[], Result]) -> Result:
        """Run `work` on the executor's thread and return its result."""
        if get_ident() != self._transition_thread:
            return work()
        outcome: futures.Future[Result] = futures.Future()

        def run() -> None:
            try:
                outcome.set_result(work())
            except (SwiftnetError, *NO_RESOURCES) as error:
                outcome.set_exception(error)

        self._node_executor.create_task(run)
        while True:
            try:
                return outcome.result(_POLL)
            except futures.TimeoutError:
                if self._executor_stopped.is_set():
                    raise NodeShutdownError(self.get_name()) from None

    def end(self, timeout: float) -> bool:
        """
        Shut down after the executor's last regular spin.

        Return False if a transition did not finish within `timeout` seconds.
        """
        self.deadline = monotonic() + timeout
        shutdown = self._node_executor.create_task(self.transition, 'shutdown')
        while not shutdown.done() and monotonic() < self.deadline + _GRACE:
            self._node_executor.spin_once(_POLL)
        self._executor_stopped.set()
        self._transitions.shutdown(wait=False)
        return bool(shutdown.done())

    def destroy_node(self) -> None:
        """Destroy the node and its state machine, which would keep the DDS participant alive."""
        Node.destroy_node(self)
        self._state_machine.destroy_when_not_in_use()

    def configure(self) -> None:
        """Open everything that is needed; on an error, release all of it."""

    def activate(self) -> None:
        """Start to work."""

    def deactivate(self) -> None:
        """Stop to work, and stay configured."""

    def release(self) -> None:
        """Close everything that `configure` opened, from any state."""

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Configure the node."""
        return self._attempt('configure', self.configure)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Activate the node."""
        return self._attempt('activate', self.activate)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Deactivate the node."""
        return self._attempt('deactivate', self.deactivate)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Release everything."""
        return self._attempt('clean up', self.release)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Release everything for good."""
        return self._attempt('shut down', self.release)

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Release everything after a bug, so that the node can be configured again."""
        bug = self.failure
        recovered = self._attempt('recover', self.release)
        self.failure = self.failure or bug
        return recovered

    def log_failure(self, text: str) -> None:
        """Log why a transition failed."""
        self.logger.error(text, throttle_duration_sec=REQUEST_LOG_PERIOD)

    @property
    def _node_executor(self) -> Executor:
        assert self.executor is not None, 'the node must be added to an executor first'
        return self.executor

    async def _on_change_state(self, request: Any, response: Any) -> Any:
        requested = request.transition
        name = requested.label or _NAMES.get(requested.id, f'transition {requested.id}')
        response.success = await self.transition(name)
        return response

    def _trigger(self, name: str) -> bool:
        if self.is_ending and self.state == 'finalized':
            return True
        if name not in _NAMES.values():
            self._warn_impossible(name)
            return False
        try:
            code = getattr(self, f'trigger_{name}')()
        # rclpy raises this if the current state has no such transition.
        except RuntimeError:
            self._warn_impossible(name)
            return False
        return bool(code == TransitionCallbackReturn.SUCCESS)

    def _warn_impossible(self, name: str) -> None:
        text = f'cannot {safe_text(name)} from state {self.state}; the state is unchanged'
        self.logger.warning(text, throttle_duration_sec=REQUEST_LOG_PERIOD)

    def _attempt(self, what: str, work: Callable[[], None]) -> TransitionCallbackReturn:
        self.failure, is_bug = None, True
        try:
            work()
            is_bug = False
            return TransitionCallbackReturn.SUCCESS
        except (SwiftnetError, *NO_RESOURCES) as error:
            known = error if isinstance(error, SwiftnetError) else _no_resources(error)
            self.failure, is_bug = known, False
            self.log_failure(f'cannot {what}: {known}')
            return TransitionCallbackReturn.FAILURE
        finally:
            # rclpy turns other exceptions into ERROR without a message.
            if is_bug:
                self.failure = UnexpectedError(what)
                self.logger.fatal(traceback.format_exc())


def _no_resources(error: Exception) -> SystemResourcesError:
    return SystemResourcesError(library_reason(error))
