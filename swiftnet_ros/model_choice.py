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

"""Which model a node or a program opens, with what, and how well it must do."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ModelChoice:
    """
    Which model to open, with what, and how well it must do on its own golden frame.

    A negative `min_agreement` asks for what a sound engine has been seen to reach. The fields
    from `calibration` on concern engines that are built: scales for implicit INT8 (a calibration
    cache or a folder of images), the number of a DLA core (-1 is none), the builder's workspace
    (0 is its own default), and the folder of built engines (empty is the user's cache).
    """

    model: str
    engine: str = 'auto'
    precision: str = 'auto'
    threads: int = 0
    min_agreement: float = -1.0
    calibration: str = ''
    dla: int = -1
    workspace_mb: int = 0
    engine_cache: str = ''
