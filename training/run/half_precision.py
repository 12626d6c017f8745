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

"""Checkpoints in half precision, which are half as large: to ship, and to train further."""

from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor
from training.run.checkpoint import Checkpoint, CheckpointError, load_checkpoint

_CONVOLUTION_DIMS = 4


def half_precision(path: Path) -> Checkpoint:
    """
    Return a stored checkpoint with the weights of its convolutions in float16.

    Biases and norms remain float32: they are small, and a variance may not fit. There is no
    progress of a run; `miou` is None, as the rounded weights have not been evaluated. Raise
    CheckpointError if a weight is too large for float16.
    """
    checkpoint = load_checkpoint(path)
    weights = {name: _rounded(path, name, item) for name, item in checkpoint.weights.items()}
    return replace(checkpoint, weights=weights, miou=None, progress={})


def _rounded(path: Path, name: str, weight: Tensor) -> Tensor:
    if weight.dim() != _CONVOLUTION_DIMS:
        return weight
    rounded = weight.to(torch.float16)
    if not rounded.isfinite().all():
        raise CheckpointError(path, f'its weight {name} is too large for half precision')
    return rounded
