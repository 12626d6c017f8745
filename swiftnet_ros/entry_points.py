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

"""Start a node's program: a signal during its long imports ends it at once and quietly."""

from importlib import import_module
import os
import signal
from types import FrameType
from typing import Optional


def segmentation_node() -> int:
    """Run the segmentation node; give the exit code."""
    return _run('segmentation_node')


def image_publisher() -> int:
    """Run the publisher of image files; give the exit code."""
    return _run('image_publisher')


def _run(module: str) -> int:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _leave)
    code: int = import_module(f'swiftnet_ros.{module}').main()
    return code


def _leave(number: int, frame: Optional[FrameType]) -> None:
    """End before there is anything that would have to be given back."""
    os._exit(0)
