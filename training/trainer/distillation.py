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

"""Knowledge distillation, and the objective: the sum of a run's loss terms."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from accelerate import Accelerator
from swiftnet_ros.model_spec import SemanticClass
from swiftnet_ros.system.paths import expand_path
import torch
from torch import nn, Tensor
import torch.nn.functional as F
from training.datasets.class_table import UNLABELED
from training.datasets.loader import Batch
from training.run.checkpoint import CheckpointError, load_checkpoint
from training.schema.config import DistillationConfig
from training.trainer.device import memory_format
from training.trainer.losses import (
    exclusion_loss,
    Loss,
    lovasz_softmax,
    thinned,
    upsample_thinned,
)

# weight, sum over the pixels that count, number of these pixels
LossTerm = tuple[float, Tensor, Tensor]


@dataclass(frozen=True)
class Teacher:
    """A frozen network whose predictions the student learns in addition to the labels."""

    network: nn.Module
    config: DistillationConfig

    def loss_term(self, images: Tensor, logits: Tensor, labels: Tensor) -> LossTerm:
        """Return the divergence of the student's `logits` from the teacher's for `images`."""
        with torch.no_grad():
            teacher_logits = self.network(images)
        total, count = kl_divergence(logits, teacher_logits, labels, self.config.temperature)
        return self.config.weight, total, count


@dataclass(frozen=True)
class Objective:
    """
    The loss against the labels, plus weighted Lovasz-Softmax and distillation where set.

    `stride` is that of the rows and columns at which the loss is computed. With `exclusion` labels
    may say that a pixel does not show a class.
    """

    loss: Loss
    teacher: Teacher | None = None
    lovasz: float = 0.0
    stride: int = 1
    exclusion: float = 0.0

    def terms(self, images: Tensor, logits: Tensor, batch: Batch) -> Iterator[LossTerm]:
        """Yield the loss terms of a batch."""
        classes = logits.shape[1]
        full = upsample_thinned(logits, batch.labels.shape[1:], self.stride)
        labels = thinned(batch.labels, self.stride)
        shown = labels.where(labels < classes, UNLABELED) if self.exclusion else labels
        yield 1.0, *self.loss(full, shown, thinned(batch.edge_distance, self.stride))
        if self.exclusion:
            # Divided by all labeled pixels, so that each counts as much as one that shows a class.
            yield self.exclusion, exclusion_loss(full, labels), (labels != UNLABELED).sum()
        if self.lovasz:
            everywhere = batch.labels.where(batch.labels < classes, UNLABELED)
            yield self.lovasz, *lovasz_softmax(logits, everywhere)
        if self.teacher is not None:
            yield self.teacher.loss_term(images, logits, batch.labels)


def kl_divergence(
    logits: Tensor, teacher_logits: Tensor, labels: Tensor, temperature: float
) -> tuple[Tensor, Tensor]:
    """
    Return sum and number of pixels of the Kullback-Leibler divergence (Hinton et al., 2015).

    It compares softened predictions at each pixel of `logits`, to whose size the teacher's are
    resized, times the squared temperature, so that gradients keep their scale. Pixels whose
    nearest label is unlabeled do not count; the padding around an image is among them.
    """
    size = (int(logits.shape[2]), int(logits.shape[3]))
    if teacher_logits.shape[2:] != logits.shape[2:]:
        teacher_logits = F.interpolate(
            teacher_logits, size=size, mode='bilinear', align_corners=False
        )
    target = F.log_softmax(teacher_logits.float() / temperature, 1)
    predicted = F.log_softmax(logits.float() / temperature, 1)
    pixels = F.kl_div(predicted, target, reduction='none', log_target=True).sum(1)
    nearest = F.interpolate(labels[:, None].float(), size=size, mode='nearest-exact')[:, 0]
    counted = nearest != UNLABELED
    return temperature**2 * (pixels * counted).sum(), counted.sum()


def load_teacher(
    config: DistillationConfig, classes: Sequence[SemanticClass], accelerator: Accelerator
) -> Teacher | None:
    """Load the teacher in the precision of the training, None without one; check its classes."""
    if config.teacher is None:
        return None
    path = Path(expand_path(config.teacher))
    checkpoint = load_checkpoint(path)
    if tuple(checkpoint.classes) != tuple(classes):
        raise CheckpointError(path, 'its classes are not those of the training data')
    # The student's random numbers must be the same with and without a teacher.
    with torch.random.fork_rng(devices=[]):
        network = checkpoint.network()
    network = network.requires_grad_(False)
    network = network.to(memory_format=memory_format(accelerator.device, network))
    prepared = accelerator.prepare_model(network, evaluation_mode=True)
    assert isinstance(prepared, nn.Module)
    return Teacher(prepared.eval(), config)
