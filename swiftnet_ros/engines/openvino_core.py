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

"""The one OpenVINO core of the process."""

from threading import Lock
from typing import Any, List

import openvino

_LOCK = Lock()
_CORES: List[Any] = []


def openvino_core() -> Any:
    """
    Give the core that all engines share, made at the first call and never freed.

    A core gives the thread that first uses it another signal stack, and frees that stack when it
    is freed itself: with cores that do not end in the reverse order of their beginning, or end in
    another thread, the next signal (Ctrl-C) would be a segmentation fault.
    """
    with _LOCK:
        if not _CORES:
            _CORES.append(openvino.Core())
        return _CORES[0]
