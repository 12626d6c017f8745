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

"""In which order training keeps the numbers of pictures and weights in memory."""

import torch


def memory_format(device: torch.device) -> torch.memory_format:
    """
    Give channels last, which is faster, but on CPUs without AVX-512.

    There torch 2.14 damages the heap in channels-last convolutions of channel counts that no 8
    divides, as pruning with --multiple 1 leaves them.
    """
    if device.type == 'cpu' and torch.backends.cpu.get_cpu_capability() != 'AVX512':
        return torch.contiguous_format
    return torch.channels_last
