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

"""Several processes of one run: what the first one decides, and synchronized batch norms."""

import os
from typing import Any, TypeVar

from accelerate.utils import broadcast_object_list
import torch
from torch import nn, Tensor
import torch.distributed as dist

T = TypeVar('T')


def count_processes() -> int:
    """Return how many processes torchrun started on all machines, 1 without it."""
    return int(os.environ.get('WORLD_SIZE', '1'))


def is_main_process() -> bool:
    """Return whether this is the process that reads and writes the run's folder."""
    return os.environ.get('RANK', '0') == '0'


def from_main_process(value: T) -> T:
    """
    Return the value that the main process passed; those of the others do not matter.

    The folder of a run may be on the main process's machine only. With several processes an
    accelerator must have been built before.
    """
    if count_processes() == 1:
        return value
    values = [value]
    broadcast_object_list(values)
    return values[0]


def synchronize_norms(network: nn.Module, processes: int) -> nn.Module:
    """Return the network with synchronized batch norms where several processes train it."""
    if processes == 1:
        return network
    if torch.cuda.is_available():
        converted: nn.Module = nn.SyncBatchNorm.convert_sync_batchnorm(network)
        return converted
    # torch's own SyncBatchNorm needs a GPU.
    for module in network.modules():
        if type(module) is nn.BatchNorm2d:
            module.__class__ = SyncedBatchNorm2d
    return network


class SyncedBatchNorm2d(nn.BatchNorm2d):
    """Batch norm whose statistics are those of all processes' batches together."""

    def forward(self, features: Tensor) -> Tensor:
        """Normalize [N, C, H, W] as one process would with the whole batch."""
        if not self.training:
            return super().forward(features)
        dtype, features = features.dtype, features.float()
        sums = torch.stack([features.sum((0, 2, 3)), features.square().sum((0, 2, 3))])
        count = features.numel() / features.shape[1] * dist.get_world_size()
        mean, square = _AllReduceSum.apply(sums) / count
        # Rounding could make a variance of zero negative.
        variance = (square - mean.square()).clamp(min=0)
        self._update_running_statistics(mean.detach(), variance.detach() * count / (count - 1))
        normalized = (features - mean.view(1, -1, 1, 1)) * torch.rsqrt(
            variance.view(1, -1, 1, 1) + self.eps
        )
        scaled: Tensor = normalized * self.weight.view(1, -1, 1, 1) + self.bias.view(1, -1, 1, 1)
        return scaled.to(dtype)

    def _update_running_statistics(self, mean: Tensor, variance: Tensor) -> None:
        assert self.running_mean is not None and self.running_var is not None
        assert self.momentum is not None and self.num_batches_tracked is not None
        self.num_batches_tracked.add_(1)
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance, self.momentum)


class _AllReduceSum(torch.autograd.Function):
    """Sum over all processes; the gradient is summed likewise."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        """Add up the values of all processes."""
        total = values.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        """Add up the gradients of all processes, each of whose losses depends on all values."""
        total = gradients[0].contiguous().clone()
        dist.all_reduce(total)
        return total
