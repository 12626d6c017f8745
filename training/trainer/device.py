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

"""How training uses its device: mixed precision, memory format, CUDA graphs."""

from datetime import timedelta

from accelerate import Accelerator
from accelerate.utils import InitProcessGroupKwargs
from swiftnet_ros.errors import InvalidValueError, UnknownNameError
from swiftnet_ros.text import one_line
import torch
from torch import nn, Tensor

# How long the other processes wait while the main process evaluates.
_PROCESS_GROUP_TIMEOUT = timedelta(hours=12)
_MIXED_PRECISION = {'none': 'no', 'bf16': 'bf16', 'fp16': 'fp16'}


def build_accelerator(amp: str) -> Accelerator:
    """Return the accelerator of a run; raise UnknownNameError or InvalidValueError for amp."""
    if amp not in _MIXED_PRECISION:
        raise UnknownNameError('value of train.amp', amp, _MIXED_PRECISION)
    if amp == 'fp16' and not torch.cuda.is_available():
        raise InvalidValueError('train.amp', amp, 'none or bf16 where there is no GPU')
    # All batches have one shape, so that searching for the fastest convolutions pays off.
    torch.backends.cudnn.benchmark = True
    return Accelerator(
        # Several processes share a CPU only if this is set.
        cpu=not torch.cuda.is_available(),
        mixed_precision=_MIXED_PRECISION[amp],
        step_scheduler_with_optimizer=False,
        kwargs_handlers=[InitProcessGroupKwargs(timeout=_PROCESS_GROUP_TIMEOUT)],
    )


def memory_format(device: torch.device, network: nn.Module) -> torch.memory_format:
    """
    Return channels last, the faster format, except where it is not safe on a CPU.

    In torch 2.14 the gradient of a strided 1x1 convolution in channels last corrupts the heap if
    its input has fewer than 16 channels, and without AVX-512 if they are no multiple of 8, as
    narrow or pruned networks have.
    """
    if device.type != 'cpu':
        return torch.channels_last
    has_avx512 = torch.backends.cpu.get_cpu_capability() == 'AVX512'
    is_safe = has_avx512 and not any(map(_is_narrow_and_strided, network.modules()))
    return torch.channels_last if is_safe else torch.contiguous_format


def _is_narrow_and_strided(layer: nn.Module) -> bool:
    if not isinstance(layer, nn.Conv2d):
        return False
    return layer.kernel_size == (1, 1) and layer.stride != (1, 1) and layer.in_channels < 16


def replay_as_cuda_graph(network: nn.Module, images: Tensor) -> nn.Module:
    """
    Replay a network as one launch instead of one per kernel; it is changed in place.

    A small network waits for the CPU that launches its kernels, not for the GPU. Batches must
    have the shape of `images`, which are on a GPU. The graph is replayed in the current mode
    (training or evaluation); in the other mode the network runs as usual. The running statistics
    of its norms stay as they were. Raise InvalidValueError if the network cannot be captured.
    """
    before = [buffer.clone() for buffer in network.buffers()]
    try:
        torch.cuda.make_graphed_callables(network, (images,))
    except RuntimeError as error:
        # Its other lines are advice on debugging.
        reason = str(error).partition('\n')[0]
        expected = f'false here: {one_line(reason)}'
        raise InvalidValueError('train.cuda_graphs', True, expected) from error
    for buffer, value in zip(network.buffers(), before):
        buffer.copy_(value)
    return network
