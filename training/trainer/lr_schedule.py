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

"""The learning-rate schedule: linear warm-up, then cosine or polynomial decay."""

from collections.abc import Callable

from swiftnet_ros.errors import UnknownNameError
from torch.optim.lr_scheduler import (
    CosineAnnealingLR,
    LinearLR,
    LRScheduler,
    PolynomialLR,
    SequentialLR,
)
from torch.optim.optimizer import Optimizer
from training.schema.config import OptimizerConfig

# name -> function of optimizer, number of steps and lowest learning rate
LR_SCHEDULES: dict[str, Callable[[Optimizer, int, float], LRScheduler]] = {
    'cosine': lambda optimizer, steps, lowest: CosineAnnealingLR(optimizer, steps, lowest),
    'poly': lambda optimizer, steps, lowest: PolynomialLR(optimizer, steps, power=0.9),
}


def build_lr_schedule(
    config: OptimizerConfig, optimizer: Optimizer, steps: int, steps_per_epoch: int
) -> LRScheduler:
    """Return the schedule over all steps, warm-up included; raise UnknownNameError."""
    if config.schedule not in LR_SCHEDULES:
        raise UnknownNameError('schedule', config.schedule, LR_SCHEDULES)
    warmup_steps = round(config.warmup_epochs * steps_per_epoch)
    decay = LR_SCHEDULES[config.schedule](optimizer, max(1, steps - warmup_steps), config.lr_min)
    if not warmup_steps:
        return decay
    warmup = LinearLR(optimizer, 1 / warmup_steps, total_iters=warmup_steps)
    return SequentialLR(optimizer, [warmup, decay], [warmup_steps])
