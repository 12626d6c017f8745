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


"""How much memory a process needs that does nothing but segment."""

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from swiftnet_ros.backends.registry import open_engine
from swiftnet_ros.core.frames import Frame
from swiftnet_ros.segmenter import Segmenter

_STATUS = Path('/proc/self/status')
_FRAMES = 3


def peak_megabytes(
    path: Path,
    precision: str,
    threads: int,
    cameras: Sequence[tuple[int, int]],
) -> float | None:
    """
    Run a model in a process of its own: its peak resident memory in 1e6 bytes.

    The process holds Python, OpenVINO, the model, and the last frame and labels of each camera,
    and no torch, as on the robot.
    """
    with ProcessPoolExecutor(1, get_context('spawn')) as pool:
        return pool.submit(_segment, path, precision, threads, cameras).result()


def _segment(
    path: Path, precision: str, threads: int, cameras: Sequence[tuple[int, int]]
) -> float | None:
    # Written to: what is only asked for takes no memory.
    frames = [Frame(np.full((*size, 3), 127, np.uint8)) for size in cameras]
    with open_engine(path, 'openvino', precision, threads) as engine:
        for _ in range(_FRAMES):
            answers = [Segmenter(engine).segment(frame) for frame in frames]
    assert len(answers) == len(frames)
    return _peak()


def _peak() -> float | None:
    """Read what Linux kept as this program's peak; getrusage would count its parent's too."""
    lines = _STATUS.read_text().splitlines() if _STATUS.is_file() else []
    values = [line.split()[1] for line in lines if line.startswith('VmHWM')]
    return int(values[0]) * 1024 / 1e6 if values else None
