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

"""Every encoder in every network, and the encoders against torchvision."""

from urllib.error import URLError

import pytest
from swiftnet_ros.errors import InvalidValueError, UnknownNameError
import torch
from torch import nn
import torch.nn.functional as F
from torchvision import models
from torchvision.models import _api
from torchvision.transforms.v2 import functional as transforms
from training.models import build_model, VARIANTS
from training.models.encoders import ENCODERS
from training.models.encoders.base import PretrainedWeightsError
from training.models.layers import IMAGENET_MEAN, IMAGENET_STD, Normalize
from training.models.swiftnet import grid_average
from training.schema.config import ModelConfig

CLASS_COUNT = 5
WIDTHS = [8, 12, 16, 20, 24]


def small(variant: str, encoder: str, **changes: object) -> nn.Module:
    """Return a narrow network with a different width for every stage."""
    values = {'variant': variant, 'encoder': encoder, 'widths': WIDTHS, 'features': 12, **changes}
    torch.manual_seed(0)
    return build_model(ModelConfig(**values), CLASS_COUNT)


def noise_image(height: int, width: int, count: int = 1) -> torch.Tensor:
    """Return noise as uint8 [count, 3, height, width]."""
    generator = torch.Generator().manual_seed(1)
    return torch.randint(0, 256, (count, 3, height, width), generator=generator).byte()


