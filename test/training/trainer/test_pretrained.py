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

"""Encoder weights from a file in torchvision's layout, and encoders that are partly frozen."""

from dataclasses import replace
import hashlib
import json
from pathlib import Path

from helpers.tiny_training import CLASSES, tiny_checkpoint, tiny_config, write_config
import pytest
from swiftnet_ros.errors import FileMissingError
import torch
import torchvision
from training.__main__ import main
from training.datasets import open_dataset
from training.models.encoders import ENCODERS
from training.models.encoders.base import WeightsFileError
from training.run.checkpoint import (
    Checkpoint,
    CheckpointError,
    load_checkpoint,
    save_checkpoint,
)
from training.run.folder import RunPaths
from training.schema.config import ModelConfig
from training.trainer.initial_weights import (
    initial_network,
    pretrained_sha256,
    weights_origin,
)
from training.trainer.train import train

# The whole ResNet-18 would take seconds; MobileNetV2 is as small as a network with weights gets.
PUBLISHED = {'variant': 'single_scale', 'encoder': 'mobilenet_v2', 'features': 8}


@pytest.fixture(scope='module')
def weights() -> dict[str, torch.Tensor]:
    """Return torchvision's MobileNetV2 with random weights."""
    torch.manual_seed(3)
    return torchvision.models.mobilenet_v2(weights=None).state_dict()


def model(path: Path, **changes: object) -> ModelConfig:
    return ModelConfig(**{**PUBLISHED, 'pretrained': str(path), **changes})


@pytest.mark.parametrize('has_classifier', [True, False])
def test_file_with_or_without_the_classifier_is_loaded(weights, tmp_path, has_classifier):
    path = tmp_path / 'weights.pt'
    kept = {k: v for k, v in weights.items() if has_classifier or 'classifier' not in k}
    torch.save(kept, path)
    encoder = initial_network(model(path), CLASSES).encoder
    assert torch.equal(encoder.state_dict()['stem.conv.weight'], weights['features.0.0.weight'])
    last = encoder.state_dict()['stages.3.3.conv.2.conv.weight']
    assert torch.equal(last, weights['features.17.conv.2.weight'])


def test_path_may_have_a_variable(weights, tmp_path, monkeypatch):
    torch.save(weights, tmp_path / 'weights.pt')
    monkeypatch.setenv('WEIGHTS', str(tmp_path))
    config = model(Path('$WEIGHTS/weights.pt'))
    initial_network(config, CLASSES)
    expected = hashlib.sha256((tmp_path / 'weights.pt').read_bytes()).hexdigest()
    assert pretrained_sha256(config, None) == expected


@pytest.mark.parametrize(
    ('encoder', 'other'), [('resnet18', 'resnet34'), ('resnet18', 'mobilenet_v2')]
)
def test_file_of_another_encoder_names_the_first_key(tmp_path, encoder, other):
    source = getattr(torchvision.models, other)(weights=None).state_dict()
    with pytest.raises(WeightsFileError) as caught:
        ENCODERS[encoder](None, 1).load_weights(source, tmp_path / 'w.pt')
    first = 'layer1.2.conv1.weight is not in' if other == 'resnet34' else 'conv1.weight is missing'
    assert f'{tmp_path}/w.pt cannot initialize resnet18: {first}' in str(caught.value)


def test_other_widths_name_the_first_key(weights, tmp_path):
    torch.save(weights, tmp_path / 'w.pt')
    narrow = model(tmp_path / 'w.pt', widths=[16, 24, 32, 96, 320])
    with pytest.raises(WeightsFileError, match=r'features\.0\.0\.weight has the shape \[32, 3'):
        initial_network(narrow, CLASSES)


def test_missing_key_is_named(weights, tmp_path):
    torch.save({k: v for k, v in weights.items() if k != 'features.2.conv.2.weight'},
               tmp_path / 'w.pt')  # fmt: skip
    with pytest.raises(WeightsFileError, match=r'features\.2\.conv\.2\.weight is missing'):
        initial_network(model(tmp_path / 'w.pt'), CLASSES)


