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

"""Lovasz-Softmax against its definition as the extension of a set function."""

import itertools

from helpers.tiny_training import tiny_config
import pytest
from swiftnet_ros.errors import InvalidValueError
import torch
import torch.nn.functional as F
from training.datasets.loader import Batch
from training.trainer.distillation import Objective
from training.trainer.losses import build_loss, lovasz_softmax

IGNORED = 255
CLASSES = 4


def example(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Return logits [2, 4, 6, 8] and labels [2, 24, 32] of three classes, some ignored."""
    generator = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(2, CLASSES, 6, 8, generator=generator)
    labels = torch.randint(0, CLASSES - 1, (2, 24, 32), generator=generator)
    labels[0, :9] = IGNORED
    return logits.requires_grad_(), labels


def mean_loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Return the mean loss as training computes it."""
    total, count = lovasz_softmax(logits, labels)
    return total / count


def one_minus_iou(truth: list[bool], wrong: set[int]) -> float:
    """Return 1 - IoU if the pixels `wrong` are misclassified."""
    intersection = {i for i, own in enumerate(truth) if own} - wrong
    union = {i for i, own in enumerate(truth) if own} | wrong
    return 1 - len(intersection) / len(union)


def extension(errors: list[float], truth: list[bool]) -> float:
    """Integrate the set function over all thresholds of the errors (Lovasz, 1983)."""
    steps = sorted({0.0, *errors})
    return sum(
        (high - low) * one_minus_iou(truth, {i for i, error in enumerate(errors) if error >= high})
        for low, high in itertools.pairwise(steps)
    )


@pytest.mark.parametrize('seed', range(5))
def test_loss_is_the_mean_extension_over_present_classes(seed):
    logits, labels = example(seed)
    full = F.interpolate(logits, (24, 32), mode='bilinear', align_corners=False).softmax(1)
    thinned = full[:, :, 2::4, 2::4].movedim(1, -1).reshape(-1, CLASSES)
    targets = labels[:, 2::4, 2::4].flatten()
    thinned, targets = thinned[targets != IGNORED], targets[targets != IGNORED]
    expected = []
    for class_id in range(CLASSES - 1):
        truth = targets == class_id
        errors = (truth.float() - thinned[:, class_id]).abs()
        expected.append(extension(errors.tolist(), truth.tolist()))
    assert float(mean_loss(logits, labels).detach()) == pytest.approx(sum(expected) / 3, abs=1e-5)


def test_confident_predictions_give_one_minus_mean_iou():
    labels = torch.tensor([0, 0, 1, 1, 2, 2, 2, 2]).repeat_interleave(4).repeat(1, 8, 1)
    predictions = torch.tensor([0, 1, 1, 1, 2, 2, 2, 0])
    logits = 60 * F.one_hot(predictions, 3).float().T[None, :, None].repeat(1, 1, 2, 1)
    thinned = logits.repeat_interleave(4, 2).repeat_interleave(4, 3)
    expected = 1 - (1 / 3 + 2 / 3 + 3 / 4) / 3
    assert float(mean_loss(thinned, labels)) == pytest.approx(expected, abs=1e-5)


def test_gradient_descent_lowers_the_loss():
    logits, labels = example()
    first = float(mean_loss(logits, labels).detach())
    optimizer = torch.optim.Adam([logits], lr=0.3)
    for _ in range(60):
        optimizer.zero_grad()
        loss = mean_loss(logits, labels)
        loss.backward()
        optimizer.step()
    assert float(loss.detach()) < 0.6 * first


def test_batch_without_labels_has_no_loss_and_no_gradient():
    logits, labels = example()
    total, count = lovasz_softmax(logits, torch.full_like(labels, IGNORED))
    total.backward()
    assert (float(total.detach()), int(count)) == (0, 0)
    assert not logits.grad.any()


def test_objective_adds_the_configured_weight():
    logits, labels = example()
    batch = Batch(torch.zeros(2, 3, 24, 32).byte(), labels, torch.zeros(2, 24, 32))
    config = tiny_config(loss={'lovasz': 0.7}).loss
    objective = Objective(build_loss(config), lovasz=config.lovasz)
    terms = list(objective.terms(batch.images, logits, batch))
    assert [term[0] for term in terms] == [1.0, 0.7]
    torch.testing.assert_close(terms[1][1], lovasz_softmax(logits, labels)[0])
    assert len(list(Objective(build_loss(config)).terms(batch.images, logits, batch))) == 1


def test_negative_weight_raises():
    with pytest.raises(InvalidValueError, match='loss.lovasz is -1.0, expected a number of 0'):
        tiny_config(loss={'lovasz': -1.0})
