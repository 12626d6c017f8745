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
Losses for semantic segmentation: cross entropy, boundary-aware focal, OHEM, Lovasz-Softmax.

Each returns a sum over the pixels that count, and their number, so that several processes can
divide by the number of all pixels. Unlabeled pixels never count.
"""

from collections.abc import Callable, Sequence
import inspect

from swiftnet_ros.errors import InvalidValueError, UnknownNameError
import torch
from torch import Tensor
import torch.nn.functional as F
from training.datasets.class_table import excluded_class, UNLABELED
from training.models.layers import resize
from training.schema.config import LossConfig
from training.schema.from_yaml import checked_options

# (logits [N, C, h, w], labels [N, H, W], edge distance [N, H, W] in pixels) -> sum, count
Loss = Callable[..., tuple[Tensor, Tensor]]
# Lovasz-Softmax sorts every pixel, as slow as the network itself: take each fourth row and column.
_LOVASZ_STRIDE = 4


def cross_entropy(
    logits: Tensor, labels: Tensor, edge_distance: Tensor, class_weights: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Return the cross entropy; `class_weights` [C] multiply the loss of each class's pixels."""
    losses = _weighted(_pixel_cross_entropy(logits, labels), labels, class_weights)
    return losses.sum(), (labels != UNLABELED).sum()


def boundary_focal(
    logits: Tensor,
    labels: Tensor,
    edge_distance: Tensor,
    class_weights: Tensor | None = None,
    bins: Sequence[float] = (16, 64, 128),
    weights: Sequence[float] = (8, 4, 2, 1),
    gamma: float = 0.5,
) -> tuple[Tensor, Tensor]:
    """
    Return the boundary-aware focal loss of pyramidal SwiftNet (Pattern Recognition 2021).

    Cross entropy, times a weight by the distance in pixels to the nearest label edge, times
    exp(gamma * (1 - p)) with p the detached probability of the true class.
    """
    if len(weights) != len(bins) + 1:
        expected = f'{len(bins) + 1} numbers, one more than bins'
        raise InvalidValueError('option weights of loss boundary_focal', weights, expected)
    losses = _pixel_cross_entropy(logits, labels)
    boundaries = torch.tensor(bins, dtype=torch.float32, device=labels.device)
    weight_of_bin = torch.tensor(weights, dtype=torch.float32, device=labels.device)
    boundary_weight = weight_of_bin[torch.bucketize(edge_distance, boundaries)]
    focal_factor = torch.exp(gamma * (1 - torch.exp(-losses.detach())))
    weighted = _weighted(boundary_weight * focal_factor * losses, labels, class_weights)
    return weighted.sum(), (labels != UNLABELED).sum()


def ohem(
    logits: Tensor,
    labels: Tensor,
    edge_distance: Tensor,
    class_weights: Tensor | None = None,
    threshold: float = 0.7,
    kept: float = 0.0625,
) -> tuple[Tensor, Tensor]:
    """
    Return the cross entropy of the hard pixels (online hard example mining).

    A pixel is hard if the probability of its true class is below `threshold`, or if it is in the
    fraction `kept` of its image with the largest losses. Class weights do not change which
    pixels are hard.
    """
    for name, value in (('threshold', threshold), ('kept', kept)):
        if not 0 < value < 1:
            raise InvalidValueError(f'option {name} of loss ohem', value, 'between 0 and 1')
    losses = _pixel_cross_entropy(logits, labels).flatten(1)
    least = max(1, int(kept * losses.shape[1]))
    worst = losses.topk(least, dim=1).values[:, -1:]
    easy_loss = -torch.log(torch.tensor(threshold))
    labeled = (labels != UNLABELED).flatten(1)
    hard = (losses >= torch.minimum(worst, easy_loss.to(losses))) & labeled
    weighted = _weighted(losses, labels.flatten(1), class_weights)
    return (weighted * hard).sum(), hard.sum()


LOSSES: dict[str, Loss] = {
    'boundary_focal': boundary_focal,
    'cross_entropy': cross_entropy,
    'ohem': ohem,
}


