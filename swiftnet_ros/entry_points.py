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

"""Console scripts of the nodes: a signal during their long imports ends them quietly."""

from importlib import import_module
import os
import signal
from types import FrameType
from typing import Optional


def segmentation_node() -> int:
    """Run the segmentation node; return the exit code."""
    return _run('segmentation_node')


def image_publisher() -> int:
    """Run the image publisher; return the exit code."""
    return _run('image_publisher')


def _run(module: str) -> int:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _exit)
    code: int = import_module(f'swiftnet_ros.{module}').main()
    return code


def _exit(number: int, frame: Optional[FrameType]) -> None:
    """End the process while there is nothing to clean up yet."""
    os._exit(0)
