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

"""The checkpoints of the shipped models have their weights and can be fine-tuned."""

from helpers.checkout import ROOT
from helpers.tiny_training import write_folder
import numpy as np
import onnx
from onnx import numpy_helper
import pytest
from swiftnet_ros.model_spec import read_spec
from training.__main__ import main
from training.run.checkpoint import layer_widths, load_checkpoint

NAMES = ('camvid', 'warehouse')
MAX_BYTES = 16 * 2**20
SHORT = [
    '--set', 'train.epochs=1', '--set', 'train.batch_size=2', '--set', 'augmentation.crop=64',
    '--set', 'data.height=64', '--set', 'data.width=96', '--set', 'distillation.teacher=null',
]  # fmt: skip


@pytest.mark.parametrize('name', NAMES)
def test_checkpoint_has_the_weights_of_the_fp32_model(name):
    path = ROOT / 'models' / f'{name}.pt'
    assert path.stat().st_size <= MAX_BYTES
    checkpoint = load_checkpoint(path)
    source = path.with_suffix('.fp32.onnx')
    spec = read_spec(source)
    assert tuple(checkpoint.classes) == spec.classes
    assert (checkpoint.height, checkpoint.width) == (spec.input_height, spec.input_width)
    assert layer_widths(checkpoint.weights) == spec.widths
    graph = {item.name: item for item in onnx.load(source).graph.initializer}
    for key in checkpoint.network().state_dict():
        kept = graph.get(f'network.{key}')
        if kept is not None:
            assert np.array_equal(numpy_helper.to_array(kept), checkpoint.weights[key].numpy())
    assert sum(f'network.{key}' in graph for key in checkpoint.weights) > 100


@pytest.mark.parametrize('name', NAMES)
def test_half_of_the_channels_of_all_blocks_are_pruned(name):
    checkpoint = load_checkpoint(ROOT / 'models' / f'{name}.pt')
    widths = layer_widths(checkpoint.weights)
    full = checkpoint.model.widths or [64, 64, 128, 256, 512]
    inner = [widths[f'encoder.stages.{stage}.0.conv1'] for stage in range(4)]
    assert [widths['encoder.stem.conv1'], *inner] == [width // 2 for width in full]


def test_shipped_checkpoint_can_be_fine_tuned_on_other_classes(tmp_path):
    root = write_folder(tmp_path / 'mine')
    recipe = ROOT / 'training' / 'configs' / 'camvid' / 'shipped_640x480.yaml'
    start = ROOT / 'models' / 'camvid.pt'
    words = ['train', str(recipe), '--root', str(root), '--init', str(start), *SHORT]
    words += ['--set', 'data.dataset=folder', '--out', str(tmp_path / 'run')]
    assert main(words) == 1
    assert main([*words, '--other-classes']) == 0
    trained = load_checkpoint(tmp_path / 'run' / 'trained.pt')
    assert [item.name for item in trained.classes] == ['class0', 'class1', 'class2']
    before = layer_widths(load_checkpoint(start).weights)
    assert {**before, 'head.2': 3} == layer_widths(trained.weights)