def test_file_that_is_no_state_dict_raises(tmp_path):
    torch.save({'weights': [1, 2]}, tmp_path / 'w.pt')
    with pytest.raises(CheckpointError, match='not a state dict'):
        initial_network(model(tmp_path / 'w.pt'), CLASSES)
    (tmp_path / 'w.pt').write_bytes(b'no weights')
    with pytest.raises(CheckpointError, match='damaged'):
        initial_network(model(tmp_path / 'w.pt'), CLASSES)
    with pytest.raises(FileMissingError):
        initial_network(model(tmp_path / 'missing.pt'), CLASSES)


def test_run_and_checkpoints_record_the_file_and_pruning_keeps_it(weights, tmp_path, folder_root):
    path = tmp_path / 'w.pt'
    torch.save(weights, path)
    expected = hashlib.sha256(path.read_bytes()).hexdigest()
    sections = {
        'model': {**PUBLISHED, 'pretrained': str(path), 'widths': None},
        'train': {'epochs': 1, 'frozen_stages': 2, 'ema_decay': 0.0},
    }
    run = RunPaths(tmp_path / 'run')
    train(tiny_config(**sections), folder_root, run.folder)
    assert json.loads(run.pretrained.read_text()) == {'sha256': expected}
    trained = load_checkpoint(run.trained)
    assert trained.pretrained_sha256 == expected
    # The stem and two stages stay as they were loaded, with their norms.
    for key in ('stem.conv.weight', 'stem.norm.0.running_mean', 'stages.1.2.conv.2.conv.weight'):
        source = {'stem.conv.weight': 'features.0.0.weight',
                  'stem.norm.0.running_mean': 'features.0.1.running_mean',
                  'stages.1.2.conv.2.conv.weight': 'features.6.conv.2.weight'}[key]  # fmt: skip
        assert torch.equal(trained.weights[f'encoder.{key}'], weights[source]), key
    moved = trained.weights['encoder.stages.2.0.conv.2.conv.weight']
    assert not torch.equal(moved, weights['features.7.conv.2.weight'])
    pruned = tmp_path / 'pruned.pt'
    words = ['prune', str(run.trained), '--ratios', 'all', '--ratio', '0.5', '-o', str(pruned)]
    assert main(words) == 0
    assert load_checkpoint(pruned).pretrained_sha256 == expected
    # The second stage needs neither the file nor its path.
    path.unlink()
    second = {**sections, 'model': {**sections['model'], 'pretrained': False}}
    train(tiny_config(**second), folder_root, tmp_path / 'second', pruned)
    assert load_checkpoint(tmp_path / 'second' / 'trained.pt').pretrained_sha256 == expected


def test_command_line_error_is_one_line(tmp_path, folder_root, capsys):
    torch.save({}, tmp_path / 'w.pt')
    config = write_config(tmp_path / 'tiny.yaml', model={'pretrained': str(tmp_path / 'w.pt')})
    out = str(tmp_path / 'run')
    assert main(['train', str(config), '--root', str(folder_root), '--out', out]) == 1
    error = capsys.readouterr().err.strip()
    assert 'conv1.weight is missing' in error
    assert '\n' not in error


def single_scale_checkpoint(path: Path, **changes: object) -> Checkpoint:
    checkpoint = tiny_checkpoint(ModelConfig(**PUBLISHED), **changes)
    save_checkpoint(checkpoint, path)
    return checkpoint


def test_pyramid_takes_the_encoder_of_a_single_scale_checkpoint(tmp_path):
    path = tmp_path / 'first.pt'
    checkpoint = single_scale_checkpoint(path, pretrained_sha256='0' * 64)
    config = model(path, variant='pyramid')
    encoder = initial_network(config, CLASSES).encoder
    own = checkpoint.network().encoder.torchvision_weights()
    for key, value in encoder.state_dict().items():
        # Every level has the norms of the single scale.
        if not key.endswith('num_batches_tracked'):
            assert torch.equal(value, own[encoder.torchvision_key(key)]), key
    assert pretrained_sha256(config, None) == '0' * 64


