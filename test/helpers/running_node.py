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

"""The segmentation node in the test's process: starts quickly, and can be inspected."""

from contextlib import contextmanager
from threading import Event, Thread

from helpers.ros_probe import wait_until
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from swiftnet_ros.segmentation_node import SegmentationNode


class RunningNode:
    """A node called `segmentation` in a namespace; a thread spins it until the block ends."""

    def __init__(self, namespace, cli_args=(), **parameters):
        self._options = {
            'namespace': namespace,
            'cli_args': list(cli_args),
            'parameter_overrides': [Parameter(name, value=v) for name, v in parameters.items()],
        }
        self.stop = Event()

    def __enter__(self):
        self.node = SegmentationNode(self.stop, **self._options)
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self.node)
        self._end = Event()
        self._thread = Thread(target=self._spin)
        self._thread.start()
        return self

    def __exit__(self, *error):
        self._end.set()
        self._thread.join()
        self.ended_in_order = self.node.close()
        self._executor.remove_node(self.node)
        self.node.destroy_node()

    def begin(self, transition):
        """Start a transition and return its task."""
        return self._executor.create_task(self.node.transition, transition)

    def do(self, *transitions):
        """Run transitions one after the other and return whether the last one succeeded."""
        for transition in transitions:
            task = self.begin(transition)
            wait_until(task.done, 30, transition)
        return task.result()

    def call(self, work):
        """Run a function on the executor's thread and return its result."""
        task = self._executor.create_task(work)
        wait_until(task.done, 10)
        return task.result()

    @property
    def pipeline(self):
        """Return the node's pipeline, None while it is unconfigured."""
        return self.node._pipeline

    def camera(self, name=''):
        return self.pipeline.cameras[name]

    def _spin(self):
        while not self._end.is_set():
            self._executor.spin_once(timeout_sec=0.05)


@contextmanager
def active_node(namespace, cli_args=(), **parameters):
    """Run a node that is configured and active."""
    with RunningNode(namespace, cli_args, **parameters) as running:
        assert running.do('configure', 'activate')
        yield running
