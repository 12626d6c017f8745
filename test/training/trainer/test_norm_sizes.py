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

"""Batches and crops that leave a batch norm one value per channel raise before the first step."""

from helpers.tiny_training import tiny_config
import pytest
import torch
from training.models import build_model
from training.run.folder import RunPaths
from training.trainer.norm_sizes import check_norm_sizes, NormSizeError
from training.trainer.train import train

PYRAMID = tiny_config(model={'levels': 3}).model
SINGLE = tiny_config(model={'variant': 'single_scale', 'levels': 1}).model


@pytest.mark.parametrize(
    ('model', 'batch_size', 'crop', 'layer'),
    [
        # The coarsest level has a quarter of the crop, and a stride of 32 in it.
        (PYRAMID, 1, (128, 128), r'encoder\.stages\.3\.0\.bn1\.2'),
        (PYRAMID, 1, (64, 128), r'encoder\.stages\.3\.0\.bn1\.2'),
        (PYRAMID, 1, (136, 128), None),
        (PYRAMID, 2, (32, 32), None),
        (SINGLE, 1, (32, 32), r'encoder\.stages\.3\.0\.bn1\.0'),
        (SINGLE, 1, (32, 40), None),
    ],
)
def test_check_agrees_with_torch(model, batch_size, crop, layer):
    network = build_model(model, 3)
    images = torch.zeros(batch_size, 3, *crop)
    if layer is None:
        check_norm_sizes(network, batch_size, crop)
        network.train()(images)
        return
    with pytest.raises(NormSizeError, match=f'leaves batch norm {layer} one value per channel'):
        check_norm_sizes(network, batch_size, crop)
    with pytest.raises(ValueError, match='Expected more than 1 value per channel'):
        network.train()(images)


def test_network_stays_as_it_is():
    network = build_model(PYRAMID, 3)
    check_norm_sizes(network, 2, (64, 64))
    assert {value.device.type for value in network.state_dict().values()} == {'cpu'}
    assert network.training
    assert not any(layer._forward_pre_hooks for layer in network.modules())


def test_training_raises_before_the_first_step(folder_root, tmp_path):
    config = tiny_config(train={'batch_size': 1}, augmentation={'crop': 32})
    words = 'train.batch_size 1 with crops of 32x32 leaves .*; use a batch size of 2 or more, or a'
    with pytest.raises(NormSizeError, match=words):
        train(config, folder_root, tmp_path / 'run')
    assert not RunPaths(tmp_path / 'run').folder.exists()
