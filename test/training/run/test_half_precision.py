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

"""Checkpoints in half precision are small, and networks made from them are in float32."""

from dataclasses import replace

from helpers.tiny_training import command_json, tiny_checkpoint
import pytest
import torch
from training.__main__ import main
from training.pruning.options import PruneOptions
from training.pruning.structured import prune
from training.run.checkpoint import CheckpointError, load_checkpoint, save_checkpoint
from training.run.half_precision import half_precision

PROGRESS = {'step': 3, 'optimizer': {'state': {0: torch.ones(1000)}}}


@pytest.fixture
def path(tmp_path):
    """Return the path of a pruned network with the progress of its run."""
    checkpoint = tiny_checkpoint()
    network = checkpoint.network()
    prune(network, PruneOptions(ratios='all', multiple=1, floor=1))
    pruned = replace(checkpoint, weights=network.state_dict(), progress=PROGRESS, miou=0.5)
    save_checkpoint(pruned, tmp_path / 'a.pt')
    return tmp_path / 'a.pt'


def test_convolutions_are_rounded_and_all_else_but_the_progress_stays(path):
    before, after = load_checkpoint(path), half_precision(path)
    assert replace(after, weights=before.weights, progress=PROGRESS, miou=0.5) == replace(
        before, progress=PROGRESS
    )
    for name, weight in before.weights.items():
        rounded = weight.half() if weight.dim() == 4 else weight
        assert after.weights[name].dtype == rounded.dtype, name
        assert torch.equal(after.weights[name], rounded), name
    assert after.weights['encoder.stem.bn1.0.running_var'].dtype == torch.float32


def test_stored_file_is_small_and_continues_in_float32(path, tmp_path):
    save_checkpoint(half_precision(path), tmp_path / 'half.pt')
    assert torch.load(tmp_path / 'half.pt')['weights']['head.2.weight'].dtype == torch.float16
    assert (tmp_path / 'half.pt').stat().st_size < path.stat().st_size
    loaded = load_checkpoint(tmp_path / 'half.pt')
    assert torch.equal(
        loaded.weights['head.2.weight'],
        load_checkpoint(path).weights['head.2.weight'].half().float(),
    )
    network = loaded.network().train()
    assert {parameter.dtype for parameter in network.parameters()} == {torch.float32}
    network(torch.zeros(2, 3, 64, 96)).sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


def test_weight_too_large_raises(path):
    checkpoint = load_checkpoint(path)
    large = {'head.2.weight': checkpoint.weights['head.2.weight'] + 1e5}
    save_checkpoint(replace(checkpoint, weights={**checkpoint.weights, **large}), path)
    with pytest.raises(CheckpointError, match='a.pt: its weight head.2.weight is too large for'):
        half_precision(path)


def test_command_stores_the_measured_miou(path, folder_root, tmp_path, capsys):
    data = ['--dataset', 'folder', '--root', folder_root]
    printed = command_json(capsys, 'fp16', path, '-o', tmp_path / 'half.pt', *data)
    measured = command_json(capsys, 'evaluate', tmp_path / 'half.pt', *data)
    assert printed['miou'] == measured['miou'] == load_checkpoint(tmp_path / 'half.pt').miou
    assert printed['bytes'] == (tmp_path / 'half.pt').stat().st_size < printed['bytes_before']


def test_command_takes_no_dataset_with_an_onnx_file(tmp_path, capsys):
    words = ['fp16', 'a.onnx', '-o', str(tmp_path / 'b.onnx'), '--dataset', 'folder']
    assert main(words) == 1
    assert "--dataset is 'folder', expected none for an .onnx file" in capsys.readouterr().err
    assert main(['fp16', 'a.pt', '-o', str(tmp_path / 'b.onnx')]) == 1
    assert 'expected a .pt file other than the input' in capsys.readouterr().err