def build_loss(config: LossConfig, class_weights: Sequence[float] | None = None) -> Loss:
    """
    Return the configured loss with its options and class weights bound.

    Raise UnknownNameError or InvalidValueError for a name, option or weights it does not take.
    """
    if config.name not in LOSSES:
        raise UnknownNameError('loss', config.name, LOSSES)
    function = LOSSES[config.name]
    takes_weights = 'class_weights' in inspect.signature(function).parameters
    options = checked_options(f'loss {config.name}', function, 3 + takes_weights, config.options)
    if class_weights is not None:
        if not takes_weights:
            raise InvalidValueError('class_weights.scheme', 'set', f'none for loss {config.name}')
        options['class_weights'] = torch.tensor(class_weights, dtype=torch.float32)

    def loss(logits: Tensor, labels: Tensor, edge_distance: Tensor) -> tuple[Tensor, Tensor]:
        return function(logits, labels, edge_distance, **options)

    return loss


def lovasz_softmax(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """
    Return the Lovasz-Softmax loss times the number of its pixels, and that number.

    The mean over the classes in the batch of the Lovasz extension of 1 - IoU at the errors of the
    softmax (Berman, Rannen Triki and Blaschko, CVPR 2018), over all images of the batch at once.
    """
    probabilities = upsample_thinned(logits, labels.shape[1:], _LOVASZ_STRIDE).softmax(1)
    targets = thinned(labels, _LOVASZ_STRIDE)
    labeled = targets != UNLABELED
    # [C, P] and [P]
    probabilities, targets = probabilities.movedim(1, 0)[:, labeled], targets[labeled]
    count = labeled.sum()
    present = targets.unique()
    if not len(present):
        return probabilities.sum(), count
    truth = (targets == present[:, None]).float()
    # Pixels are the last axis: along any other one a GPU sums them one after the other.
    errors, order = (truth - probabilities[present]).abs().sort(1, descending=True)
    gradients = _lovasz_gradients(truth.gather(1, order))
    return (errors * gradients).sum(1).mean() * count, count


def _lovasz_gradients(truth: Tensor) -> Tensor:
    """
    Return how much 1 - IoU grows with each further wrong pixel, largest error first.

    `truth` [K, P] is 1 where a pixel is of the class.
    """
    present = truth.sum(1, keepdim=True)
    intersection = present - truth.cumsum(1)
    union = present + (1 - truth).cumsum(1)
    lost = 1 - intersection / union
    return torch.cat([lost[:, :1], lost[:, 1:] - lost[:, :-1]], 1)


def exclusion_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """
    Return the sum of -log(1 - p) over the pixels whose label only says which class they are not.

    p is the probability of the class that such a pixel does not show; `logits` [N, C, H, W] have
    the labels' size.
    """
    classes = logits.shape[1]
    excluded = (labels >= classes) & (labels != UNLABELED)
    # [P, C]
    pixels = logits.movedim(1, 3)[excluded]
    ruled_out = excluded_class(labels[excluded])[:, None]
    others = pixels.scatter(1, ruled_out, -torch.inf)
    return (pixels.logsumexp(1) - others.logsumexp(1)).sum()


def upsample_thinned(logits: Tensor, size: Sequence[int], stride: int) -> Tensor:
    """
    Return float logits at every `stride`-th row and column of the size (height, width).

    They equal those of the resized logits there, without the cost of all others.
    """
    if stride == 1:
        return resize(logits.float(), size)
    first = stride // 2
    rows, columns = (
        _interpolation(from_, to, logits.device)[first::stride]
        for from_, to in zip(logits.shape[2:], size, strict=True)
    )
    return rows @ logits.float() @ columns.T


def thinned(labels: Tensor, stride: int) -> Tensor:
    """Return [N, H, W] at the rows and columns of `upsample_thinned`."""
    first = stride // 2
    return labels[:, first::stride, first::stride].contiguous()


def _interpolation(inputs: int, outputs: int, device: torch.device) -> Tensor:
    """Return the matrix [outputs, inputs] of linear interpolation with half-pixel centers."""
    identity = torch.eye(inputs, device=device)[None]
    return F.interpolate(identity, size=outputs, mode='linear', align_corners=False)[0].T


def _pixel_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Upsample the logits to the labels' size; cross entropy [N, H, W], 0 where unlabeled."""
    full = resize(logits.float(), labels.shape[1:])
    return F.cross_entropy(full, labels, ignore_index=UNLABELED, reduction='none')


def _weighted(losses: Tensor, labels: Tensor, class_weights: Tensor | None) -> Tensor:
    if class_weights is None:
        return losses
    # The loss of unlabeled pixels is 0, so they can have the weight of any class.
    return losses * class_weights.to(losses)[labels.where(labels != UNLABELED, 0)]
