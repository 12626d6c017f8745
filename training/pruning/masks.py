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
Unstructured pruning: masks over single weights, for lottery-ticket experiments.

A masked network keeps the shape and the speed of the full one, since zeros are multiplied like
all other numbers. For speed, remove whole channels (structured.py).
"""

from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
import math
from pathlib import Path
from typing import Any

import numpy as np
from swiftnet_ros.errors import (
    InvalidValueError,
    SwiftnetError,
    UnknownNameError,
    UnreadableFileError,
)
from swiftnet_ros.system.files import write_json
from swiftnet_ros.system.json_reader import read_json_object
import torch
from torch import nn, Tensor
from training.pruning.options import EmptyLayerError

# name of a convolution's weight -> bool of its shape, True where the weight is kept
Masks = Mapping[str, Tensor]
# Bytes of a file of masks: 400 million weights.
_MAX_BYTES = 1 << 26
SCOPES = ('global', 'layer')


@dataclass(frozen=True)
class MaskOptions:
    """The fraction of weights to mask, ranked over all layers (`global`) or in each `layer`."""

    ratio: float = 0.5
    scope: str = 'global'

    def __post_init__(self) -> None:
        if self.scope not in SCOPES:
            raise UnknownNameError('scope of masks', self.scope, SCOPES)
        if not 0 <= self.ratio < 1:
            raise InvalidValueError('ratio', self.ratio, 'a fraction from 0 to below 1')


class MaskMismatchError(SwiftnetError):
    """Masks of another network."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(
            f'the masks do not fit the network: {name} {reason}; make them from this network'
        )


def unstructured_masks(network: nn.Module, options: MaskOptions) -> dict[str, Tensor]:
    """
    Return masks that remove the weights of smallest magnitude of all convolutions.

    Weights that are already 0 are removed first, so that masks of rising ratios are nested. Raise
    EmptyLayerError if nothing would be left of a layer.
    """
    weights = {
        f'{name}.weight': layer.weight.detach().abs().cpu()
        for name, layer in network.named_modules()
        if isinstance(layer, nn.Conv2d)
    }
    magnitudes = [weight.flatten() for weight in weights.values()]
    if options.scope == 'layer':
        kept = [_largest(magnitude, options.ratio) for magnitude in magnitudes]
    else:
        all_kept = _largest(torch.cat(magnitudes), options.ratio)
        kept = list(all_kept.split([len(magnitude) for magnitude in magnitudes]))
    masks = dict(zip(weights, kept, strict=True))
    for name, mask in masks.items():
        if not mask.any():
            raise EmptyLayerError(name.removesuffix('.weight'), mask.numel(), 'weights')
    return {name: mask.view_as(weights[name]) for name, mask in masks.items()}


def apply_masks(network: nn.Module, masks: Masks) -> None:
    """
    Set the masked weights to 0, in place; training has to repeat it after every step.

    Raise MaskMismatchError if the masks are those of another network.
    """
    weights = dict(network.named_parameters())
    for name, mask in masks.items():
        if name not in weights:
            raise MaskMismatchError(name, 'is missing')
        weight = weights[name]
        if weight.shape != mask.shape:
            raise MaskMismatchError(name, f'is {_shape(weight)}, its mask {_shape(mask)}')
        weight.data.mul_(mask.to(weight.device))


def save_masks(masks: Masks, path: Path) -> None:
    """Write masks as JSON: shape, number of kept weights, one bit per weight in base64."""
    tree = {
        name: {
            'shape': list(mask.shape),
            'kept': int(mask.sum()),
            'bits': b64encode(np.packbits(mask.cpu().numpy()).tobytes()).decode(),
        }
        for name, mask in masks.items()
    }
    write_json(path, tree, indent=1)


def load_masks(path: Path) -> dict[str, Tensor]:
    """Load masks; raise FileMissingError or UnreadableFileError if there are none."""
    tree = read_json_object(path, 'file of masks', _MAX_BYTES)
    try:
        return {name: _unpack(packed) for name, packed in tree.items()}
    except (AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        raise UnreadableFileError(path, 'file of masks') from error


def _largest(magnitudes: Tensor, ratio: float) -> Tensor:
    """Return a mask, False for the fraction `ratio` of smallest values, ties in their order."""
    kept = torch.ones(len(magnitudes), dtype=torch.bool)
    kept[magnitudes.argsort(stable=True)[: round(ratio * len(magnitudes))]] = False
    return kept


def _unpack(packed: Mapping[str, Any]) -> Tensor:
    shape, content = packed['shape'], b64decode(packed['bits'], validate=True)
    count = math.prod(shape)
    if min(shape, default=0) < 0 or len(content) != -(-count // 8):
        raise ValueError('bits of another shape')
    bits = np.unpackbits(np.frombuffer(content, np.uint8), count=count)
    mask = torch.from_numpy(bits.astype(bool)).view(shape)
    if int(mask.sum()) != packed['kept']:
        raise ValueError('damaged bits')
    return mask


def _shape(tensor: Tensor) -> str:
    return 'x'.join(str(side) for side in tensor.shape)
