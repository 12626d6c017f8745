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

"""The losses against independent formulas."""

import itertools
import math

from helpers.tiny_training import tiny_config
import pytest
from swiftnet_ros.errors import InvalidValueError, UnknownNameError
import torch
import torch.nn.functional as F
from training.datasets.loader import Batch
from training.schema.config import LossConfig
from training.trainer.distillation import Objective
from training.trainer.losses import build_loss, LOSSES, lovasz_softmax

CLASSES = 4

IGNORED = 255


def example(height: int = 8, width: int = 12, stride: int = 4) -> tuple[torch.Tensor, ...]:
    """Return logits [2, 5, h, w], labels [2, H, W] with ignored pixels, and edge distances."""
    generator = torch.Generator().manual_seed(3)
    logits = 3 * torch.randn(2, 5, height // stride, width // stride, generator=generator)
    labels = torch.randint(0, 5, (2, height, width), generator=generator)
    labels[0, :2] = IGNORED
    distance = 40 * torch.rand(2, height, width, generator=generator)
    return logits.requires_grad_(), labels, distance


def mean_loss(name: str, *tensors: torch.Tensor, **options: object) -> torch.Tensor:
    total, count = build_loss(LossConfig(name, options))(*tensors)
    return total / count


def upsampled(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    size = tuple(labels.shape[1:])
    return F.interpolate(logits, size, mode='bilinear', align_corners=False)


def test_cross_entropy_equals_torchs_mean_over_labeled_pixels():
    logits, labels, distance = example()
    expected = F.cross_entropy(upsampled(logits, labels), labels, ignore_index=IGNORED)
    torch.testing.assert_close(mean_loss('cross_entropy', logits, labels, distance), expected)


def test_boundary_focal_matches_hand_calculation():
    probabilities = (0.9, 0.5, 0.2, 0.6)
    distance = torch.tensor([[[0.0, 5.0, 13.0, 33.0]]])
    logits = torch.tensor([[[[math.log(p) for p in probabilities]], [[0.0] * 4]]])
    logits[0, 1, 0] = torch.tensor([math.log(1 - p) for p in probabilities])
    weights = (8.0, 4.0, 2.0, 1.0)
    expected = sum(
        weight * math.exp(0.5 * (1 - p)) * -math.log(p)
        for weight, p in zip(weights, probabilities, strict=True)
    )
    labels = torch.zeros(1, 1, 4, dtype=torch.long)
    options = {'bins': [4, 12, 32], 'weights': [8, 4, 2, 1], 'gamma': 0.5}
    received = mean_loss('boundary_focal', logits, labels, distance, **options)
    assert float(received) == pytest.approx(expected / 4, rel=1e-5)


def test_bins_of_the_paper_are_the_default():
    _, labels, _ = example(4, 4)
    logits = torch.zeros(2, 5, 4, 4)
    labels[:] = 1
    for distance, weight in ((0, 8), (15.9, 8), (16.1, 4), (65, 2), (129, 1)):
        far = torch.full((2, 4, 4), float(distance))
        expected = weight * math.exp(0.5 * 0.8) * math.log(5)
        assert float(mean_loss('boundary_focal', logits, labels, far)) == pytest.approx(expected)


def test_focal_factor_has_no_gradient():
    logits, labels, distance = example()
    full, far = upsampled(logits, labels), torch.full_like(distance, 1e6)
    mean_loss('boundary_focal', logits, labels, far, gamma=2.0).backward()
    received, logits.grad = logits.grad, None
    losses = F.cross_entropy(full, labels, ignore_index=IGNORED, reduction='none')
    focus = torch.exp(2.0 * (1 - torch.exp(-losses))).detach()
    ((focus * losses).sum() / (labels != IGNORED).sum()).backward()
    torch.testing.assert_close(received, logits.grad)


def test_ohem_keeps_pixels_below_the_threshold():
    logits, labels, distance = example(8, 12, 1)
    losses = F.cross_entropy(logits, labels, ignore_index=IGNORED, reduction='none')
    hard = (torch.exp(-losses) < 0.7) & (labels != IGNORED)
    assert 0 < hard.sum() < (labels != IGNORED).sum()
    total, count = build_loss(LossConfig('ohem', {'kept': 0.01}))(logits, labels, distance)
    assert int(count) == int(hard.sum())
    torch.testing.assert_close(total, losses[hard].sum())


def test_ohem_keeps_at_least_a_fraction_of_each_image():
    logits, labels, distance = example(8, 12, 1)
    options = {'threshold': 1e-6, 'kept': 0.25}
    total, count = build_loss(LossConfig('ohem', options))(logits, labels, distance)
    losses = F.cross_entropy(logits, labels, ignore_index=IGNORED, reduction='none').flatten(1)
    worst = losses.sort(dim=1, descending=True).values[:, :24]
    assert int(count) == 2 * 24
    torch.testing.assert_close(total, worst.sum())


def test_ohem_never_counts_ignored_pixels():
    logits, labels, distance = example(8, 12, 1)
    labels[:] = IGNORED
    labels[:, 0, :3] = 1
    _, count = build_loss(LossConfig('ohem', {'kept': 0.9}))(logits, labels, distance)
    assert int(count) == 6


@pytest.mark.parametrize('name', LOSSES)
class TestEveryLoss:
    """Each loss on the same example."""

    def test_ignored_pixels_change_nothing(self, name):
        logits, labels, distance = example(8, 12, 1)
        before = mean_loss(name, logits, labels, distance)
        changed = torch.where((labels == IGNORED)[:, None], 50 * torch.randn_like(logits), logits)
        torch.testing.assert_close(mean_loss(name, changed, labels, distance), before)
        logits.grad = None
        before.backward()
        assert not logits.grad.permute(0, 2, 3, 1)[labels == IGNORED].any()

    def test_batch_without_labels_has_zero_loss(self, name):
        logits, labels, distance = example()
        total, count = LOSSES[name](logits, torch.full_like(labels, IGNORED), distance)
        assert (float(total.detach()), int(count)) == (0, 0)
        total.backward()
        assert not logits.grad.any()

    def test_sums_of_half_batches_add_up(self, name):
        logits, labels, distance = example()
        whole = LOSSES[name](logits, labels, distance)
        inputs = zip(*(item.chunk(2) for item in (logits, labels, distance)), strict=True)
        halves = [LOSSES[name](*half) for half in inputs]
        for index in range(2):
            torch.testing.assert_close(whole[index], halves[0][index] + halves[1][index])

    def test_loss_of_each_class_is_scaled_by_its_weight(self, name):
        logits, labels, distance = example(8, 12, 1)

        def weighted(*weights: float) -> torch.Tensor:
            return build_loss(LossConfig(name), weights)(logits, labels, distance)

        plain = build_loss(LossConfig(name))(logits, labels, distance)
        torch.testing.assert_close(weighted(1, 1, 1, 1, 1), plain)
        first, third = weighted(1, 0, 0, 0, 0), weighted(0, 0, 1, 0, 0)
        received = weighted(0.5, 0, 3, 0, 0)
        torch.testing.assert_close(received[0], 0.5 * first[0] + 3 * third[0])
        assert received[1] == plain[1]

    def test_unknown_option_raises(self, name):
        with pytest.raises(UnknownNameError, match=f"unknown option of loss {name} 'losses'"):
            build_loss(LossConfig(name, {'losses': 1}))


def test_loss_without_class_weights_raises(monkeypatch):
    monkeypatch.setitem(LOSSES, 'plain', lambda logits, labels, edge_distance: None)
    with pytest.raises(InvalidValueError, match='expected none for loss plain'):
        build_loss(LossConfig('plain'), [1.0])


def test_unknown_loss_suggests_the_nearest():
    with pytest.raises(UnknownNameError, match="loss 'cross_entrop'; did you mean"):
        build_loss(LossConfig('cross_entrop'))


@pytest.mark.parametrize(
    ('name', 'options', 'words'),
    [
        ('boundary_focal', {'gamma': 'big'}, "option gamma of loss boundary_focal is 'big'"),
        ('boundary_focal', {'bins': 'abc'}, 'option bins of loss boundary_focal'),
        ('boundary_focal', {'weights': [1, 2]}, 'expected 4 numbers, one more than bins'),
        ('ohem', {'threshold': 0}, 'option threshold of loss ohem is 0.0, expected between'),
        ('ohem', {'kept': 2}, 'option kept of loss ohem is 2.0, expected between 0 and 1'),
    ],
)
def test_impossible_option_raises(name, options, words):
    with pytest.raises(InvalidValueError, match=words):
        build_loss(LossConfig(name, options))(*example())


def lovasz_example(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Return logits [2, 4, 6, 8] and labels [2, 24, 32] of three classes, some ignored."""
    generator = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(2, CLASSES, 6, 8, generator=generator)
    labels = torch.randint(0, CLASSES - 1, (2, 24, 32), generator=generator)
    labels[0, :9] = IGNORED
    return logits.requires_grad_(), labels


def mean_lovasz(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
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
    logits, labels = lovasz_example(seed)
    full = F.interpolate(logits, (24, 32), mode='bilinear', align_corners=False).softmax(1)
    thinned = full[:, :, 2::4, 2::4].movedim(1, -1).reshape(-1, CLASSES)
    targets = labels[:, 2::4, 2::4].flatten()
    thinned, targets = thinned[targets != IGNORED], targets[targets != IGNORED]
    expected = []
    for class_id in range(CLASSES - 1):
        truth = targets == class_id
        errors = (truth.float() - thinned[:, class_id]).abs()
        expected.append(extension(errors.tolist(), truth.tolist()))
    assert float(mean_lovasz(logits, labels).detach()) == pytest.approx(
        sum(expected) / 3, abs=1e-5
    )


def test_confident_predictions_give_one_minus_mean_iou():
    labels = torch.tensor([0, 0, 1, 1, 2, 2, 2, 2]).repeat_interleave(4).repeat(1, 8, 1)
    predictions = torch.tensor([0, 1, 1, 1, 2, 2, 2, 0])
    logits = 60 * F.one_hot(predictions, 3).float().T[None, :, None].repeat(1, 1, 2, 1)
    thinned = logits.repeat_interleave(4, 2).repeat_interleave(4, 3)
    expected = 1 - (1 / 3 + 2 / 3 + 3 / 4) / 3
    assert float(mean_lovasz(thinned, labels)) == pytest.approx(expected, abs=1e-5)


def test_gradient_descent_lowers_the_loss():
    logits, labels = lovasz_example()
    first = float(mean_lovasz(logits, labels).detach())
    optimizer = torch.optim.Adam([logits], lr=0.3)
    for _ in range(60):
        optimizer.zero_grad()
        loss = mean_lovasz(logits, labels)
        loss.backward()
        optimizer.step()
    assert float(loss.detach()) < 0.6 * first


def test_batch_without_labels_has_no_loss_and_no_gradient():
    logits, labels = lovasz_example()
    total, count = lovasz_softmax(logits, torch.full_like(labels, IGNORED))
    total.backward()
    assert (float(total.detach()), int(count)) == (0, 0)
    assert not logits.grad.any()


def test_objective_adds_the_configured_weight():
    logits, labels = lovasz_example()
    batch = Batch(torch.zeros(2, 3, 24, 32).byte(), labels, torch.zeros(2, 24, 32))
    config = tiny_config(loss={'lovasz': 0.7}).loss
    objective = Objective(build_loss(config), lovasz=config.lovasz)
    terms = list(objective.terms(batch.images, logits, batch))
    assert [term[0] for term in terms] == [1.0, 0.7]
    torch.testing.assert_close(terms[1][1], lovasz_softmax(logits, labels)[0])
    assert len(list(Objective(build_loss(config)).terms(batch.images, logits, batch))) == 1
