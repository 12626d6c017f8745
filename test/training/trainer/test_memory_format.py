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

"""The memory format of training by device and CPU."""

import pytest
import torch
from training.trainer.memory_format import memory_format


@pytest.mark.parametrize(
    ('device', 'capability', 'expected'),
    [
        ('cpu', 'AVX512', torch.channels_last),
        ('cpu', 'AVX2', torch.contiguous_format),
        ('cpu', 'DEFAULT', torch.contiguous_format),
        ('cuda', 'AVX2', torch.channels_last),
    ],
)
def test_cpu_without_avx512_trains_channels_first(monkeypatch, device, capability, expected):
    monkeypatch.setattr(torch.backends.cpu, 'get_cpu_capability', lambda: capability)
    assert memory_format(torch.device(device)) == expected
