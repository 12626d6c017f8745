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

"""Narrow networks in double precision for pruning tests, and copies with zeroed channels."""

from collections.abc import Iterable, Mapping
from copy import deepcopy

import torch
from torch import nn
from training.datasets.loader import Batch
from training.models import build_model
from training.pruning.dependency_groups import OUT
from training.pruning.history import PruningHistory
from training.schema.config import ModelConfig

CLASSES = 5
WIDTHS = [8, 12, 16, 20, 24]
# layer -> output channels
ChannelIndices = Mapping[str, Iterable[int]]


def small_network(variant: str = 'pyramid', encoder: str = 'resnet18', **changes) -> nn.Module:
    """Return a network in evaluation mode, its norms as they are after training."""
    torch.manual_seed(0)
    options = {'widths': WIDTHS, 'features': 12, **changes}
    network = build_model(ModelConfig(variant, encoder, **options), CLASSES).double().eval()
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            for values in (layer.weight.data, layer.running_var):
                values.uniform_(0.5, 1.5)
            for values in (layer.bias.data, layer.running_mean):
                values.normal_(0, 0.1)
    return network


def noise_image(seed: int = 1, height: int = 64, width: int = 96) -> torch.Tensor:
    """Return noise, uint8 [1, 3, height, width]."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (1, 3, height, width), generator=generator).byte()


def calibration(batches: int = 2) -> list[Batch]:
    """Return batches of noise labeled in blocks, a few unlabeled; brightness tells the class."""
    result = []
    for seed in range(batches):
        generator = torch.Generator().manual_seed(seed)
        coarse = torch.randint(0, CLASSES + 1, (2, 8, 8), generator=generator)
        labels = coarse.repeat_interleave(8, 1).repeat_interleave(8, 2)
        images = (40 * labels[:, None] + noise_image(seed, 64, 64) // 8).byte()
        labels = torch.where(labels == CLASSES, 255, labels)
        result.append(Batch(images.expand(2, 3, 64, 64), labels, torch.zeros(2, 64, 64)))
    return result


def logits_of(network: nn.Module, image: torch.Tensor | None = None) -> torch.Tensor:
    with torch.inference_mode():
        return network.eval()(noise_image() if image is None else image)


def removed_outputs(history: PruningHistory) -> dict[str, set[int]]:
    """Return the output channels that one round removed from each layer."""
    return {r.layer: set(r.indices) for r in history.removals if r.side == OUT}


def zeroed(network: nn.Module, channels: ChannelIndices) -> nn.Module:
    """Return a copy of a network in which the weights that produce channels are 0."""
    copy = deepcopy(network)
    for name, indices in channels.items():
        layer = copy.get_submodule(name)
        for parameter in (layer.weight, layer.bias):
            if parameter is not None:
                parameter.data[sorted(indices)] = 0
    return copy
