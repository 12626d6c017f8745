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


"""Checkpoints rebuild their network, and no file can run code when it is loaded."""

from dataclasses import asdict, replace
import pickle

from helpers.tiny_training import tiny_checkpoint, tiny_config
import pytest
from swiftnet_ros.errors import FileMissingError, SwiftnetError
import torch
from torch import nn
from training.run.checkpoint import (
    Checkpoint,
    CheckpointError,
    layer_widths,
    load_checkpoint,
    save_checkpoint,
)
from training.schema.config import ModelConfig

IMAGE = torch.randint(0, 256, (1, 3, 64, 96), generator=torch.Generator().manual_seed(0))
MODELS = {
    'pyramid': tiny_config().model,
    'single_scale': ModelConfig('single_scale', 'resnet50', [4, 8, 8, 12, 16], features=6),
    'mobilenet': ModelConfig('pyramid', 'mobilenet_v2', [4, 4, 8, 8, 12], 2, 6, 8),
}


def logits_of(network: nn.Module) -> torch.Tensor:
    """Return the logits of a network in evaluation mode."""
    with torch.inference_mode():
        return network.eval()(IMAGE)


def saved(checkpoint: Checkpoint, path) -> Checkpoint:
    """Return a checkpoint after saving and loading it."""
    save_checkpoint(checkpoint, path)
    return load_checkpoint(path)


@pytest.mark.parametrize('name', MODELS)
def test_round_trip(name, tmp_path):
    checkpoint = tiny_checkpoint(
        MODELS[name],
        ignored_source_ids=[11],
        progress={'step': 3, 'optimizer': {'state': {0: torch.ones(2)}, 'betas': (0.9, 0.99)}},
    )
    again = saved(checkpoint, tmp_path / 'a.pt')
    for field in ('model', 'trained_on', 'height', 'width', 'miou', 'ignored_source_ids'):
        assert getattr(again, field) == getattr(checkpoint, field), field
    assert tuple(again.classes) == tuple(checkpoint.classes)
    assert again.progress['optimizer']['betas'] == (0.9, 0.99)
    assert torch.equal(logits_of(again.network()), logits_of(checkpoint.network()))
    assert [path.name for path in tmp_path.iterdir()] == ['a.pt']


def test_loaded_network_can_be_trained(tmp_path):
    network = saved(tiny_checkpoint(), tmp_path / 'a.pt').network().train()
    network(IMAGE.repeat(2, 1, 1, 1)).sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


def prune_inside(network: nn.Module, block: nn.Module, kept: list[int]) -> None:
    """Remove the channels between the two convolutions of a basic block, as pruning does."""
    block.conv1.weight = nn.Parameter(block.conv1.weight[kept])
    block.conv2.weight = nn.Parameter(block.conv2.weight[:, kept])
    for norm in block.bn1:
        for name in ('weight', 'bias'):
            setattr(norm, name, nn.Parameter(getattr(norm, name)[kept]))
        norm.running_mean, norm.running_var = norm.running_mean[kept], norm.running_var[kept]


def test_pruned_network_is_rebuilt(tmp_path):
    checkpoint = tiny_checkpoint()
    network = checkpoint.network()
    prune_inside(network, network.encoder.stages[3][1], [1, 3, 6])
    prune_inside(network, network.encoder.stages[0][0], [2])
    expected = logits_of(network)
    pruned = saved(replace(checkpoint, weights=network.state_dict()), tmp_path / 'pruned.pt')
    rebuilt = pruned.network()
    assert torch.equal(logits_of(rebuilt), expected)
    cut = rebuilt.encoder.stages[3][1]
    assert (cut.conv1.out_channels, cut.conv2.in_channels) == (3, 3)
    assert cut.bn1[0].num_features == 3
    widths = layer_widths(pruned.weights)
    assert widths['encoder.stages.3.1.conv1'] == 3
    assert widths['encoder.stages.0.0.conv1'] == 1
    assert widths['head.2'] == len(checkpoint.classes)


def test_pruned_depthwise_convolution_is_rebuilt(tmp_path):
    checkpoint = tiny_checkpoint(MODELS['mobilenet'])
    network = checkpoint.network()
    expand, depthwise, project = network.encoder.stages[2][1].conv
    kept = list(range(0, expand.conv.out_channels, 2))
    for layer in (expand, depthwise):
        layer.conv.weight = nn.Parameter(layer.conv.weight[kept])
        for norm in layer.norm:
            for name in ('weight', 'bias'):
                setattr(norm, name, nn.Parameter(getattr(norm, name)[kept]))
            norm.running_mean, norm.running_var = norm.running_mean[kept], norm.running_var[kept]
    depthwise.conv.groups = len(kept)
    project.conv.weight = nn.Parameter(project.conv.weight[:, kept])
    again = saved(replace(checkpoint, weights=network.state_dict()), tmp_path / 'pruned.pt')
    assert torch.equal(logits_of(again.network()), logits_of(network))


