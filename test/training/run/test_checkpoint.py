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

from dataclasses import replace
import json
import pickle

from helpers.checkout import ROOT
from helpers.tiny_training import tiny_checkpoint, tiny_config, write_folder
import numpy as np
import onnx
from onnx import numpy_helper
import pytest
from swiftnet_ros.errors import SwiftnetError
from swiftnet_ros.model_spec import read_spec
import torch
from torch import nn
from training.__main__ import main
from training.pruning.options import PruneOptions
from training.pruning.structured import prune
from training.run.checkpoint import (
    Checkpoint,
    checkpoint_bytes,
    CheckpointError,
    layer_widths,
    load_checkpoint,
    save_checkpoint,
)
from training.schema.config import ModelConfig

NAMES = ('indoor',)
MAX_BYTES = 8 * 2**20
SHORT = [
    '--set', 'train.epochs=1', '--set', 'train.batch_size=2', '--set', 'augmentation.crop=64',
    '--set', 'data.height=64', '--set', 'data.width=96', '--set', 'augmentation.crop_width=64',
]  # fmt: skip

# As docs/training.md says.
OWN_IMAGES = (
    'data.dataset=folder', 'data.sources=[]', 'data.val_sources=[]', 'data.classes=null',
    'model.pretrained=false', 'augmentation.reflection=0',
)  # fmt: skip

IMAGE = torch.randint(0, 256, (1, 3, 64, 96), generator=torch.Generator().manual_seed(0))
MODELS = {
    'pyramid': tiny_config().model,
    'single_scale': ModelConfig('single_scale', 'resnet50', [4, 8, 8, 12, 16], features=6),
    'mobilenet': ModelConfig('pyramid', 'mobilenet_v2', [4, 4, 8, 8, 12], 2, 6, 8),
}


def logits_of(network: nn.Module) -> torch.Tensor:
    with torch.inference_mode():
        return network.eval()(IMAGE)


def saved(checkpoint: Checkpoint, path) -> Checkpoint:
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


@pytest.mark.parametrize('name', ['pyramid', 'mobilenet'])
def test_pruned_network_is_rebuilt(name, tmp_path):
    checkpoint = tiny_checkpoint(MODELS[name])
    network = checkpoint.network()
    history = prune(network, PruneOptions(ratios='all', multiple=1, floor=1))
    pruned = saved(replace(checkpoint, weights=network.state_dict()), tmp_path / 'pruned.pt')
    assert torch.equal(logits_of(pruned.network()), logits_of(network))
    widths, before = layer_widths(pruned.weights), layer_widths(checkpoint.weights)
    assert widths == {layer: width - history.removed(layer) for layer, width in before.items()}
    assert widths['encoder.stem.conv1' if name == 'pyramid' else 'encoder.stem.conv'] == 2


class Evil:
    """An object that runs code when it is unpickled."""

    def __init__(self, path) -> None:
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), 'w')


@pytest.mark.parametrize('how', ['torch', 'pickle', 'hidden'])
def test_no_checkpoint_can_run_code(tmp_path, how):
    mark, path = tmp_path / 'mark', tmp_path / 'evil.pt'
    if how == 'pickle':
        path.write_bytes(pickle.dumps(Evil(mark), protocol=2))
    elif how == 'torch':
        torch.save(Evil(mark), path)
    else:
        hidden = tiny_checkpoint(progress={'optimizer': [Evil(mark)]})
        path.write_bytes(checkpoint_bytes(hidden))
    with pytest.raises(CheckpointError, match='holds more than weights') as caught:
        load_checkpoint(path)
    assert not mark.exists()
    assert '\n' not in str(caught.value)


def test_checkpoint_that_cannot_be_loaded_does_not_replace_the_old_one(tmp_path):
    path = tmp_path / 'last.pt'
    save_checkpoint(tiny_checkpoint(miou=0.5), path)
    with pytest.raises(CheckpointError):
        save_checkpoint(tiny_checkpoint(progress={'optimizer': [Evil(tmp_path / 'mark')]}), path)
    assert load_checkpoint(path).miou == 0.5
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize('share', [0.0, 0.3, 0.99])
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
        ({'classes': None}, 'checkpoint.classes is '),
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


