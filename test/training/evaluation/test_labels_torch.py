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

"""The runtime resizes like torch, so that the mIoU of training is that of the robot."""

import numpy as np
import pytest
from swiftnet_ros.core.frames import Frame, to_network_input
from swiftnet_ros.core.labels import from_logits
import torch
from torch.nn.functional import interpolate

# Equal to, below and above the input 360x480 of a network of stride 8, with odd ratios.
SIZES = [(360, 480), (720, 960), (180, 240), (97, 133), (1080, 1920), (45, 60), (23, 31)]


def smooth_logits(classes: int = 11) -> torch.Tensor:
    """Return logits [1, C, 45, 60] with regions like those of a network."""
    coarse = torch.randn(1, classes, 6, 8, generator=torch.Generator().manual_seed(0))
    noise = torch.randn(1, classes, 45, 60, generator=torch.Generator().manual_seed(1))
    return 5 * interpolate(coarse, (45, 60), mode='bicubic') + noise


@pytest.mark.parametrize('size', SIZES)
def test_labels_and_confidence_equal_those_of_bilinear_logits_in_torch(size: tuple[int, int]):
    logits = smooth_logits()
    upsampled = interpolate(logits, size, mode='bilinear', align_corners=False)[0]
    result = from_logits(logits[0].numpy(), *size, with_confidence=True)
    assert np.mean(result.labels == upsampled.argmax(dim=0).numpy()) >= 0.9999
    assert result.confidence is not None
    expected = 255 * upsampled.softmax(dim=0).amax(dim=0)
    assert np.abs(result.confidence - expected.numpy()).max() < 0.501


@pytest.mark.parametrize('size', SIZES)
def test_stretch_equals_bilinear_in_torch_within_one_gray_value(size: tuple[int, int]) -> None:
    image = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    planes = torch.from_numpy(image).permute(2, 0, 1)[None].float()
    expected = interpolate(planes, (360, 480), mode='bilinear', align_corners=False)
    stretched = to_network_input(Frame(image), 360, 480)[0].transpose(2, 0, 1)
    assert np.abs(stretched - expected[0].numpy()).max() <= 1.0
