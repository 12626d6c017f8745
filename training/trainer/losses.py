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
Losses, chosen by name: pure functions of logits, labels and the distance to label edges.

Each gives the sum of the losses of the pixels that count, and how many they are, so that
several processes can divide by the count of them all. `class_weights` [C] multiply the losses of
each class's pixels; they do not change which pixels count.
"""

from collections.abc import Callable, Sequence
import inspect

from swiftnet_ros.errors import InvalidValueError, UnknownNameError
import torch
from torch import Tensor
import torch.nn.functional as F
from training.datasets.class_table import UNLABELED
from training.models.layers import resize
from training.schema.config import LossConfig
from training.schema.from_yaml import checked_options

# Sorting every pixel takes as long as the network; of the labels each fourth row and column do.
_STRIDE = 4


def lovasz_softmax(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """
    Give the loss of logits [N, C, h, w] and labels [N, H, W], times the pixels it rests on.

    The mean over the classes in the batch of the Lovasz extension of 1 - IoU at the errors of the
    softmax (Berman, Rannen Triki and Blaschko, CVPR 2018), over all pictures of the batch at once.
    Gives the product and the number of pixels, as the other losses give sum and count.
    """
    full = resize(logits.float(), labels.shape[1:])
    first = _STRIDE // 2
    thinned = full[:, :, first::_STRIDE, first::_STRIDE].softmax(1)
    wanted = labels[:, first::_STRIDE, first::_STRIDE]
    labelled = wanted != UNLABELED
    # [C, P] and [P]
    probabilities, wanted = thinned.movedim(1, 0)[:, labelled], wanted[labelled]
    count = labelled.sum()
    present = wanted.unique()
    if not len(present):
        return probabilities.sum(), count
    truth = (wanted == present[:, None]).float()
    # Pixels along the last axis: a GPU sums along any other one pixel after the other.
    errors, order = (truth - probabilities[present]).abs().sort(1, descending=True)
    slopes = _slopes(truth.gather(1, order))
    return (errors * slopes).sum(1).mean() * count, count


def _slopes(truth: Tensor) -> Tensor:
    """
    Give how much 1 - IoU grows with each further wrong pixel, worst first.

    `truth` [K, P] is 1 where a pixel is of the class.
    """
    present = truth.sum(1, keepdim=True)
    kept = present - truth.cumsum(1)
    union = present + (1 - truth).cumsum(1)
    lost = 1 - kept / union
    return torch.cat([lost[:, :1], lost[:, 1:] - lost[:, :-1]], 1)


Loss = Callable[..., tuple[Tensor, Tensor]]


def cross_entropy(
    logits: Tensor, labels: Tensor, edge_distance: Tensor, class_weights: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Cross entropy of logits [N, C, H, W] and labels [N, H, W]."""
    losses = _weighted(_pixels(logits, labels), labels, class_weights)
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
    Boundary-aware focal loss of pyramidal SwiftNet (Pattern Recognition 2021).

    Cross entropy, times a weight by the distance in pixels to the nearest label edge, times
    exp(gamma * (1 - p)) with p the detached probability of the true class.
    """
    if len(weights) != len(bins) + 1:
        expected = f'{len(bins) + 1} numbers, one more than bins'
        raise InvalidValueError('option weights of loss boundary_focal', weights, expected)
    losses = _pixels(logits, labels)
    borders = torch.tensor(bins, dtype=torch.float32, device=labels.device)
    table = torch.tensor(weights, dtype=torch.float32, device=labels.device)
    weight = table[torch.bucketize(edge_distance, borders)]
    focus = torch.exp(gamma * (1 - torch.exp(-losses.detach())))
    weighted = _weighted(weight * focus * losses, labels, class_weights)
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
    Cross entropy of the hard pixels of each picture (online hard example mining).

    Hard are the pixels whose true class has a probability under `threshold`, and at least the
    worst `kept` share of a picture; which ones they are, class weights do not change.
    """
    for name, value in (('threshold', threshold), ('kept', kept)):
        if not 0 < value < 1:
            raise InvalidValueError(f'option {name} of loss ohem', value, 'between 0 and 1')
    losses = _pixels(logits, labels).flatten(1)
    least = max(1, int(kept * losses.shape[1]))
    worst = losses.topk(least, dim=1).values[:, -1:]
    easy_loss = -torch.log(torch.tensor(threshold))
    labelled = (labels != UNLABELED).flatten(1)
    hard = (losses >= torch.minimum(worst, easy_loss.to(losses))) & labelled
    weighted = _weighted(losses, labels.flatten(1), class_weights)
    return (weighted * hard).sum(), hard.sum()


def _pixels(logits: Tensor, labels: Tensor) -> Tensor:
    """Upsample the logits to the labels' size; cross entropy [N, H, W], 0 where unlabeled."""
    full = resize(logits.float(), labels.shape[1:])
    return F.cross_entropy(full, labels, ignore_index=UNLABELED, reduction='none')


def _weighted(losses: Tensor, labels: Tensor, weights: Tensor | None) -> Tensor:
    """Multiply each pixel's loss by its class's weight."""
    if weights is None:
        return losses
    # What is unlabeled has no loss, whatever class is taken for it.
    return losses * weights.to(losses)[labels.where(labels != UNLABELED, 0)]


LOSSES: dict[str, Loss] = {
    'boundary_focal': boundary_focal,
    'cross_entropy': cross_entropy,
    'ohem': ohem,
}


def build_loss(config: LossConfig, class_weights: Sequence[float] | None = None) -> Loss:
    """Take the loss of a configuration, with its options and weights of classes filled in."""
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
