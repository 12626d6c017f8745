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

"""The cameras of a node and the worker that segments their frames."""

from concurrent.futures import Future
from functools import partial
from typing import Any, Awaitable, Callable, Dict, List, Optional

from rclpy.node import Node
from swiftnet_ros.backends.engine_build import EngineBuild
from swiftnet_ros.errors import InvalidValueError, NodeCleanedUpError, SwiftnetError
from swiftnet_ros.ros.camera import Camera, Received
from swiftnet_ros.ros.intake import Intake
from swiftnet_ros.ros.node_parameters import NodeSettings
from swiftnet_ros.serving.camera_names import checked_camera_names
from swiftnet_ros.serving.camera_stats import INACTIVE
from swiftnet_ros.serving.model_loader import load_model, LoadedModel
from swiftnet_ros.serving.worker import EngineWorker

Worker = EngineWorker[Received]


class Pipeline:
    """
    All cameras of a node and one engine, which they share.

    Use it on the executor's thread, and await its futures elsewhere.
    """

    def __init__(
        self, node: Node, settings: NodeSettings, on_bug: Callable[[BaseException], None]
    ) -> None:
        """Open the publishers and start to load the model; `on_bug` gets a worker's exception."""
        self._settings = settings
        self._on_bug = on_bug
        self.is_serving = self.is_ended = False
        self.cameras: Dict[str, Camera] = {}
        self._intake = Intake(node, lambda: self._worker.due_in(), lambda: self._worker.turns())
        try:
            for name in checked_camera_names(settings.current.cameras) or ('',):
                self.cameras[name] = Camera(node, name, settings, self._intake, self._enqueue)
            self._check_no_loop()
        except SwiftnetError:
            self.close_cameras()
            raise
        self._workers: List[Worker] = []
        self._worker = self._new_worker()

    @property
    def loading(self) -> 'Future[LoadedModel]':
        """Return the future of the loaded model."""
        return self._worker.loading

    @property
    def topics(self) -> str:
        """Return the topics that are segmented, separated by commas."""
        return ', '.join(camera.topic for camera in self.cameras.values())

    @property
    def building(self) -> str:
        """Return the progress of the engine build that runs, empty if none does."""
        return next((worker.building for worker in self._workers if worker.building), '')

    def serve(self) -> None:
        """Publish the class names, then segment frames; the model must be loaded."""
        model = self.loading.result()
        for camera in self.cameras.values():
            camera.announce(model.spec)
        self._worker.serve(self._on_bug)
        self.is_serving = True

    async def reload(self, until_done: Callable[[Any], Awaitable[Any]]) -> Optional[BaseException]:
        """
        Replace the model by the one that the parameters name now, without losing a camera.

        Return the error if the old model stays in use, else None. `until_done` awaits a future
        of another thread.
        """
        worker = self._new_worker()
        await until_done(worker.loading)
        error = worker.loading.exception()
        if error is not None or self.is_ended:
            self._workers.remove(worker)
            worker.close()
            return NodeCleanedUpError() if error is None else error
        # From here on new frames wait for the new worker, until the old one has ended.
        old, self._worker = self._worker, worker
        for name, received in old.drain():
            self._enqueue(name, received)
        await until_done(old.close())
        self._workers.remove(old)
        if self.is_ended:
            return NodeCleanedUpError()
        self.serve()
        return None

    def start(self) -> None:
        """Subscribe to every camera, or to none if one of them fails."""
        try:
            for camera in self.cameras.values():
                camera.start()
        except SwiftnetError:
            self.stop()
            raise

    def stop(self) -> None:
        """Unsubscribe from every camera; nothing is published afterwards."""
        for camera in self.cameras.values():
            camera.stop()

    def end(self) -> List[Worker]:
        """Stop, and let every worker end, those that still load too; return all of them."""
        self.stop()
        self.is_ended = True
        for worker in self._workers:
            for name, _ in worker.drain():
                self.cameras[name].stats.count_dropped(INACTIVE)
            worker.close()
        return list(self._workers)

    def close_cameras(self) -> None:
        """Close all topics; no worker may process a frame any more."""
        for camera in self.cameras.values():
            camera.close()
        self._intake.close()

    def _enqueue(self, name: str, received: Received) -> bool:
        return self._worker.put(name, received, received.taking)

    def _process(self, name: str, received: Received, model: LoadedModel) -> bool:
        return self.cameras[name].process(received, model.segmenter)

    def _check_no_loop(self) -> None:
        """Raise InvalidValueError if a camera is an output, whose labels would be segmented."""
        outputs = set().union(*(camera.output_topics for camera in self.cameras.values()))
        for camera in self.cameras.values():
            if camera.topic in outputs:
                name = f'{camera.name}/image' if camera.name else 'image'
                raise InvalidValueError(name, camera.topic, 'a camera, not an output of this node')

    def _new_worker(self) -> Worker:
        """Start to load the model that the parameters name now."""
        settings = self._settings.current
        build = EngineBuild()
        load = partial(load_model, settings.model, settings, build)
        worker = Worker(load, list(self.cameras), self._process, build, self._intake.wake)
        self._workers.append(worker)
        return worker
