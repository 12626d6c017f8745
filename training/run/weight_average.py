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
The weight average of checkpoints that were fine-tuned from common weights (model soup).

It is often as good as the best of them on clean images and keeps much of the robustness that
another learned (Wortsman et al., Model soups, ICML 2022; Robust fine-tuning, CVPR 2022).
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from swiftnet_ros.errors import InvalidValueError
import torch
from torch import Tensor
from training.datasets.terms import combined_terms
from training.run.checkpoint import Checkpoint, CheckpointError, load_checkpoint


def average_checkpoints(paths: Sequence[Path]) -> Checkpoint:
    """
    Return a checkpoint with the mean weights and batch-norm statistics of two or more.

    They must have equal models, pruned shapes and classes; the terms are those of all, everything
    else is that of the first.
    `miou` is None, as the average has not been evaluated.
    """
    if len(paths) < 2:
        raise InvalidValueError('checkpoints', len(paths), 'two or more')
    first, *others = (load_checkpoint(path) for path in paths)
    for path, other in zip(paths[1:], others):
        _check_compatible(path, other, first)
    weights = {
        name: _mean([weight, *(other.weights[name] for other in others)])
        for name, weight in first.weights.items()
    }
    terms = combined_terms(item.known_terms for item in (first, *others))
    return replace(
        first, weights=weights, miou=None, progress={}, license=terms.license, terms=terms.terms
    )


def _check_compatible(path: Path, other: Checkpoint, first: Checkpoint) -> None:
    """Raise CheckpointError if the weights of a checkpoint cannot be averaged with the first's."""
    pairs = {
        'network': (other.model, first.model),
        'class table': (tuple(other.classes), tuple(first.classes)),
        'size': ((other.height, other.width), (first.height, first.width)),
        'shape': (_shapes(other), _shapes(first)),
    }
    for what, (received, expected) in pairs.items():
        if received != expected:
            reason = f'its {what} is not that of the first: average networks trained on from one'
            raise CheckpointError(path, reason)


def _shapes(checkpoint: Checkpoint) -> dict[str, torch.Size]:
    return {name: weight.shape for name, weight in checkpoint.weights.items()}


def _mean(tensors: Sequence[Tensor]) -> Tensor:
    """Return the mean of floats, computed in double precision, and the largest of counters."""
    stacked = torch.stack(list(tensors))
    if stacked.is_floating_point():
        return stacked.double().mean(0).to(tensors[0].dtype)
    return stacked.amax(0)
