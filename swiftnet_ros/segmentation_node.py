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
Label a camera's images: `image` in, `~/label_image` and `~/overlay` out.

python -m swiftnet_ros.segmentation_node --ros-args -p model:=camvid -r image:=/cam/image_raw
"""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
import sys
from threading import Event
from typing import Iterator, List, Optional

from rclpy.node import Node
from swiftnet_ros.camera import Camera
from swiftnet_ros.engines.base import Engine
from swiftnet_ros.engines.open_engine import open_engine
from swiftnet_ros.node_main import run_node
from swiftnet_ros.parameters import declare, NodeParameters
from swiftnet_ros.segmenter import Segmenter


def main(args: Optional[List[str]] = None) -> int:
    """Run the node until it is asked to end; give the exit code."""
    return run_node('segmentation', _segmentation, args)


@contextmanager
def _segmentation(node: Node, stop: Event) -> Iterator[None]:
    given = declare(node, NodeParameters)
    with open_engine(given.model, given.engine, given.precision, given.threads) as engine:
        camera = Camera(node, engine.spec, given.overlay_opacity)
        node.get_logger().info(_introduction(camera, engine))
        with ThreadPoolExecutor(1, 'segmentation') as threads:
            work = threads.submit(_serve, camera, Segmenter(engine))
            # A worker that dies of a bug takes the node with it; result() shows the bug.
            work.add_done_callback(lambda _: stop.set())
            try:
                yield
            finally:
                camera.mailbox.close()
        work.result()
        node.get_logger().info(f'{camera.topic}: {camera.counters}')


def _serve(camera: Camera, segmenter: Segmenter) -> None:
    """Answer the newest frame, one after the other, until the mailbox is closed."""
    message = camera.mailbox.take()
    while message is not None:
        camera.answer(message, segmenter)
        message = camera.mailbox.take()


def _introduction(camera: Camera, engine: Engine) -> str:
    spec = engine.spec
    return (
        f'segmenting {camera.topic} with {spec.name} ({len(spec.classes)} classes, input '
        f'{spec.input_width}x{spec.input_height}), engine {engine.name} on {engine.device}, '
        f'precision {engine.precision}'
    )


if __name__ == '__main__':
    sys.exit(main())
