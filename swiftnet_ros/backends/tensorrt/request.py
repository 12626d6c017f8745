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

"""What a user wants built, and what is told meanwhile."""

from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from swiftnet_ros.errors import InvalidValueError, UnknownNameError

PRECISIONS = ('best', 'fp32', 'fp16', 'int8')
CALIBRATORS = ('entropy2', 'minmax')


@dataclass(frozen=True)
class BuildRequest:
    """
    An engine that is wanted, of a model's file or of a shipped model by its name.

    `precision` best is the fastest that the file allows. `calibration` is for implicit INT8: the
    cache or the ranges of `python -m training quantize --tensorrt-tables`, or a folder of images,
    for which `calibrator` counts. `workspace_mb` of 0 is TensorRT's default.
    `compute_capability` builds for such a GPU where there is none; only tensorrt_rtx can.
    `output` is the engine's file in place of one in the cache.
    """

    model: Path
    precision: str = 'best'
    calibration: Optional[Path] = None
    dla: Optional[int] = None
    workspace_mb: int = 0
    obey_precision: bool = False
    module: str = 'tensorrt'
    compute_capability: Optional[str] = None
    output: Optional[Path] = None
    cache: Optional[Path] = None
    calibrator: str = CALIBRATORS[0]
    timing_cache: Optional[Path] = None

    def __post_init__(self) -> None:
        """Refuse what cannot be, before anything is imported or read."""
        for what, name, known in (
            ('precision', self.precision, PRECISIONS),
            ('calibrator', self.calibrator, CALIBRATORS),
        ):
            if name not in known:
                raise UnknownNameError(what, name, known)
        if self.workspace_mb < 0:
            raise InvalidValueError('workspace', self.workspace_mb, 'megabytes, 0 for the default')
        if self.dla is not None and self.dla < 0:
            raise InvalidValueError('DLA core', self.dla, '0 or 1')


@dataclass(frozen=True)
class Progress:
    """Where a build is: `fraction` of the phase where TensorRT tells it, seconds in all."""

    phase: str
    fraction: Optional[float]
    elapsed_s: float
    last_build_s: Optional[float]
