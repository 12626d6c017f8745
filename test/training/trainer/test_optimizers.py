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

"""Parameter groups, learning rates step by step, and the memory format of each device."""

from dataclasses import replace
import math

from helpers.tiny_training import CLASSES, tiny_config
import pytest
from swiftnet_ros.errors import UnknownNameError
import torch
from training.models import build_model
from training.schema.config import OptimizerConfig
from training.trainer.device import memory_format
from training.trainer.lr_schedule import build_lr_schedule
from training.trainer.optimizers import build_optimizer, OPTIMIZERS

CONFIG = OptimizerConfig(lr=0.4, lr_min=0.1, encoder_factor=0.25, weight_decay=0.08)


@pytest.mark.parametrize('name', OPTIMIZERS)
def test_encoder_has_a_smaller_rate_and_decay(name):
    network = build_model(tiny_config().model, len(CLASSES))
    config = OptimizerConfig(
        name, lr=0.4, encoder_factor=0.25, weight_decay=0.08, betas=(0.8, 0.95)
    )
    optimizer = build_optimizer(config, network)
    encoder, rest = optimizer.param_groups
    assert (encoder['lr'], encoder['weight_decay']) == (0.1, 0.02)
    assert (rest['lr'], rest['weight_decay']) == (0.4, 0.08)
    assert encoder['betas'] == rest['betas'] == (0.8, 0.95)
    assert {id(p) for p in encoder['params']} == {id(p) for p in network.encoder.parameters()}
    all_params = [id(p) for group in optimizer.param_groups for p in group['params']]
    assert sorted(all_params) == sorted(id(p) for p in network.parameters())


def test_unknown_optimizer_is_named():
    with pytest.raises(UnknownNameError, match="optimizer 'adamm'; did you mean 'adam'"):
        build_optimizer(OptimizerConfig('adamm'), torch.nn.Linear(1, 1))


def learning_rates(config: OptimizerConfig, steps: int, steps_per_epoch: int) -> list[list[float]]:
    """Return the learning rates of encoder and decoder in every step."""
    network = build_model(tiny_config().model, len(CLASSES))
    optimizer = build_optimizer(config, network)
    scheduler = build_lr_schedule(config, optimizer, steps, steps_per_epoch)
    rates = []
    for _ in range(steps):
        rates.append([group['lr'] for group in optimizer.param_groups])
        optimizer.step()
        scheduler.step()
    return rates


def test_cosine_decays_to_the_lowest_rate():
    received = [decoder for _, decoder in learning_rates(CONFIG, 10, 5)]
    expected = [0.1 + 0.3 * (1 + math.cos(math.pi * step / 10)) / 2 for step in range(10)]
    assert received == pytest.approx(expected)


def test_poly_decays_with_power_0_9():
    received = learning_rates(replace(CONFIG, schedule='poly'), 10, 5)
    factors = [(1 - step / 10) ** 0.9 for step in range(10)]
    assert [encoder for encoder, _ in received] == pytest.approx([0.1 * x for x in factors])
    assert [decoder for _, decoder in received] == pytest.approx([0.4 * x for x in factors])


@pytest.mark.parametrize('schedule', ['cosine', 'poly'])
def test_linear_warmup_precedes_the_schedule(schedule):
    config = replace(CONFIG, schedule=schedule, warmup_epochs=0.8, lr_min=0.0)
    received = [decoder for _, decoder in learning_rates(config, 12, 5)]
    first = 0.4 / 4
    warmup = [first + (0.4 - first) * step / 4 for step in range(4)]
    without = replace(config, warmup_epochs=0.0)
    decay = [decoder for _, decoder in learning_rates(without, 8, 5)]
    assert received == pytest.approx(warmup + decay)


def test_warmup_longer_than_the_run_only_rises():
    received = [decoder for _, decoder in learning_rates(replace(CONFIG, warmup_epochs=9.0), 6, 2)]
    assert received == sorted(received)
    assert received[-1] < 0.4


def test_unknown_schedule_is_named():
    optimizer = torch.optim.Adam(torch.nn.Linear(1, 1).parameters())
    with pytest.raises(UnknownNameError, match="schedule 'cos'; did you mean 'cosine'"):
        build_lr_schedule(replace(CONFIG, schedule='cos'), optimizer, 4, 2)


@pytest.mark.parametrize(
    ('device', 'capability', 'channels', 'expected'),
    [
        ('cpu', 'AVX512', 16, torch.channels_last),
        ('cpu', 'AVX512', 12, torch.contiguous_format),
        ('cpu', 'AVX2', 16, torch.contiguous_format),
        ('cpu', 'DEFAULT', 16, torch.contiguous_format),
        ('cuda', 'AVX2', 12, torch.channels_last),
    ],
)
def test_cpu_trains_channels_first_where_torch_corrupts_the_heap(
    monkeypatch, device, capability, channels, expected
):
    monkeypatch.setattr(torch.backends.cpu, 'get_cpu_capability', lambda: capability)
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, channels, 7, stride=2), torch.nn.Conv2d(channels, 8, 1, stride=2)
    )
    assert memory_format(torch.device(device), network) == expected
