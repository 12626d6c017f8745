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
CUDA graphs: replay a network as one launch instead of one per kernel.

A small network waits for the CPU that launches its kernels, not for the GPU.
"""

from swiftnet_ros.errors import InvalidValueError
import torch
from torch import nn, Tensor


def replay_as_cuda_graph(network: nn.Module, images: Tensor) -> nn.Module:
    """
    Capture the forward and backward pass of a network and return it; it is changed in place.

    Batches must have the shape of `images`, which are on a GPU. The graph is replayed in the
    current mode (training or evaluation); in the other mode the network runs as usual. The
    running statistics of its norms stay as they were. Raise InvalidValueError if the network
    cannot be captured.
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