@pytest.mark.parametrize('encoder', ENCODERS)
@pytest.mark.parametrize('variant', VARIANTS)
class TestEveryNetwork:
    """A network of each variant with each encoder."""

    @pytest.mark.parametrize('stride', [4, 8])
    def test_logits_have_the_output_stride(self, variant, encoder, stride):
        network = small(variant, encoder, output_stride=stride).eval()
        assert network(noise_image(64, 96)).shape == (1, CLASS_COUNT, 64 // stride, 96 // stride)

    def test_features_of_odd_size(self, variant, encoder):
        network = small(variant, encoder).eval()
        with torch.inference_mode():
            assert network(noise_image(360, 480)).shape == (1, CLASS_COUNT, 90, 120)

    def test_every_stage_has_the_configured_width(self, variant, encoder):
        network = small(variant, encoder).eval()
        assert network.encoder.widths == tuple(WIDTHS)
        assert network.encoder.stem(torch.rand(1, 3, 64, 64), 0).shape[1] == WIDTHS[0]
        stages = network.encoder(torch.rand(1, 3, 64, 64))
        assert [stage.shape[1] for stage in stages] == WIDTHS[1:]
        assert [stage.shape[2] for stage in stages] == [16, 8, 4, 2]

    def test_every_parameter_has_a_gradient(self, variant, encoder):
        network = small(variant, encoder, output_stride=8).train()
        network(noise_image(64, 64, 2)).square().sum().backward()
        missing = [name for name, p in network.named_parameters() if p.grad is None]
        assert not missing

    def test_logits_depend_on_the_whole_image(self, variant, encoder):
        network = small(variant, encoder).eval()
        image = noise_image(96, 96).float().requires_grad_()
        network(image)[0, :, 12, 12].sum().backward()
        assert image.grad[0, :, 48:, 48:].abs().sum() > 0


@pytest.mark.parametrize('widths', [[8, 8, 8, 8], [8, 8, 0, 8, 8], []])
@pytest.mark.parametrize('encoder', ENCODERS)
def test_invalid_widths_raise(encoder, widths):
    with pytest.raises(InvalidValueError, match=r'model\.widths is .* 5 positive numbers'):
        small('pyramid', encoder, widths=widths)


@pytest.mark.parametrize('levels', [1, 2, 3])
def test_pyramid_levels_share_all_but_the_batch_norms_of_blocks(levels):
    network = small('pyramid', 'resnet18', levels=levels)
    one = small('pyramid', 'resnet18', levels=1)
    names = [name for name, _ in network.encoder.named_parameters()]
    shared = {name for name, p in network.encoder.named_parameters() if p.dim() == 4}
    assert shared == {name for name, p in one.encoder.named_parameters() if p.dim() == 4}
    assert sum('bn1' in name for name in names) == levels * 2 * (1 + 8)
    assert sum('downsample.1' in name for name in names) == 2 * 4
    assert len(network.upsample) == 4 + levels - 2
    assert network.eval()(noise_image(64, 64)).shape == (1, CLASS_COUNT, 16, 16)


def test_level_uses_its_own_batch_norms():
    encoder = ENCODERS['resnet18'](WIDTHS, 2).eval()
    image = torch.rand(1, 3, 64, 64)
    assert torch.equal(encoder(image, 0)[-1], encoder(image, 1)[-1])
    encoder.stem.bn1[1].bias.data += 1
    assert not torch.equal(encoder(image, 0)[-1], encoder(image, 1)[-1])


def test_normalization_is_that_of_imagenet():
    image = noise_image(8, 8)
    expected = transforms.normalize(image.float() / 255, IMAGENET_MEAN, IMAGENET_STD)
    torch.testing.assert_close(Normalize()(image), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize('change', [{'variant': 'pyramids'}, {'encoder': 'resnet81'}])
def test_unknown_name_suggests_the_nearest(change):
    config = {'variant': 'pyramid', 'encoder': 'resnet18'} | change
    with pytest.raises(UnknownNameError, match="did you mean '(pyramid|resnet18)'"):
        build_model(ModelConfig(**config), CLASS_COUNT)


@pytest.mark.parametrize('cells', [(8, 10), (4, 5), (2, 3), (1, 1), (8, 16)])
@pytest.mark.parametrize('size', [(12, 15), (8, 10), (5, 7), (1, 1), (3, 20), (16, 32)])
def test_grid_average_equals_adaptive_pooling(size, cells):
    features = torch.randn(2, 3, *size)
    expected = F.adaptive_avg_pool2d(features, cells)
    torch.testing.assert_close(grid_average(features, cells), expected, rtol=1e-5, atol=1e-6)


def torchvision_network(name: str) -> nn.Module:
    """Return torchvision's network with random weights and random statistics."""
    torch.manual_seed(2)
    network = models.get_model(name, weights=None).eval()
    for key, buffer in network.named_buffers():
        if key.endswith('running_mean'):
            buffer.normal_(0, 0.1)
        elif key.endswith('running_var'):
            buffer.uniform_(0.5, 1.5)
    return network


def torchvision_stages(network: nn.Module, image: torch.Tensor) -> list[torch.Tensor]:
    if isinstance(network, models.MobileNetV2):
        ends, stages = (3, 6, 13, 17), []
        for index, block in enumerate(network.features):
            image = block(image)
            if index in ends:
                stages.append(image)
        return stages
    image = network.maxpool(network.relu(network.bn1(network.conv1(image))))
    stages = []
    for layer in (network.layer1, network.layer2, network.layer3, network.layer4):
        image = layer(image)
        stages.append(image)
    return stages


@pytest.mark.parametrize('name', ENCODERS)
class TestTorchvisionWeights:
    """An encoder with torchvision's weights."""

    def test_keys_are_those_of_torchvision_without_the_classifier(self, name):
        encoder = ENCODERS[name](None, 2)
        theirs = {
            key: value.shape for key, value in torchvision_network(name).state_dict().items()
        }
        ours = {encoder.torchvision_key(key): v.shape for key, v in encoder.state_dict().items()}
        left = set(theirs) - set(ours)
        assert ours == {key: theirs[key] for key in set(theirs) - left}
        assert all(key.startswith(('fc.', 'classifier.', 'features.18.')) for key in left)

    @pytest.mark.parametrize('counters', [True, False])
    def test_features_equal_those_of_torchvision(self, name, counters, monkeypatch):
        theirs = torchvision_network(name)
        weights = {
            key: value
            for key, value in theirs.state_dict().items()
            if counters or not key.endswith('num_batches_tracked')
        }
        monkeypatch.setattr(_api.WeightsEnum, 'get_state_dict', lambda *_, **__: weights)
        encoder = ENCODERS[name](None, 2).eval()
        encoder.load_imagenet()
        # Large values, so that ReLU6 and ReLU differ.
        image = 30 * torch.randn(1, 3, 64, 96)
        with torch.inference_mode():
            expected = torchvision_stages(theirs, image)
            for level in range(2):
                received = [encoder.activate(stage) for stage in encoder(image, level)]
                for ours, stage in zip(received, expected, strict=True):
                    scale = float(stage.abs().max())
                    torch.testing.assert_close(ours / scale, stage / scale, rtol=0, atol=1e-5)

    def test_failed_download_raises(self, name, monkeypatch, tmp_path):
        def fail(*_, **__):
            raise URLError('no route')

        monkeypatch.setattr(_api, 'load_state_dict_from_url', fail)
        with pytest.raises(PretrainedWeightsError, match='no route.*model.pretrained') as caught:
            ENCODERS[name](None, 1).load_imagenet()
        assert '\n' not in str(caught.value)

    def test_imagenet_weights_fit_the_published_widths_only(self, name, monkeypatch):
        weights = torchvision_network(name).state_dict()
        monkeypatch.setattr(_api.WeightsEnum, 'get_state_dict', lambda *_, **__: weights)
        with pytest.raises(PretrainedWeightsError, match='widths are not the published'):
            ENCODERS[name](WIDTHS, 1).load_imagenet()
