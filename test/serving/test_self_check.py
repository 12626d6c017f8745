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

"""The self-check: the fraction of the golden labels that are predicted."""

import numpy as np
import pytest
from swiftnet_ros import open_model
from swiftnet_ros.model_spec import Golden
from swiftnet_ros.serving.model_loader import golden_agreement


@pytest.fixture
def segmenter(tiny_path):
    """Open the tiny model on the CPU."""
    with open_model(tiny_path, threads=1) as opened:
        yield opened


def test_own_predictions_agree_fully(segmenter, noise):
    frame = noise(60, 90)
    labels = segmenter.segment(frame).labels
    assert golden_agreement(segmenter, Golden(frame, labels)) == 1.0


def test_agreement_is_the_fraction_of_correct_pixels(segmenter, noise):
    frame = noise(48, 64)
    labels = segmenter.segment(frame).labels.copy()
    labels[:12] = 99
    assert golden_agreement(segmenter, Golden(frame, labels)) == 0.75
    assert golden_agreement(segmenter, Golden(frame, labels.astype(np.uint16))) == 0.75


def test_swapped_channels_lower_the_agreement(segmenter, noise):
    frame = noise(48, 64)
    labels = segmenter.segment(frame).labels
    swapped = np.ascontiguousarray(frame[:, :, ::-1])
    assert golden_agreement(segmenter, Golden(swapped, labels)) < 0.9
