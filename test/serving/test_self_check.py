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

"""The self-check counts the golden pixels that an engine labels as the network did."""

import numpy as np
import pytest
from swiftnet_ros.backends.registry import open_engine
from swiftnet_ros.core.frames import Frame
from swiftnet_ros.model_spec import Golden
from swiftnet_ros.serving.model_loader import check_engine


@pytest.fixture
def engine(tiny_path):
    """Give the tiny model on the CPU."""
    with open_engine(tiny_path, threads=1) as opened:
        yield opened


def test_labels_of_the_engine_itself_agree_fully(engine, noise):
    frame = noise(60, 90)
    labels = engine.segment(Frame(frame, 'rgb'), (60, 90)).labels
    assert check_engine(engine, Golden(frame, labels)) == 1.0


def test_agreement_is_the_fraction_of_right_pixels(engine, noise):
    frame = noise(48, 64)
    labels = engine.segment(Frame(frame, 'rgb'), (48, 64)).labels.copy()
    labels[:12] = 99
    assert check_engine(engine, Golden(frame, labels)) == 0.75
    assert check_engine(engine, Golden(frame, labels.astype(np.uint16))) == 0.75


def test_a_frame_with_its_channels_swapped_is_noticed(engine, noise):
    frame = noise(48, 64)
    labels = engine.segment(Frame(frame, 'rgb'), (48, 64)).labels
    swapped = np.ascontiguousarray(frame[:, :, ::-1])
    assert check_engine(engine, Golden(swapped, labels)) < 0.9