def test_weights_of_another_network_raise():
    checkpoint = tiny_checkpoint()
    other = replace(checkpoint, model=replace(checkpoint.model, encoder='resnet34'))
    with pytest.raises(CheckpointError, match='of pyramid resnet34: its weights do not fit'):
        other.network()


@pytest.mark.parametrize('name', NAMES)
def test_checkpoint_has_the_weights_of_the_fp32_model_in_half_precision(name):
    path = ROOT / 'models' / f'{name}.pt'
    assert path.stat().st_size <= MAX_BYTES
    checkpoint = load_checkpoint(path)
    source = path.with_suffix('.fp32.onnx')
    spec = read_spec(source)
    assert tuple(checkpoint.classes) == spec.classes
    # The sizes need not be equal: `export --size`.
    assert layer_widths(checkpoint.weights) == spec.widths
    graph = {item.name: item for item in onnx.load(source).graph.initializer}
    for key in checkpoint.network().state_dict():
        kept = graph.get(f'network.{key}')
        if kept is not None:
            array = numpy_helper.to_array(kept)
            if key.startswith('head.2.'):
                # The temperature of the confidence divides the logits of the exported file.
                exported = json.loads((ROOT / f'docs/results/{name}/export.json').read_text())
                array = array * exported['confidence']['temperature']
                # Half precision has 11 bits; its smallest steps are 2**-24.
                kept = checkpoint.weights[key].float().numpy()
                assert kept == pytest.approx(array, rel=2**-11 * 1.01, abs=2**-24)
                continue
            expected = array.astype(np.float16) if array.ndim == 4 else array
            assert np.array_equal(expected, checkpoint.weights[key].numpy()), key
    assert sum(f'network.{key}' in graph for key in checkpoint.weights) > 100


def test_shipped_checkpoint_can_be_fine_tuned_on_other_classes(tmp_path):
    root = write_folder(tmp_path / 'mine')
    recipe = ROOT / 'training' / 'configs' / 'indoor' / 'pyramid.yaml'
    start = ROOT / 'models' / 'indoor.pt'
    words = ['train', str(recipe), '--root', str(root), '--init', str(start), *SHORT]
    words += [word for key in OWN_IMAGES for word in ('--set', key)]
    words += ['--out', str(tmp_path / 'run')]
    assert main(words) == 1
    assert main([*words, '--other-classes']) == 0
    trained = load_checkpoint(tmp_path / 'run' / 'trained.pt')
    assert [item.name for item in trained.classes] == ['class0', 'class1', 'class2']
    before = layer_widths(load_checkpoint(start).weights)
    assert {**before, 'head.2': 3} == layer_widths(trained.weights)


@pytest.fixture(params=[float('nan'), float('inf')])
def diverged(request, tmp_path):
    """Return the path of a checkpoint of an earlier version with a weight that is no number."""
    checkpoint, path = tiny_checkpoint(), tmp_path / 'diverged.pt'
    save_checkpoint(checkpoint, path)
    content = torch.load(path, weights_only=True)
    content['weights']['head.2.bias'][1] = request.param
    torch.save(content, path)
    return path


@pytest.mark.parametrize(
    'words',
    [
        ['evaluate', '{}', '--dataset', 'warehouse'],
        ['export', '{}', '-o', '{}.onnx'],
        ['prune', '{}', '-o', '{}.pruned.pt'],
        ['average', '{}', '{}', '-o', '{}.mean.pt'],
    ],
)
def test_weights_that_are_no_numbers_are_one_line(capsys, diverged, words):
    assert main([word.format(diverged) for word in words]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert f'{diverged}: weights.head.2.bias is NaN or infinite, as its training' in lines[0]
    assert list(diverged.parent.iterdir()) == [diverged]


def test_progress_that_is_no_number_is_not_stored(tmp_path):
    state = {'optimizer': {'state': {3: {'exp_avg': torch.tensor([1.0, float('-inf')])}}}}
    with pytest.raises(CheckpointError, match='progress.optimizer.state.3.exp_avg is NaN or inf'):
        save_checkpoint(replace(tiny_checkpoint(), progress=state), tmp_path / 'last.pt')
    assert not (tmp_path / 'last.pt').exists()
