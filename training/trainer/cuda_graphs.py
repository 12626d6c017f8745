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
"""
Networks replay_as_cuda_graph as CUDA graphs: one launch instead of one for every kernel.

Small networks wait for the processor that launches their kernels, not for the GPU.
"""

from swiftnet_ros.errors import InvalidValueError
import torch
from torch import nn, Tensor


def replay_as_cuda_graph(network: nn.Module, images: Tensor) -> nn.Module:
    """
    Make a network replay forward and backward pass for batches shaped like `images`.

    In its present mode, training or not; in the other it runs as usual. The running means of its
    norms are as before. The network itself is changed and given back. `images` are on a GPU.
    """
    before = [buffer.clone() for buffer in network.buffers()]
    try:
        torch.cuda.make_graphed_callables(network, (images,))
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        raise InvalidValueError('train.cuda_graphs', True, f'false here: {reason}') from error
    for buffer, value in zip(network.buffers(), before):
        buffer.copy_(value)
    return network
