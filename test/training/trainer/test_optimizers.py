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


"""Two learning rates and their schedules, value by value."""

from dataclasses import replace
import math

from helpers.tiny_training import CLASSES, tiny_config
import pytest
from swiftnet_ros.errors import UnknownNameError
import torch
from training.models import build_model
from training.schema.config import OptimizerConfig
from training.trainer.optimizers import build_lr_schedule, build_optimizer, OPTIMIZERS

CONFIG = OptimizerConfig(lr=0.4, lr_min=0.1, encoder_factor=0.25, weight_decay=0.08)


def rates(config: OptimizerConfig, steps: int, steps_per_epoch: int) -> list[list[float]]:
    """Give the learning rate of encoder and decoder in every step."""
    network = build_model(tiny_config().model, len(CLASSES))
    optimizer = build_optimizer(config, network)
    scheduler = build_lr_schedule(config, optimizer, steps, steps_per_epoch)
    seen = []
    for _ in range(steps):
        seen.append([group['lr'] for group in optimizer.param_groups])
        optimizer.step()
        scheduler.step()
    return seen


@pytest.mark.parametrize('name', OPTIMIZERS)
def test_the_encoder_has_a_smaller_step_and_decay(name):
    network = build_model(tiny_config().model, len(CLASSES))
    optimizer = build_optimizer(replace(CONFIG, name=name, betas=(0.8, 0.95)), network)
    encoder, rest = optimizer.param_groups
    assert (encoder['lr'], encoder['weight_decay']) == (0.1, 0.02)
    assert (rest['lr'], rest['weight_decay']) == (0.4, 0.08)
    assert encoder['betas'] == rest['betas'] == (0.8, 0.95)
    assert {id(p) for p in encoder['params']} == {id(p) for p in network.encoder.parameters()}
    together = [id(p) for group in optimizer.param_groups for p in group['params']]
    assert sorted(together) == sorted(id(p) for p in network.parameters())


def test_cosine_goes_down_to_the_least_rate():
    received = [decoder for _, decoder in rates(CONFIG, 10, 5)]
    expected = [0.1 + 0.3 * (1 + math.cos(math.pi * step / 10)) / 2 for step in range(10)]
    assert received == pytest.approx(expected)


def test_poly_goes_down_by_the_power_of_nine_tenths():
    received = rates(replace(CONFIG, schedule='poly'), 10, 5)
    shares = [(1 - step / 10) ** 0.9 for step in range(10)]
    assert [encoder for encoder, _ in received] == pytest.approx([0.1 * x for x in shares])
    assert [decoder for _, decoder in received] == pytest.approx([0.4 * x for x in shares])


@pytest.mark.parametrize('schedule', ['cosine', 'poly'])
def test_warm_up_rises_in_a_line_and_then_the_schedule_starts(schedule):
    config = replace(CONFIG, schedule=schedule, warmup_epochs=0.8, lr_min=0.0)
    received = [decoder for _, decoder in rates(config, 12, 5)]
    first = 0.4 / 4
    line = [first + (0.4 - first) * step / 4 for step in range(4)]
    after = [decoder for _, decoder in rates(replace(config, warmup_epochs=0.0), 8, 5)]
    assert received == pytest.approx(line + after)


def test_a_warm_up_longer_than_the_run_only_rises():
    received = [decoder for _, decoder in rates(replace(CONFIG, warmup_epochs=9.0), 6, 2)]
    assert received == sorted(received)
    assert received[-1] < 0.4


@pytest.mark.parametrize(
    ('change', 'words'),
    [({'name': 'adamm'}, "optimizer 'adamm'; did you"), ({'schedule': 'cos'}, "schedule 'cos'")],
)
def test_unknown_names_are_refused(change, words):
    config = replace(CONFIG, **change)
    optimizer = torch.optim.Adam(torch.nn.Linear(1, 1).parameters())
    with pytest.raises(UnknownNameError, match=words):
        build_lr_schedule(config, optimizer, 4, 2)
        build_optimizer(config, torch.nn.Linear(1, 1))
