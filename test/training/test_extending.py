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

"""One line of a dict adds an encoder, a dataset, a loss, a backend, a criterion or a command."""

from dataclasses import dataclass, replace
import sys
from types import ModuleType

from helpers.tiny_model import write_tiny_model
from helpers.tiny_training import CLASSES, command_json, draw_label, tiny_checkpoint, write_config
import numpy as np
from swiftnet_ros.backends.base import Backend
from swiftnet_ros.backends.registry import BACKENDS, open_backend
from swiftnet_ros.model_spec import read_spec
from swiftnet_ros.segmenter import Segmenter
import torch
from torch import nn
import torch.nn.functional as F
from training.__main__ import COMMANDS, main
from training.datasets import DATASETS
from training.datasets.base import Sample
from training.datasets.class_table import ClassTable
from training.models.encoders import ENCODERS
from training.models.encoders.base import checked_widths, Encoder
from training.pruning.criteria import CRITERIA
from training.pruning.options import PruneOptions
from training.pruning.structured import prune
from training.run.checkpoint import load_checkpoint, save_checkpoint
from training.trainer.losses import LOSSES


class Halve(nn.Module):
    """A block of one convolution of stride 2 or 4."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 2 * stride - 1, stride, padding=stride - 1)

    def forward(self, features: torch.Tensor, level: int) -> torch.Tensor:
        return self.conv(features)


def fake_encoder(widths, levels: int) -> Encoder:
    chosen = checked_widths(widths, (4, 4, 6, 8, 8))
    steps = zip(chosen, chosen[1:], (1, 2, 2, 2), strict=False)
    stages = nn.ModuleList(nn.ModuleList([Halve(*step)]) for step in steps)
    return Encoder('fake', chosen, Halve(3, chosen[0], 4), stages)


@dataclass(frozen=True)
class FakeDataset:
    """A dataset of rectangles of different brightness."""

    table: ClassTable
    images: int

    def __len__(self) -> int:
        return self.images

    def __getitem__(self, index: int) -> Sample:
        label = draw_label(np.random.default_rng(index), 64, 96)
        return Sample(np.repeat(label[..., np.newaxis] * np.uint8(100), 3, 2), label, str(index))


def fake_dataset(root, split: str, images: int = 4) -> FakeDataset:
    return FakeDataset(ClassTable(CLASSES, (0, 1, 2)), images)


def fake_loss(logits, labels, edge_distance, power: float = 1.0):
    """Return the summed power of 1 - the true class's probability, and the pixel count."""
    full = F.interpolate(logits, labels.shape[1:], mode='bilinear').softmax(1)
    labeled = labels < len(CLASSES)
    found = full.gather(1, (labels * labeled)[:, None])[:, 0]
    return ((1 - found) ** power * labeled).sum(), labeled.sum()


def test_fake_encoder_data_set_and_loss_train_export_and_evaluate(monkeypatch, capsys, tmp_path):
    monkeypatch.setitem(ENCODERS, 'fake', fake_encoder)
    monkeypatch.setitem(DATASETS, 'fake', fake_dataset)
    monkeypatch.setitem(LOSSES, 'fake', fake_loss)
    config = write_config(
        tmp_path / 'fake.yaml',
        model={'encoder': 'fake', 'widths': None, 'classes': 3},
        data={'dataset': 'fake', 'options': {'images': 6}},
        loss={'name': 'fake', 'options': {'power': 1.5}},
        train={'epochs': 2},
    )
    model, onnx = tmp_path / 'run' / 'trained.pt', tmp_path / 'fake.onnx'
    assert main(['count', str(config), '--json']) == 0
    assert main(['train', str(config), '--out', str(tmp_path / 'run')]) == 0
    assert load_checkpoint(model).model.encoder == 'fake'
    data = ['--dataset', 'fake', '--option', 'images=2']
    assert main(['export', str(model), '-o', str(onnx), *data]) == 0
    result = command_json(capsys, 'evaluate', onnx, '--precision', 'fp32', *data)
    assert result['images'] == 2
    assert result['miou'] == read_spec(onnx).miou


class FakeBackend(Backend):
    """A backend that predicts the last class everywhere."""

    name, precision, device, threads = 'fake', 'fp32', 'none', 1

    @classmethod
    def open(cls, model, file, options):  # noqa: A003
        return cls(model.spec)

    def _infer(self, image):
        logits = np.zeros(self.spec.logits_shape, np.float32)
        logits[-1] = 1
        return logits

    def _close(self) -> None:
        pass


def test_a_backend(monkeypatch, tmp_path):
    monkeypatch.setitem(BACKENDS, 'fake', FakeBackend)
    spec = write_tiny_model(tmp_path / 'tiny.onnx')
    with open_backend(tmp_path / 'tiny.onnx', engine='fake') as engine:
        labels = Segmenter(engine).segment(np.zeros((30, 40, 3), np.uint8)).labels
    assert labels.shape == (30, 40)
    assert (labels == len(spec.classes) - 1).all()


def test_fake_pruning_criterion(monkeypatch):
    # The channel with the largest first weights is the least important one.
    monkeypatch.setitem(CRITERIA, 'fake', lambda group: 1 / group.output_weights[0][:, 0].abs())
    network = tiny_checkpoint().network()
    first = network.encoder.stem.conv1.weight[:, 0, 0, 0].abs()
    history = prune(network, PruneOptions('fake', 'first2', 0.25, multiple=1, floor=1))
    assert history.removals[0].layer == 'encoder.stem.conv1'
    assert history.removals[0].indices == (int(first.argmax()),)


def test_fake_command(monkeypatch, capsys, tmp_path):
    module = ModuleType('fake_command')
    module.main = lambda words: print('did', *words) or 0
    monkeypatch.setitem(sys.modules, 'fake_command', module)
    monkeypatch.setitem(COMMANDS, 'fake', 'fake_command')
    assert main(['fake', 'this']) == 0
    assert capsys.readouterr().out == 'did this\n'


def test_checkpoint_of_an_unknown_encoder_fails(monkeypatch, capsys, tmp_path):
    with monkeypatch.context() as patch:
        patch.setitem(ENCODERS, 'fake', fake_encoder)
        model = replace(tiny_checkpoint().model, encoder='fake', widths=None)
        save_checkpoint(tiny_checkpoint(model), tmp_path / 'fake.pt')
    assert main(['count', str(tmp_path / 'fake.pt')]) == 1
    assert "unknown encoder 'fake'" in capsys.readouterr().err
