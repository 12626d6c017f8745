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

"""What each process does in the test of synchronized norms; spawned processes import it."""

from collections.abc import MutableMapping

import torch
from torch import nn
import torch.distributed as dist
from training.trainer.distributed import synchronize_norms

Results = MutableMapping[int, dict[str, torch.Tensor]]


def features() -> torch.Tensor:
    """Return features [4, 3, 5, 6] whose mean and spread differ by channel and image."""
    drawn = torch.randn(4, 3, 5, 6, generator=torch.Generator().manual_seed(0))
    scale = torch.arange(1, 13).view(4, 3, 1, 1)
    return drawn * scale + scale


def fresh_norm() -> nn.BatchNorm2d:
    """Return a norm whose weights are not 1 and whose biases are not 0."""
    norm = nn.BatchNorm2d(3)
    norm.weight.data = torch.tensor([0.5, 1.5, -2.0])
    norm.bias.data = torch.tensor([0.1, -0.3, 0.7])
    return norm


def backpropagated(norm: nn.Module, batch: torch.Tensor) -> dict[str, torch.Tensor]:
    """Normalize twice, backpropagate the second output, and return all results."""
    norm.train()(batch)
    batch = batch.clone().requires_grad_()
    output = norm(batch)
    (output.pow(3).sum() / 4).backward()
    return {
        'output': output.detach(),
        'input_gradient': batch.grad,
        'weight': norm.weight.grad,
        'bias': norm.bias.grad,
        **{name: buffer.clone() for name, buffer in norm.named_buffers()},
    }


def backpropagate_half(rank: int, port: int, results: Results) -> None:
    """Join a group of two processes and backpropagate one half of the batch."""
    torch.set_num_threads(1)
    address = f'tcp://127.0.0.1:{port}'
    dist.init_process_group('gloo', init_method=address, rank=rank, world_size=2)
    network = synchronize_norms(nn.Sequential(fresh_norm()), 2)
    results[rank] = backpropagated(network[0], features().chunk(2)[rank])
    dist.barrier()
    dist.destroy_process_group()
