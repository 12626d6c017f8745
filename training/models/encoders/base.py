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

"""The base class of encoders: a stem and four stages with outputs of stride 4, 8, 16 and 32."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from swiftnet_ros.errors import InvalidValueError, SwiftnetError
from swiftnet_ros.system.progress import shows_bars
from swiftnet_ros.text import one_line
import torch
from torch import nn, Tensor
from torchvision.models import get_model_weights

_COUNTER = 'num_batches_tracked'


class PretrainedWeightsError(SwiftnetError):
    """ImageNet weights that cannot be downloaded or do not fit."""

    def __init__(self, name: str, reason: object) -> None:
        super().__init__(
            f'ImageNet weights of {name} cannot be loaded ({one_line(reason)}); '
            "connect to the network, put torchvision's file into its cache, or set "
            'model.pretrained to false'
        )


class WeightsFileError(SwiftnetError):
    """A file of weights that does not fit an encoder."""

    def __init__(self, path: object, name: str, reason: object) -> None:
        super().__init__(
            f'{path} cannot initialize {name}: {one_line(reason)}; model.pretrained takes a state '
            "dict of this encoder in torchvision's layout, or a checkpoint that has this encoder"
        )


class Encoder(nn.Module):
    """
    A classification network without its classifier.

    A subclass defines `stem` and `stages` and may override `activate`. `widths` are the output
    channels of the stem and the four stages. Keys of torchvision's network that begin with one of
    `classifier_keys` are of layers that the encoder does not have.
    """

    classifier_keys: tuple[str, ...] = ()

    def __init__(self, name: str, widths: Sequence[int], stem: nn.Module, stages: nn.ModuleList):
        super().__init__()
        self.name = name
        self.widths = tuple(widths)
        self.stem = stem
        self.stages = stages
        self.frozen: tuple[nn.Module, ...] = ()

    def freeze(self, stages: int) -> None:
        """Keep weights and norms of the stem and the first stages as they are; 0 for none."""
        self.frozen = (self.stem, *self.stages[:stages]) if stages else ()
        for part in self.frozen:
            part.eval().requires_grad_(False)

    def train(self, mode: bool = True) -> 'Encoder':
        """Set the mode of training; frozen parts stay in that of evaluation."""
        super().train(mode)
        for part in self.frozen:
            part.eval()
        return self

    def activate(self, features: Tensor) -> Tensor:
        """Apply the activation between two blocks."""
        return torch.relu(features)

    def forward(self, image: Tensor, level: int = 0) -> list[Tensor]:
        """Return the four stages' features before their last ReLU, [N, widths[i], H/s, W/s]."""
        current = self.stem(image, level)
        features = []
        for stage in self.stages:
            assert isinstance(stage, nn.ModuleList)
            for block in stage:
                output = block(current, level)
                current = self.activate(output)
            features.append(output)
        return features

    def torchvision_key(self, key: str) -> str:
        """Return torchvision's name of one of this encoder's parameters."""
        raise NotImplementedError

    def torchvision_weights(self) -> dict[str, Tensor]:
        """Return the weights by torchvision's keys; of a pyramid the norms of the finest level."""
        weights: dict[str, Tensor] = {}
        for key, value in self.state_dict().items():
            weights.setdefault(self.torchvision_key(key), value)
        return weights

    def from_torchvision(self, source: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the weights by this encoder's keys, without those that the source lacks."""
        names = ((key, self.torchvision_key(key)) for key in self.state_dict())
        return {key: source[name] for key, name in names if name in source}

    def output_channels(self) -> list[int]:
        """Return the channels of the four stages' outputs."""
        training = self.training
        self.eval()
        with torch.no_grad():
            channels = [features.shape[1] for features in self(torch.zeros(1, 3, 32, 32))]
        self.train(training)
        return channels

    def load_imagenet(self) -> None:
        """Load torchvision's ImageNet weights; every pyramid level gets the same batch norms."""
        try:
            source = get_model_weights(self.name).DEFAULT.get_state_dict(progress=shows_bars())
        except (OSError, RuntimeError, ValueError) as error:
            # No network, a damaged download, or an encoder that torchvision does not have.
            raise PretrainedWeightsError(self.name, error) from error
        if self._misfit(source):
            raise PretrainedWeightsError(self.name, 'the widths are not the published ones')
        self._load(source)

    def load_weights(self, source: Mapping[str, Tensor], path: Path) -> None:
        """Load weights with torchvision's keys from a file; raise WeightsFileError."""
        misfit = self._misfit(source)
        if misfit:
            raise WeightsFileError(path, self.name, misfit)
        self._load(source)

    def _misfit(self, source: Mapping[str, Tensor]) -> str:
        """Return what does not fit first, or nothing."""
        known = set()
        for key, own in self.state_dict().items():
            name = self.torchvision_key(key)
            known.add(name)
            # Files from before torch 0.4.1 lack the batch norms' counters.
            if key.endswith(_COUNTER):
                continue
            if name not in source:
                return f'{name} is missing'
            if source[name].shape != own.shape:
                shapes = f'{list(source[name].shape)}, not {list(own.shape)}'
                return f'{name} has the shape {shapes}'
        for name in source:
            if name not in known and not name.startswith(self.classifier_keys):
                return f'{name} is not in this encoder'
        return ''

    def _load(self, source: Mapping[str, Tensor]) -> None:
        loaded = self.from_torchvision(source)
        counters = {key: n for key, n in self.state_dict().items() if key.endswith(_COUNTER)}
        self.load_state_dict({**loaded, **counters})


def checked_widths(widths: Sequence[int] | None, published: Sequence[int]) -> tuple[int, ...]:
    """Return the widths, or the published ones for None; raise InvalidValueError if invalid."""
    chosen = tuple(published if widths is None else widths)
    if len(chosen) != len(published) or min(chosen) < 1:
        raise InvalidValueError(
            'model.widths', list(chosen), f'{len(published)} positive numbers (stem and stages)'
        )
    return chosen
