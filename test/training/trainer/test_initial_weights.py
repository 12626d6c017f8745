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

"""A run starts from random weights, ImageNet's, or those of a checkpoint that fits."""

from dataclasses import replace
from pathlib import Path

from helpers.tiny_training import CLASSES, tiny_checkpoint, tiny_config, write_config
import pytest
from swiftnet_ros.model_spec import SemanticClass
import torch
from training.__main__ import main
from training.run.checkpoint import CheckpointError, save_checkpoint
from training.trainer.initial_weights import initial_network

MODEL = tiny_config().model


def test_second_stage_starts_from_the_checkpoint(tmp_path):
    checkpoint = tiny_checkpoint()
    save_checkpoint(checkpoint, tmp_path / 'first.pt')
    network = initial_network(MODEL, CLASSES, tmp_path / 'first.pt')
    for name, value in network.state_dict().items():
        assert torch.equal(value, checkpoint.weights[name]), name


def test_resumed_run_reads_no_initial_weights(tmp_path):
    model = replace(MODEL, pretrained=True)
    network = initial_network(model, CLASSES, tmp_path / 'missing.pt', resumed=True)
    assert network.encoder.widths == tuple(model.widths or ())


def test_checkpoint_of_another_network_raises(tmp_path):
    save_checkpoint(tiny_checkpoint(), tmp_path / 'first.pt')
    with pytest.raises(CheckpointError, match='not the one that the configuration describes'):
        initial_network(replace(MODEL, features=16), CLASSES, tmp_path / 'first.pt')


def test_checkpoint_of_other_classes_raises(tmp_path):
    save_checkpoint(tiny_checkpoint(), tmp_path / 'first.pt')
    renamed = [replace(item, name=f'new {item.name}') for item in CLASSES]
    with pytest.raises(CheckpointError, match='its classes are not those of the training data'):
        initial_network(MODEL, renamed, tmp_path / 'first.pt')


def test_other_classes_replaces_only_the_classifier(tmp_path):
    checkpoint = tiny_checkpoint()
    save_checkpoint(checkpoint, tmp_path / 'first.pt')
    more = (*CLASSES, SemanticClass('more', (1, 2, 3)))
    network = initial_network(MODEL, more, tmp_path / 'first.pt', other_classes=True)
    changed = [
        name
        for name, value in network.state_dict().items()
        if not torch.equal(value, checkpoint.weights[name])
    ]
    assert changed == ['head.2.weight', 'head.2.bias']
    assert network.head[2].out_channels == 4


def test_other_classes_without_a_checkpoint_is_one_line(
    folder_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = write_config(tmp_path / 'tiny.yaml')
    words = ['train', str(config), '--root', str(folder_root), '--out', str(tmp_path / 'run')]
    assert main([*words, '--other-classes']) == 1
    assert '--init CHECKPOINT' in capsys.readouterr().err