def test_single_scale_takes_the_norms_of_a_pyramids_finest_level(tmp_path):
    path = tmp_path / 'pyramid.pt'
    checkpoint = tiny_checkpoint(ModelConfig(**{**PUBLISHED, 'variant': 'pyramid'}))
    save_checkpoint(checkpoint, path)
    encoder = initial_network(model(path), CLASSES).encoder
    norms = {key: value for key, value in encoder.state_dict().items() if 'running_mean' in key}
    assert norms
    for key, value in norms.items():
        finest, coarser = (
            checkpoint.weights[f'encoder.{key.replace(".0.running", f".{level}.running")}']
            for level in (0, 1)
        )
        assert torch.equal(value, finest), key
        assert not torch.equal(value, coarser), key


def pruned_checkpoint(
    tmp_path: Path, weights: dict[str, torch.Tensor], *ratios: str
) -> Checkpoint:
    path, pruned = tmp_path / 'dense.pt', tmp_path / 'pruned.pt'
    save_checkpoint(tiny_checkpoint(ModelConfig(**PUBLISHED), weights=weights), path)
    assert main(['prune', str(path), '--ratios', *ratios, '-o', str(pruned)]) == 0
    return load_checkpoint(pruned)


def test_encoder_without_its_dead_channels_is_taken_as_it_is(tmp_path):
    weights = dict(tiny_checkpoint(ModelConfig(**PUBLISHED)).weights)
    # The depthwise convolution after the stem makes a negative constant of them, ReLU a zero.
    for key, value in (('stem.norm.0.weight', 0), ('stem.norm.0.bias', 0),
                       ('stages.0.0.conv.0.norm.0.bias', -1)):  # fmt: skip
        rest = torch.ones(27)
        weights[f'encoder.{key}'] = torch.cat((torch.full((5,), float(value)), rest))
    pruned = pruned_checkpoint(tmp_path, weights, '{decoder: 0.5}')
    config = model(tmp_path / 'pruned.pt', variant='pyramid')
    network = initial_network(config, CLASSES)
    own = pruned.network().encoder.torchvision_weights()
    assert own['features.0.0.weight'].shape == (27, 3, 3, 3)
    for key, value in network.encoder.state_dict().items():
        if not key.endswith('num_batches_tracked'):
            assert torch.equal(value, own[network.encoder.torchvision_key(key)]), key
    assert network.eval()(torch.zeros(1, 3, 64, 64)).shape == (1, len(CLASSES), 16, 16)


def test_encoder_with_pruned_stages_names_the_first_key(tmp_path):
    weights = tiny_checkpoint(ModelConfig(**PUBLISHED)).weights
    pruned_checkpoint(tmp_path, weights, 'all', '--ratio', '0.5')
    with pytest.raises(WeightsFileError, match=r'features\.\d+.* has the shape'):
        initial_network(model(tmp_path / 'pruned.pt', variant='pyramid'), CLASSES)


def test_run_from_the_encoder_of_a_checkpoint_has_its_terms(tmp_path, folder_root):
    single_scale_checkpoint(tmp_path / 'first.pt', terms='of the first network')
    config = replace(tiny_config(), model=model(tmp_path / 'first.pt'))
    dataset = open_dataset('folder', folder_root, 'train')
    terms = weights_origin(config, dataset, None, None).terms
    assert 'of the first network' in terms.terms


def test_checkpoint_of_another_encoder_says_what_is_needed(tmp_path):
    save_checkpoint(tiny_checkpoint(), tmp_path / 'first.pt')
    with pytest.raises(WeightsFileError, match='or a checkpoint that has this encoder'):
        initial_network(model(tmp_path / 'first.pt'), CLASSES)
