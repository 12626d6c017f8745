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

"""Parameters and multiply-adds of the reference networks, and how they are counted."""

from helpers.checkout import ROOT
from helpers.tiny_training import command_json, tiny_checkpoint
import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from training.evaluation.complexity import count_complexity
from training.models import build_model
from training.run.checkpoint import save_checkpoint
from training.schema.config import ModelConfig

CONFIGS = ROOT / 'training' / 'configs'


@pytest.mark.parametrize(
    ('name', 'params', 'gmacs'),
    [
        ('full', 22_040_278, 209.67),
        ('first2', 20_857_526, 139.68),
        ('all', 6_010_806, 59.75),
    ],
)
def test_reference_networks_have_the_published_counts(capsys, name, params, gmacs):
    result = command_json(capsys, 'count', str(CONFIGS / 'seminar' / f'{name}.yaml'))
    assert (result['params'], result['size']) == (params, [1024, 2048])
    assert round(result['gmacs'], 2) == gmacs


@pytest.mark.parametrize(
    ('name', 'megaparams', 'conv_gmacs'),
    [('single_scale_resnet18', 11.797, 103.57), ('pyramid_resnet18', 12.056, 128.19)],
)
def test_networks_of_the_papers_have_the_published_counts(capsys, name, megaparams, conv_gmacs):
    result = command_json(capsys, 'count', str(CONFIGS / 'seminar' / f'{name}.yaml'))
    assert round(result['params'] / 1e6, 3) == megaparams
    assert round(result['conv_gmacs'], 2) == conv_gmacs


@pytest.mark.parametrize('variant', ['pyramid', 'single_scale'])
@pytest.mark.parametrize('encoder', ['resnet50', 'mobilenet_v2'])
def test_convolutions_are_counted_like_torchs_flop_counter(variant, encoder):
    config = ModelConfig(variant, encoder, [8, 12, 16, 20, 24], features=12)
    network = build_model(config, 5).eval()
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        network(torch.zeros(1, 3, 72, 104))
    flops = counter.get_flop_counts()['Global'][torch.ops.aten.convolution]
    params = sum(parameter.numel() for parameter in network.parameters())
    result = count_complexity(network, 72, 104)
    assert result.params == params
    assert result.conv_gmacs == pytest.approx(flops / 2e9, rel=1e-12)


def test_gmacs_include_norms_and_biases():
    network = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.Conv2d(4, 2, 1))
    network.append(nn.Conv2d(2, 2, 1, bias=False))
    result = count_complexity(network, 8, 8)
    convolutions = 64 * (4 * 27 + 2 * 4 + 2 * 2)
    assert result.params == 4 * 27 + 4 + 8 + 2 * 4 + 2 + 4
    assert result.conv_gmacs == convolutions / 1e9
    assert result.gmacs == pytest.approx((convolutions + 64 * (4 + 2 * 4 + 2)) / 1e9, rel=1e-12)


def test_macs_scale_with_the_image_size(capsys):
    path = str(CONFIGS / 'camvid' / 'small.yaml')
    small = command_json(capsys, 'count', path, '--size', '512x256')
    large = command_json(capsys, 'count', path, '--size', '1024x512')
    assert small['size'] == [256, 512]
    assert large['gmacs'] == pytest.approx(4 * small['gmacs'], abs=1e-3)


def test_checkpoint_is_counted_with_its_own_widths(capsys, tmp_path):
    checkpoint = tiny_checkpoint()
    save_checkpoint(checkpoint, tmp_path / 'tiny.pt')
    result = command_json(capsys, 'count', str(tmp_path / 'tiny.pt'))
    network = checkpoint.network()
    assert result['params'] == sum(parameter.numel() for parameter in network.parameters())
