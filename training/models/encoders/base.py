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

"""What every encoder is: a stem and four stages whose outputs have strides 4, 8, 16 and 32."""

from collections.abc import Sequence

from swiftnet_ros.errors import InvalidValueError, one_line, SwiftnetError
import torch
from torch import nn, Tensor
from torchvision.models import get_model_weights


class PretrainedWeightsError(SwiftnetError):
    """ImageNet weights that cannot be had or do not fit."""

    def __init__(self, name: str, reason: object) -> None:
        super().__init__(
            f'ImageNet weights of {name} cannot be loaded ({one_line(reason)}); '
            "connect to the network, put torchvision's file into its cache, or set "
            'model.pretrained to false'
        )


class Encoder(nn.Module):
    """
    A recognition network without its classifier.

    A subclass fills `stem` and `stages` and may replace `activate`. `widths` are the output
    channels of the stem and the four stages.
    """

    def __init__(self, name: str, widths: Sequence[int], stem: nn.Module, stages: nn.ModuleList):
        super().__init__()
        self.name = name
        self.widths = tuple(widths)
        self.stem = stem
        self.stages = stages

    def activate(self, features: Tensor) -> Tensor:
        """Apply what stands between two blocks."""
        return torch.relu(features)

    def forward(self, image: Tensor, level: int = 0) -> list[Tensor]:
        """Give the four stages' features before their last ReLU, [N, widths[i], H/s, W/s]."""
        current = self.stem(image, level)
        features = []
        for stage in self.stages:
            assert isinstance(stage, nn.ModuleList)
            for block in stage:
                answer = block(current, level)
                current = self.activate(answer)
            features.append(answer)
        return features

    def torchvision_key(self, key: str) -> str:
        """Give torchvision's name of one of this encoder's parameters."""
        raise NotImplementedError

    def load_imagenet(self) -> None:
        """Fill in torchvision's ImageNet weights; every pyramid level gets the same norms."""
        try:
            source = get_model_weights(self.name).DEFAULT.get_state_dict(progress=True)
        except (OSError, RuntimeError, ValueError) as error:
            # no network, a damaged download, an encoder that torchvision does not have
            raise PretrainedWeightsError(self.name, error) from error
        own = self.state_dict()
        # files from before torch 0.4.1 lack the counters of the norms
        kept = {key: value for key, value in own.items() if key.endswith('num_batches_tracked')}
        loaded = {key: source.get(self.torchvision_key(key)) for key in own if key not in kept}
        if any(value is None or value.shape != own[key].shape for key, value in loaded.items()):
            raise PretrainedWeightsError(self.name, 'the widths are not the published ones')
        self.load_state_dict({**kept, **loaded})


def checked_widths(widths: Sequence[int] | None, published: Sequence[int]) -> tuple[int, ...]:
    """Take the published widths where none are given; refuse impossible ones."""
    chosen = tuple(published if widths is None else widths)
    if len(chosen) != len(published) or min(chosen) < 1:
        raise InvalidValueError(
            'model.widths', list(chosen), f'{len(published)} positive numbers (stem and stages)'
        )
    return chosen
