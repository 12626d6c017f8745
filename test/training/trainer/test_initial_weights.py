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

"""A run begins with random weights, ImageNet's, or those of a checkpoint that fits."""

from dataclasses import replace
from pathlib import Path

from helpers.tiny_training import tiny_checkpoint, tiny_config, write_config
import pytest
import torch
from training.__main__ import main
from training.datasets import open_dataset
from training.datasets.base import ImageLabelDataset
from training.run.checkpoint import CheckpointError, save_checkpoint
from training.trainer.initial_weights import initial_network


@pytest.fixture
def dataset(folder_root: Path) -> ImageLabelDataset:
    return open_dataset('folder', folder_root, 'train')


def test_a_second_stage_starts_from_the_weights_of_the_first(
    dataset: ImageLabelDataset, tmp_path: Path
) -> None:
    checkpoint = tiny_checkpoint()
    save_checkpoint(checkpoint, tmp_path / 'first.pt')
    network = initial_network(tiny_config(), dataset, tmp_path / 'first.pt', resumed=False)
    for name, value in network.state_dict().items():
        assert torch.equal(value, checkpoint.weights[name]), name


def test_a_resumed_run_reads_no_other_weights(dataset: ImageLabelDataset, tmp_path: Path) -> None:
    config = tiny_config(model={'pretrained': True})
    network = initial_network(config, dataset, tmp_path / 'gone.pt', resumed=True)
    assert network.encoder.widths == tuple(config.model.widths or ())


def test_a_checkpoint_of_another_network_is_refused(
    dataset: ImageLabelDataset, tmp_path: Path
) -> None:
    save_checkpoint(tiny_checkpoint(), tmp_path / 'first.pt')
    other = tiny_config(model={'features': 16})
    with pytest.raises(CheckpointError, match='its network is another one'):
        initial_network(other, dataset, tmp_path / 'first.pt', resumed=False)


def test_a_checkpoint_of_other_classes_is_refused(
    dataset: ImageLabelDataset, tmp_path: Path
) -> None:
    checkpoint = tiny_checkpoint()
    renamed = [replace(item, name=f'new {item.name}') for item in checkpoint.classes]
    save_checkpoint(replace(checkpoint, classes=renamed), tmp_path / 'first.pt')
    with pytest.raises(CheckpointError, match='its classes are not those of folder'):
        initial_network(tiny_config(), dataset, tmp_path / 'first.pt', resumed=False)


def test_with_other_classes_only_the_classifier_is_new(
    dataset: ImageLabelDataset, tmp_path: Path
) -> None:
    checkpoint = tiny_checkpoint()
    first = replace(checkpoint, classes=checkpoint.classes[:2])
    weights = {
        name: value[:2] if name.startswith('head.2') else value
        for name, value in checkpoint.weights.items()
    }
    save_checkpoint(replace(first, weights=weights), tmp_path / 'first.pt')
    network = initial_network(
        tiny_config(), dataset, tmp_path / 'first.pt', resumed=False, other_classes=True
    )
    changed = [
        name
        for name, value in network.state_dict().items()
        if not torch.equal(value, weights[name])
    ]
    assert changed == ['head.2.weight', 'head.2.bias']
    assert network.head[2].out_channels == 3


def test_other_classes_without_a_checkpoint_is_one_line(
    folder_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = write_config(tmp_path / 'tiny.yaml')
    words = ['train', str(config), '--root', str(folder_root), '--out', str(tmp_path / 'run')]
    assert main([*words, '--other-classes']) == 1
    assert '--init CHECKPOINT beside it' in capsys.readouterr().err
