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
A lifecycle node whose executor goes on spinning during transitions, and which no request ends.

rclpy runs a transition in the executor's thread, lets an impossible request end the process and
swallows what a callback raises. Here each transition runs in a thread beside the executor, and
what fails is a FAILURE with its reason in the log.
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
from swiftnet_ros.errors import NodeShutdownError, SwiftnetError, UnexpectedError
from swiftnet_ros.ros.parameters import values_required

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


class ManagedNode(LifecycleNode):
    """
    A base whose children implement `configure`, `activate`, `deactivate` and `free`.

    These run in a thread beside the executor and may take their time; what touches topics,
    services and timers they do by `on_executor`. A SwiftnetError is a FAILURE.
    """

    def __init__(self, name: str, **options: Any) -> None:
        """Start unconfigured; every parameter that the user set is declared."""
        with values_required():
            super().__init__(name, automatically_declare_parameters_from_overrides=True, **options)
        self.failure: Optional[SwiftnetError] = None
        # When an end that was asked for must be reached, in seconds of `monotonic`.
        self.deadline = inf
        self._is_deaf = Event()
        self._beside = futures.ThreadPoolExecutor(1, 'transitions')
        self._beside_thread = self._beside.submit(get_ident).result()
        service: Any = self._service_change_state
        service.callback = self._answer_request
        # Transitions asked for meanwhile wait for their turn; nothing else does.
        service.callback_group = MutuallyExclusiveCallbackGroup()
        service.callback_group.add_entity(service)

    @property
    def state(self) -> str:
        """Name the present state: unconfigured, configuring, inactive, active, finalized ..."""
        return str(self._state_machine.current_state[1])

    @property
    def logger(self) -> Any:
        """Give the node's logger."""
        return Node.get_logger(self)

    @property
    def is_ending(self) -> bool:
        """Tell whether the node was asked to end."""
        return self.deadline < inf

    async def transition(self, name: str) -> bool:
        """Go through a transition; False if it failed or is not possible now."""
        job = await self.until_done(self._beside.submit(self._trigger, name))
        return job.result()

    async def until_done(self, job: 'futures.Future[Result]') -> 'futures.Future[Result]':
        """Await a job in another thread while the executor goes on; give the done job."""
        executor = self._spinner
        done = Future(executor=executor)

        def finish(_: Any) -> None:
            done.set_result(None)
            executor.wake()

        job.add_done_callback(finish)
        await done
        return job

    def on_executor(self, work: Callable[[], Result]) -> Result:
        """Run work where topics, services and timers may be made and closed; give its result."""
        if get_ident() != self._beside_thread:
            return work()
        outcome: futures.Future[Result] = futures.Future()

        def run() -> None:
            try:
                outcome.set_result(work())
            except SwiftnetError as error:
                outcome.set_exception(error)

        self._spinner.create_task(run)
        while True:
            try:
                return outcome.result(_POLL)
            except futures.TimeoutError:
                if self._is_deaf.is_set():
                    raise NodeShutdownError(self.get_name()) from None

    def end(self, patience: float) -> bool:
        """
        Shut down in order, after the executor was spun for the last time.

        False if a transition is left behind because it took more than `patience` seconds.
        """
        self.deadline = monotonic() + patience
        shutdown = self._spinner.create_task(self.transition, 'shutdown')
        while not shutdown.done() and monotonic() < self.deadline + _GRACE:
            self._spinner.spin_once(_POLL)
        self._is_deaf.set()
        self._beside.shutdown(wait=False)
        return bool(shutdown.done())

    def configure(self) -> None:
        """Get everything ready; on an error nothing may stay behind."""

    def activate(self) -> None:
        """Begin to work."""

    def deactivate(self) -> None:
        """Stop to work, and stay ready."""

    def free(self) -> None:
        """Give back everything that `configure` took, from any state."""

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
        """Free everything."""
        return self._attempt('clean up', self.free)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free everything for good."""
        return self._attempt('shut down', self.free)

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free everything after a bug, so that the node can be configured again."""
        bug = self.failure
        recovered = self._attempt('recover', self.free)
        self.failure = self.failure or bug
        return recovered

    @property
    def _spinner(self) -> Executor:
        assert self.executor is not None, 'a node works only on an executor'
        return self.executor

    async def _answer_request(self, request: Any, response: Any) -> Any:
        wanted = request.transition
        name = wanted.label or _NAMES.get(wanted.id, f'transition {wanted.id}')
        response.success = await self.transition(name)
        return response

    def _trigger(self, name: str) -> bool:
        if self.is_ending and self.state == 'finalized':
            return True
        if name not in _NAMES.values():
            self._refuse(name)
            return False
        try:
            code = getattr(self, f'trigger_{name}')()
        # What rclpy raises where the present state has no such transition.
        except RuntimeError:
            self._refuse(name)
            return False
        return bool(code == TransitionCallbackReturn.SUCCESS)

    def _refuse(self, name: str) -> None:
        self.logger.warning(f'cannot {name} from state {self.state}; nothing was done')

    def _attempt(self, what: str, work: Callable[[], None]) -> TransitionCallbackReturn:
        self.failure, is_bug = None, True
        try:
            work()
            is_bug = False
            return TransitionCallbackReturn.SUCCESS
        except SwiftnetError as error:
            self.failure, is_bug = error, False
            self.report(f'cannot {what}: {error}')
            return TransitionCallbackReturn.FAILURE
        finally:
            # rclpy makes an ERROR of it, and says nothing.
            if is_bug:
                self.failure = UnexpectedError(what)
                self.logger.fatal(traceback.format_exc())

    def report(self, failure: str) -> None:
        """Say why a transition failed."""
        self.logger.error(failure)
