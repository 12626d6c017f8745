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

"""The loss at every n-th pixel, and that of pixels known not to show a class."""

import pytest
import torch
import torch.nn.functional as F
from training.datasets.class_table import UNLABELED
from training.datasets.loader import Batch
from training.trainer.distillation import Objective
from training.trainer.losses import cross_entropy, exclusion_loss, thinned, upsample_thinned

NOT_FIRST = 254


def test_gradient_lowers_only_the_excluded_class():
    logits = torch.tensor([2.0, 1.0, 0.0]).view(1, 3, 1, 1).requires_grad_()
    loss = exclusion_loss(logits, torch.full((1, 1, 1), NOT_FIRST))
    p = logits.detach().softmax(1).flatten()
    assert loss.item() == pytest.approx(-torch.log(1 - p[0]).item(), abs=1e-6)
    loss.backward()
    # d/dz of -log(1 - p0): p0 for the class itself, -p0 pj / (1 - p0) for the others.
    expected = torch.tensor([p[0], -p[0] * p[1] / (1 - p[0]), -p[0] * p[2] / (1 - p[0])])
    torch.testing.assert_close(logits.grad.flatten(), expected)
    assert logits.grad[0, 0] > 0 > logits.grad[0, 1]


def test_certain_wrong_prediction_has_a_finite_loss():
    logits = torch.tensor([200.0, 0.0, 0.0]).view(1, 3, 1, 1).requires_grad_()
    loss = exclusion_loss(logits, torch.full((1, 1, 1), NOT_FIRST))
    assert loss.item() == pytest.approx(200 - torch.log(torch.tensor(2.0)).item(), abs=1e-3)
    loss.backward()
    assert logits.grad.flatten().tolist() == pytest.approx([1.0, -0.5, -0.5])


def test_other_pixels_have_no_part_in_it():
    logits = torch.randn(1, 3, 2, 2, requires_grad=True)
    labels = torch.tensor([[[0, UNLABELED], [2, NOT_FIRST - 1]]])
    exclusion_loss(logits, labels).backward()
    assert logits.grad[0, :, 0].abs().sum() == logits.grad[0, :, 1, 0].abs().sum() == 0
    assert logits.grad[0, 1, 1, 1] > 0


def test_objective_adds_it_per_labeled_pixel():
    logits = torch.randn(1, 3, 2, 2)
    labels = torch.tensor([[[0, UNLABELED], [2, NOT_FIRST]]])
    batch = Batch(torch.zeros(1, 3, 2, 2), labels, torch.zeros(1, 2, 2))
    shown, excluded = Objective(cross_entropy, exclusion=0.5).terms(batch.images, logits, batch)
    only_shown = labels.where(labels < 3, UNLABELED)
    assert shown[1] == F.cross_entropy(logits, only_shown, reduction='sum', ignore_index=UNLABELED)
    assert shown[2] == 2
    assert excluded[0] == 0.5
    assert excluded[1] == exclusion_loss(logits, labels)
    assert excluded[2] == 3


@pytest.mark.parametrize('stride', [1, 2, 4])
def test_thinned_logits_equal_the_upsampled_ones(stride):
    logits = torch.randn(2, 3, 6, 9)
    full = F.interpolate(logits, (24, 36), mode='bilinear', align_corners=False)
    first = stride // 2
    expected = full[:, :, first::stride, first::stride]
    torch.testing.assert_close(upsample_thinned(logits, (24, 36), stride), expected)
    labels = torch.arange(2 * 24 * 36).view(2, 24, 36)
    assert torch.equal(thinned(labels, stride), labels[:, first::stride, first::stride])


def test_loss_with_a_stride_is_that_of_the_thinned_pixels():
    logits, labels = torch.randn(1, 3, 4, 4), torch.randint(0, 3, (1, 16, 16))
    batch = Batch(torch.zeros(1, 3, 16, 16), labels, torch.zeros(1, 16, 16))
    ((_, total, count),) = Objective(cross_entropy, stride=2).terms(batch.images, logits, batch)
    full = F.interpolate(logits, (16, 16), mode='bilinear', align_corners=False)
    expected = F.cross_entropy(full, labels, reduction='none')[:, 1::2, 1::2]
    assert count == 64
    assert float(total) == pytest.approx(float(expected.sum()), rel=1e-5)
