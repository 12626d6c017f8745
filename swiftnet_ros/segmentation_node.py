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
Segment the images of cameras: `image` in, `~/label_image` and more out, as a lifecycle node.

python -m swiftnet_ros.segmentation_node --ros-args -p model:=street -r image:=/cam/image_raw
"""

if __name__ == '__main__':
    # Before the imports below, which take seconds: a signal in them ends the process quietly.
    from swiftnet_ros.system.program import run_node_program

    run_node_program('swiftnet_ros.segmentation_node')


from concurrent.futures import wait
from contextlib import contextmanager
from functools import partial
from threading import Event
from time import monotonic
from typing import Any, Iterator, List, Optional

from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.clock import Clock, ClockType
from rclpy.executors import Executor
from std_srvs.srv import Trigger
from swiftnet_ros.backends.openvino.cache import use_cache
from swiftnet_ros.errors import NodeShutdownError, SwiftnetError
from swiftnet_ros.ros.camera import Camera
from swiftnet_ros.ros.diagnostics import open_diagnostics, Sources
from swiftnet_ros.ros.guards import NO_RESOURCES
from swiftnet_ros.ros.lifecycle_node import ManagedNode, REQUEST_LOG_PERIOD
from swiftnet_ros.ros.node_help import node_parser, print_help_if_asked
from swiftnet_ros.ros.node_parameters import NodeParameters, NodeSettings
from swiftnet_ros.ros.pipeline import Pipeline, Worker
from swiftnet_ros.ros.spin import exit_at_once, run_node
from swiftnet_ros.serving.health import (
    build_only_error,
    build_summary,
    camera_health,
    engine_health,
    engine_summary,
    EngineSnapshot,
    Health,
    node_summary,
    terms_summary,
)
from swiftnet_ros.serving.model_loader import LoadedModel
from swiftnet_ros.system.command_line import ExampleParser
from swiftnet_ros.system.library_errors import library_reason
from swiftnet_ros.system.process import StopFlag
from swiftnet_ros.text import safe_text

_POLL = 0.1
# How long, in seconds, a frame in process may take when the process is asked to end.
_SHUTDOWN_TIMEOUT = 1.0
# An engine build may take minutes; its progress is logged at this period, in seconds.
_BUILD_LOG_PERIOD = 10.0


def main(args: Optional[List[str]] = None) -> int:
    """Run the node until it is asked to end; return the exit code."""
    print_help_if_asked(make_parser(), args)
    use_cache()
    is_busy = Event()
    code = run_node(partial(_segmentation, is_busy), args)
    if is_busy.is_set():
        exit_at_once(code)
    return code


def make_parser() -> ExampleParser:
    """Return the parser that prints the help."""
    return node_parser(__doc__, NodeParameters)


class SegmentationNode(ManagedNode):
    """Connects parameters, services, diagnostics and lifecycle to the pipeline."""

    def __init__(self, stop: StopFlag, **options: Any) -> None:
        """
        Start unconfigured; the node sets `stop` to end the process.

        `options` are those of rclpy's Node.
        """
        super().__init__('segmentation', **options)
        self._pipeline: Optional[Pipeline] = None
        self.settings = NodeSettings(self, lambda: self._pipeline is not None)
        self._stop = stop
        self._error: Optional[BaseException] = None
        self._is_starting = False
        # Why the last ~/reload kept the old model; empty if it did not.
        self._reload_failure = ''
        self._ending: List[Worker] = []
        self.create_service(
            Trigger, '~/reload', self._reload, callback_group=MutuallyExclusiveCallbackGroup()
        )
        # Not the node's clock: that of a simulator or a bag may stand still.
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(1.0, self._log_progress, clock=steady)
        self._diagnostics = open_diagnostics(self)
        self._diagnostics.show(self._health_sources())

    async def start(self) -> None:
        """Configure and activate; a failure ends the process, and so does `build_only`."""
        self._is_starting = True
        started = await self.transition('configure')
        if started and self.settings.current.build_only:
            self._end_after_build(self._configured().loading.result())
        elif started:
            started = await self.transition('activate')
        self._is_starting = False
        if not started and self.failure is not None and not self.is_ending:
            self._end_with(self.failure)

    def close(self) -> bool:
        """Shut down; return False if a thread is still busy and cannot be interrupted."""
        has_ended = self.end(_SHUTDOWN_TIMEOUT)
        return has_ended and all(worker.close().done() for worker in self._ending)

    def raise_error(self) -> None:
        """Raise the error that ended the node, if there was one."""
        if self._error is not None:
            raise self._error

    def configure(self) -> None:
        """Open the publishers and the engine, and check the engine."""
        self._reload_failure = ''
        pipeline = self.on_executor(lambda: Pipeline(self, self.settings, self._end_with))
        self._pipeline = pipeline
        self._diagnostics.show(self._health_sources())
        try:
            while wait([pipeline.loading], _POLL).not_done:
                if self.is_ending:
                    raise NodeShutdownError(self.get_name())
            self._log_model(pipeline.loading.result())
            self.on_executor(pipeline.serve)
        except (SwiftnetError, *NO_RESOURCES):
            self.release()
            raise

    def activate(self) -> None:
        """Subscribe to the cameras."""
        pipeline = self._configured()
        self.on_executor(pipeline.start)
        self.logger.info(node_summary(pipeline.topics, pipeline.loading.result()))

    def deactivate(self) -> None:
        """Unsubscribe from the cameras; the engine stays open."""
        pipeline = self._configured()
        self.on_executor(pipeline.stop)

    def release(self) -> None:
        """End the workers, close the engine and every topic."""
        pipeline = self._pipeline
        if pipeline is None:
            return
        self._ending += self.on_executor(pipeline.end)
        # An engine that is still being opened is closed by its own thread once that is done.
        ending = [item.close() for item in self._ending if item.ends_soon]
        while wait(ending, _POLL).not_done and monotonic() < self.deadline:
            pass
        self._ending = [item for item in self._ending if not item.close().done()]
        if pipeline.is_serving and not self.settings.current.build_only:
            self._log_stats(pipeline)
        self._pipeline = None
        self._diagnostics.show(self._health_sources())
        self.on_executor(pipeline.close_cameras)

    def log_failure(self, text: str) -> None:
        """Log why a transition failed, unless it ends the process, which prints it last."""
        if not self._is_starting:
            super().log_failure(text)

    async def _reload(self, request: Any, response: Any) -> Any:
        pipeline = self._pipeline
        if pipeline is None or not pipeline.is_serving:
            response.message = 'nothing to reload: configure the node first'
            return response
        failure = await pipeline.reload(self.until_done)
        path = safe_text(pipeline.loading.result().path)
        response.success = failure is None
        response.message = f'{path} is in use now'
        if failure is not None:
            response.message = f'{library_reason(failure)}; {path} stays in use'
            text = f'reload failed: {response.message}'
            self.logger.error(text, throttle_duration_sec=REQUEST_LOG_PERIOD)
        else:
            self._log_model(pipeline.loading.result())
        if self._pipeline is pipeline:
            self._reload_failure = '' if failure is None else response.message
        return response

    def _log_progress(self) -> None:
        """Log the progress of an engine build, and cameras that send nothing."""
        if self._pipeline is None:
            return
        building = self._pipeline.building
        if building:
            self.logger.info(building, throttle_duration_sec=_BUILD_LOG_PERIOD)
        for camera in self._pipeline.cameras.values():
            camera.warn_if_silent()

    def _log_model(self, model: LoadedModel) -> None:
        """Log the terms of a model, what was built from it, and why that could not be stored."""
        terms, file = terms_summary(model), model.file
        if terms:
            self.logger.info(terms)
        if file.build_seconds is not None:
            self.logger.info(build_summary(file))
        if file.warning:
            self.logger.warning(file.warning)

    def _configured(self) -> Pipeline:
        assert self._pipeline is not None, 'the lifecycle configures first'
        return self._pipeline

    def _end_after_build(self, model: LoadedModel) -> None:
        error = build_only_error(model)
        if error is None:
            self.logger.info(f'ready: {engine_summary(model)}')
        self._end_with(error)

    def _end_with(self, error: Optional[BaseException]) -> None:
        self._error = error
        self._stop.set()

    def _log_stats(self, pipeline: Pipeline) -> None:
        for camera in pipeline.cameras.values():
            self.logger.info(f'{camera.topic}: {camera.stats}')

    def _health_sources(self) -> Sources:
        sources: Sources = {'engine': self._engine_health}
        cameras = self._pipeline.cameras if self._pipeline is not None else {}
        for name, camera in cameras.items():
            sources[f'camera {name}'.strip()] = partial(_camera_health, camera)
        return sources

    def _engine_health(self) -> Health:
        pipeline = self._pipeline
        model = pipeline.loading.result() if pipeline and pipeline.is_serving else None
        error = None if self.failure is None else library_reason(self.failure)
        building = pipeline.building if pipeline else ''
        return engine_health(
            EngineSnapshot(self.state, error, self._reload_failure, building, model)
        )


def _camera_health(camera: Camera) -> Health:
    return camera_health(camera.snapshot())


@contextmanager
def _segmentation(is_busy: Event, executor: Executor, stop: StopFlag) -> Iterator[None]:
    node = SegmentationNode(stop)
    executor.add_node(node)
    if node.settings.current.autostart or node.settings.current.build_only:
        executor.create_task(node.start)
    try:
        yield
    finally:
        if not node.close():
            is_busy.set()
        executor.remove_node(node)
        node.destroy_node()
    node.raise_error()
