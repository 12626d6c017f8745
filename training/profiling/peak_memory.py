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

"""The peak memory of a model in a process of its own, which must not import torch."""

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from swiftnet_ros.backends.registry import open_backend
from swiftnet_ros.core.frames import Frame
from swiftnet_ros.segmenter import Segmenter
from swiftnet_ros.system.image_size import Size

_PROCESS_STATUS = Path('/proc/self/status')
_MEMORY_FRAMES = 3


def peak_memory_mb(
    path: Path, precision: str, threads: int, cameras: Sequence[Size]
) -> float | None:
    """
    Run a model in its own process and return the peak resident memory in 1e6 bytes.

    As on the robot the process has no torch; it holds Python, OpenVINO, the model, and the last
    frame and labels of each camera. None on systems without /proc.
    """
    with ProcessPoolExecutor(1, get_context('spawn')) as pool:
        return pool.submit(_segment_frames, path, precision, threads, cameras).result()


def _segment_frames(
    path: Path, precision: str, threads: int, cameras: Sequence[Size]
) -> float | None:
    # Filled, because pages that were never written take no memory.
    frames = [Frame(np.full((*size, 3), 127, np.uint8)) for size in cameras]
    with open_backend(path, 'openvino', precision, threads) as engine:
        for _ in range(_MEMORY_FRAMES):
            results = [Segmenter(engine).segment(frame) for frame in frames]
    assert len(results) == len(frames)
    return _own_peak_mb()


def _own_peak_mb() -> float | None:
    """Return the peak resident memory of this process; getrusage would include its parent's."""
    lines = _PROCESS_STATUS.read_text().splitlines() if _PROCESS_STATUS.is_file() else []
    values = [line.split()[1] for line in lines if line.startswith('VmHWM')]
    return int(values[0]) * 1024 / 1e6 if values else None
