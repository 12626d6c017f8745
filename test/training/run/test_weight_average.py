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

"""The weight average of checkpoints, which must have equal networks."""

from dataclasses import replace

from helpers.tiny_training import CLASSES, command_json, tiny_checkpoint
import pytest
import torch
from training.__main__ import main
from training.pruning.options import PruneOptions
from training.pruning.structured import prune
from training.run.checkpoint import load_checkpoint, save_checkpoint


@pytest.fixture
def pair(tmp_path):
    first = tiny_checkpoint()
    generator = torch.Generator().manual_seed(1)
    moved = {
        name: weight + 0.1 * torch.rand(weight.shape, generator=generator)
        if weight.is_floating_point()
        else weight + 3
        for name, weight in first.weights.items()
    }
    save_checkpoint(replace(first, miou=0.5), tmp_path / 'a.pt')
    save_checkpoint(replace(first, weights=moved, miou=0.7), tmp_path / 'b.pt')
    return tmp_path / 'a.pt', tmp_path / 'b.pt'


def test_weights_and_statistics_are_averaged(pair, tmp_path):
    assert main(['average', *map(str, pair), '-o', str(tmp_path / 'new' / 'mean.pt')]) == 0
    first, second = (load_checkpoint(path).weights for path in pair)
    mean = load_checkpoint(tmp_path / 'new' / 'mean.pt')
    assert any(name.endswith('running_var') for name in first)
    for name, weight in first.items():
        if weight.is_floating_point():
            torch.testing.assert_close(mean.weights[name], (weight + second[name]) / 2)
        else:
            assert torch.equal(mean.weights[name], second[name])
    assert mean.miou is None
    mean.network()


def test_average_stores_its_measured_miou(pair, folder_root, tmp_path, capsys):
    data = ['--dataset', 'folder', '--root', folder_root]
    printed = command_json(capsys, 'average', *pair, '-o', tmp_path / 'mean.pt', *data)
    measured = command_json(capsys, 'evaluate', tmp_path / 'mean.pt', *data)
    assert printed['averaged'] == 2
    assert printed['miou'] == measured['miou'] == load_checkpoint(tmp_path / 'mean.pt').miou


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        ({'height': 128}, 'its size is not'),
        ({'classes': CLASSES[::-1]}, 'its class table is not'),
        ({'weights': None}, 'its shape is not'),
    ],
)
def test_different_networks_raise(pair, tmp_path, capsys, change, words):
    if 'weights' in change:
        network = tiny_checkpoint().network()
        prune(network, PruneOptions(ratios='all', multiple=1, floor=1))
        change = {'weights': network.state_dict()}
    save_checkpoint(replace(tiny_checkpoint(), **change), tmp_path / 'c.pt')
    files = [str(pair[0]), str(tmp_path / 'c.pt')]
    assert main(['average', *files, '-o', str(tmp_path / 'mean.pt')]) == 1
    error = capsys.readouterr().err
    assert words in error and 'c.pt' in error
    assert not (tmp_path / 'mean.pt').exists()


def test_single_checkpoint_raises(pair, tmp_path, capsys):
    assert main(['average', str(pair[0]), '-o', str(tmp_path / 'mean.pt')]) == 1
    assert 'expected two or more' in capsys.readouterr().err
