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

"""The memory format of images and weights in training: channels last where it is sound."""

import torch


def memory_format(device: torch.device) -> torch.memory_format:
    """
    Return channels last, the faster format, except for CPUs without AVX-512.

    There torch 2.14 corrupts the heap in channels-last convolutions whose channel counts are no
    multiples of 8, which pruning with --multiple 1 produces.
    """
    if device.type == 'cpu' and torch.backends.cpu.get_cpu_capability() != 'AVX512':
        return torch.contiguous_format
    return torch.channels_last
