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
"""Lovasz-Softmax: a loss that falls as the IoU of each class rises, however few its pixels are."""

import torch
from torch import Tensor
from training.datasets.class_table import UNLABELED
from training.models.layers import resize

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
