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

"""The start-up self-check: whether an engine gives the labels that the trained network gave."""

import numpy as np
from swiftnet_ros.backends.base import Engine
from swiftnet_ros.core.frames import Frame
from swiftnet_ros.model_spec import Golden


def check_engine(engine: Engine, golden: Golden) -> float:
    """
    Segment the golden frame; give the fraction of its pixels that get the golden label.

    The golden labels come from the FP32 network in torch, never from the engine under test.
    """
    height, width = golden.labels.shape
    answer = engine.segment(Frame(golden.frame, 'rgb'), (height, width))
    return float(np.mean(answer.labels == golden.labels))