class Evil:
    """An object that runs code when it is unpickled."""

    def __init__(self, path) -> None:
        """Store the path of the file that shows that code ran."""
        self.path = path

    def __reduce__(self):
        """Return the call that creates the file."""
        return open, (str(self.path), 'w')


@pytest.mark.parametrize('how', ['torch', 'pickle', 'hidden'])
def test_no_checkpoint_can_run_code(tmp_path, how):
    mark, path = tmp_path / 'mark', tmp_path / 'evil.pt'
    if how == 'pickle':
        path.write_bytes(pickle.dumps(Evil(mark), protocol=2))
    elif how == 'torch':
        torch.save(Evil(mark), path)
    else:
        save_checkpoint(tiny_checkpoint(progress={'optimizer': [Evil(mark)]}), path)
    with pytest.raises(CheckpointError, match='holds more than weights') as caught:
        load_checkpoint(path)
    assert not mark.exists()
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize('share', [0.0, 0.001, 0.3, 0.99])
def test_truncated_file_raises(tmp_path, share):
    path = tmp_path / 'cut.pt'
    save_checkpoint(tiny_checkpoint(), path)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(CheckpointError, match='cut.pt: it is damaged'):
        load_checkpoint(path)


def test_changed_bytes_raise_or_are_harmless(tmp_path):
    path = tmp_path / 'changed.pt'
    save_checkpoint(tiny_checkpoint(), path)
    content = path.read_bytes()
    random = torch.Generator().manual_seed(0)
    for _ in range(30):
        places = torch.randint(len(content), (3,), generator=random).tolist()
        changed = bytearray(content)
        for place in places:
            changed[place] ^= 0x55
        path.write_bytes(changed)
        try:
            load_checkpoint(path).network()
        except SwiftnetError as error:
            assert '\n' not in str(error)


@pytest.mark.parametrize(
    ('changes', 'words'),
    [
        ({'version': 2}, 'not a swiftnet_ros checkpoint of version 1'),
        ({'height': 'tall'}, "checkpoint.height is 'tall', expected int"),
        ({'weights': {'a': 1}}, 'checkpoint.weights is '),
        ({'classes': [{'name': 'a'}]}, 'checkpoint.classes is '),
        ({'model': {'levels': 9}}, 'model.levels is 9, expected 1, 2 or 3'),
        ({'model': {'depth': 9}}, "unknown key in checkpoint.model 'depth'"),
        ({'optimiser': {}}, "unknown key in checkpoint 'optimiser'"),
    ],
)
def test_invalid_content_raises(tmp_path, changes, words):
    path = tmp_path / 'foreign.pt'
    save_checkpoint(tiny_checkpoint(), path)
    torch.save({**torch.load(path, weights_only=True), **changes}, path)
    with pytest.raises(SwiftnetError, match=words) as caught:
        load_checkpoint(path)
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize('content', [{}, [1, 2], {'state_dict': {}}, torch.ones(3)])
def test_file_without_a_checkpoint_raises(tmp_path, content):
    torch.save(content, tmp_path / 'other.pt')
    with pytest.raises(CheckpointError, match=r'other.pt: it is not a swiftnet_ros checkpoint'):
        load_checkpoint(tmp_path / 'other.pt')


def test_missing_key_raises(tmp_path):
    torch.save({'version': 1, 'model': asdict(tiny_config().model)}, tmp_path / 'part.pt')
    with pytest.raises(SwiftnetError, match="checkpoint.classes is 'missing'"):
        load_checkpoint(tmp_path / 'part.pt')


def test_weights_of_another_network_raise():
    checkpoint = tiny_checkpoint()
    other = replace(checkpoint, model=replace(checkpoint.model, encoder='resnet34'))
    with pytest.raises(CheckpointError, match='of pyramid resnet34: its weights do not fit'):
        other.network()


def test_missing_file_raises(tmp_path):
    with pytest.raises(FileMissingError, match='checkpoint not found: .*nowhere.pt'):
        load_checkpoint(tmp_path / 'nowhere.pt')
