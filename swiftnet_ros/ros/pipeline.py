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

"""The cameras of a node and the one engine that answers them all."""

from concurrent.futures import Future
from typing import Any, Awaitable, Callable, Dict, List

from rclpy.node import Node
from swiftnet_ros.errors import SwiftnetError
from swiftnet_ros.ros.camera import Camera, Received
from swiftnet_ros.ros.node_parameters import NodeParameters
from swiftnet_ros.serving.camera_names import checked_camera_names
from swiftnet_ros.serving.camera_stats import INACTIVE
from swiftnet_ros.serving.engine_build import EngineBuild, ModelChoice
from swiftnet_ros.serving.model_loader import load_model, LoadedModel
from swiftnet_ros.serving.worker import EngineWorker

Worker = EngineWorker[Received]

_CLEANED_UP = 'the node was cleaned up meanwhile'


class Pipeline:
    """
    Frames of all cameras to one engine and back.

    It belongs to the executor's thread; what takes its time are futures, to be waited for
    elsewhere.
    """

    def __init__(
        self,
        node: Node,
        parameters: Callable[[], NodeParameters],
        on_bug: Callable[[BaseException], None],
    ) -> None:
        """Open the outputs and begin to load the model; `on_bug` hears of a broken worker."""
        self._parameters = parameters
        self._on_bug = on_bug
        self.is_serving = self.is_ended = False
        self.cameras: Dict[str, Camera] = {}
        names = checked_camera_names(parameters().cameras) or ('',)
        try:
            for name in names:
                self.cameras[name] = Camera(node, name, parameters, self._deliver)
        except SwiftnetError:
            self.close_cameras()
            raise
        self._workers: List[Worker] = []
        self._worker = self._new_worker()

    @property
    def loading(self) -> 'Future[LoadedModel]':
        """Give what is done when the model is loaded, and then has it."""
        return self._worker.loading

    @property
    def topics(self) -> str:
        """Name the topics that are segmented."""
        return ', '.join(camera.topic for camera in self.cameras.values())

    @property
    def building(self) -> str:
        """Say what engine is being built for this node, empty if none is."""
        return next((worker.building for worker in self._workers if worker.building), '')

    def serve(self) -> None:
        """Say which classes there are, then answer frames; the model is loaded."""
        model = self.loading.result()
        for camera in self.cameras.values():
            camera.outputs.announce(model.spec)
        self._worker.serve(self._on_bug)
        self.is_serving = True

    async def reload(self, until_done: Callable[[Any], Awaitable[Any]]) -> str:
        """
        Swap the model for the one that the parameters name now; frames go on being received.

        Gives the reason where the old one stays, else an empty text. `until_done` awaits a
        future of another thread.
        """
        worker = self._new_worker()
        await until_done(worker.loading)
        error = worker.loading.exception()
        if error is not None or self.is_ended:
            self._workers.remove(worker)
            worker.close()
            return str(error or _CLEANED_UP)
        # From here on new frames wait for the new worker, until the old one has ended.
        before, self._worker = self._worker, worker
        for name, received in before.drain():
            self._deliver(name, received)
        await until_done(before.close())
        self._workers.remove(before)
        if self.is_ended:
            return _CLEANED_UP
        self.serve()
        return ''

    def start(self) -> None:
        """Listen to every camera, or to none if one of them fails."""
        try:
            for camera in self.cameras.values():
                camera.start()
        except SwiftnetError:
            self.stop()
            raise

    def stop(self) -> None:
        """Listen to no camera any more; nothing is published afterwards."""
        for camera in self.cameras.values():
            camera.stop()

    def end(self) -> List[Worker]:
        """Stop, and let every worker end, the ones that still load too; give all of them."""
        self.stop()
        self.is_ended = True
        for worker in self._workers:
            for name, _ in worker.drain():
                self.cameras[name].records.drops[INACTIVE] += 1
            worker.close()
        return list(self._workers)

    def close_cameras(self) -> None:
        """Close all topics; no worker may have a frame in hand."""
        for camera in self.cameras.values():
            camera.close()

    def _deliver(self, name: str, received: Received) -> bool:
        return self._worker.put(name, received)

    def _answer(self, name: str, received: Received, model: LoadedModel) -> None:
        self.cameras[name].answer(received, model)

    def _new_worker(self) -> Worker:
        """Begin to load the model that the parameters name now."""
        given = self._parameters()
        choice = ModelChoice(
            model=given.model,
            engine=given.engine,
            precision=given.precision,
            threads=given.threads,
            min_agreement=given.self_check_min_agreement,
            calibration=given.calibration,
            dla=given.dla,
            workspace_mb=given.workspace_mb,
            engine_cache=given.engine_cache,
        )
        build = EngineBuild(choice)
        worker = Worker(lambda: load_model(choice, build), list(self.cameras), self._answer, build)
        self._workers.append(worker)
        return worker
