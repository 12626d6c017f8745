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

"""The optimizer and its two parameter groups."""

from helpers.tiny_training import CLASSES, tiny_config
import pytest
from swiftnet_ros.errors import UnknownNameError
import torch
from training.models import build_model
from training.schema.config import OptimizerConfig
from training.trainer.optimizers import build_optimizer, OPTIMIZERS


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
