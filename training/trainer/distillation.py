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
"""Knowledge distillation: a trained network's answers are learnt beside the labels."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from accelerate import Accelerator
from swiftnet_ros.model_spec import SemanticClass
import torch
from torch import nn, Tensor
import torch.nn.functional as F
from training.datasets.class_table import UNLABELED
from training.datasets.loader import Batch
from training.models.layers import resize
from training.run.checkpoint import CheckpointError, load_checkpoint
from training.schema.config import DistillationConfig
from training.trainer.losses import Loss, lovasz_softmax
from training.trainer.memory_format import memory_format

# weight, sum over the pixels that count, how many they are
LossTerm = tuple[float, Tensor, Tensor]


def kl_divergence(
    logits: Tensor, teacher: Tensor, labels: Tensor, temperature: float
) -> tuple[Tensor, Tensor]:
    """
    Return the Kullback-Leibler divergence of softened predictions, sum and count of pixels.

    Times the squared temperature, so that gradients keep their size. The teacher's logits are
    brought to the size of the student's. Pixels whose nearest label is unlabeled do not count:
    among them is what lies outside of a picture. Gives their sum and number.
    """
    size = (int(logits.shape[2]), int(logits.shape[3]))
    if teacher.shape[2:] != logits.shape[2:]:
        teacher = F.interpolate(teacher, size=size, mode='bilinear', align_corners=False)
    wanted = F.log_softmax(teacher.float() / temperature, 1)
    given = F.log_softmax(logits.float() / temperature, 1)
    pixels = F.kl_div(given, wanted, reduction='none', log_target=True).sum(1)
    nearest = F.interpolate(labels[:, None].float(), size=size, mode='nearest-exact')[:, 0]
    counted = nearest != UNLABELED
    return temperature**2 * (pixels * counted).sum(), counted.sum()


@dataclass(frozen=True)
class Teacher:
    """A network that answers and never learns."""

    network: nn.Module
    config: DistillationConfig

    def term(self, images: Tensor, logits: Tensor, labels: Tensor) -> LossTerm:
        """Compare the student's logits with its own for the same images."""
        with torch.no_grad():
            answers = self.network(images)
        total, count = kl_divergence(logits, answers, labels, self.config.temperature)
        return self.config.weight, total, count


@dataclass(frozen=True)
class Objective:
    """What is descended: the loss by the labels, that by IoU and, with a teacher, its distance."""

    loss: Loss
    teacher: Teacher | None = None
    lovasz: float = 0.0

    def terms(self, images: Tensor, logits: Tensor, batch: Batch) -> Iterator[LossTerm]:
        """Give each part as weight, sum and count."""
        full = resize(logits.float(), batch.labels.shape[1:])
        yield 1.0, *self.loss(full, batch.labels, batch.edge_distance)
        if self.lovasz:
            yield self.lovasz, *lovasz_softmax(full, batch.labels)
        if self.teacher is not None:
            yield self.teacher.term(images, logits, batch.labels)


def load_teacher(
    config: DistillationConfig, classes: tuple[SemanticClass, ...], accelerator: Accelerator
) -> Teacher | None:
    """Read the teacher's checkpoint, frozen, in the precision of the training; None for none."""
    if config.teacher is None:
        return None
    path = Path(config.teacher)
    checkpoint = load_checkpoint(path)
    if tuple(checkpoint.classes) != classes:
        raise CheckpointError(path, 'its classes are not those of the training data')
    # The student's random numbers are the same with a teacher and without.
    with torch.random.fork_rng(devices=[]):
        network = checkpoint.network()
    network = network.requires_grad_(False)
    network = network.to(memory_format=memory_format(accelerator.device))
    prepared = accelerator.prepare_model(network, evaluation_mode=True)
    assert isinstance(prepared, nn.Module)
    return Teacher(prepared.eval(), config)
