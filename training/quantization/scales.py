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


"""The scale table: the size of one int8 step of every value that is read through a pair."""

from collections.abc import Mapping

import numpy as np
from swiftnet_ros.errors import UnknownNameError
from training.quantization.activation_ranges import Histogram, METHODS
from training.quantization.calibration_run import CalibrationError
from training.quantization.placement import Placement

ACTIVATION_MAX = 127


def scale_table(
    statistics: Mapping[str, Histogram], placement: Placement, method: str
) -> dict[str, float]:
    """Give the step of every value that the placement names, equal where values share it."""
    if method not in METHODS:
        raise UnknownNameError('method', method, METHODS)
    steps = {name: step(name, statistics[name], method) for name in placement.readers}
    shared: dict[str, float] = {}
    for name, leader in placement.leaders.items():
        shared[leader] = max(shared.get(leader, 0.0), steps[name])
    return {name: shared[leader] for name, leader in placement.leaders.items()}


def step(name: str, histogram: Histogram, method: str) -> float:
    """Give the step of one value, a float32 above 0."""
    value = float(np.float32(METHODS[method](histogram) / ACTIVATION_MAX))
    if value < np.finfo(np.float32).tiny:
        raise CalibrationError(
            f'tensor {name} is 0 on every image, so that it has no scale; calibrate with images '
            'like those of the camera, or remove what is dead with: python -m training prune '
            "CHECKPOINT --ratios '{}' --multiple 1 -o OUT.pt"
        )
    return value
