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

"""The command prune: counts of the reference networks, files, one-line errors."""

from dataclasses import asdict
from pathlib import Path

from helpers.tiny_training import command_json, tiny_checkpoint
import pytest
from swiftnet_ros.model_spec import SemanticClass
import torch
from training.__main__ import main
from training.pruning.history import history_path, load_history, replay
from training.run.checkpoint import layer_widths, load_checkpoint, save_checkpoint
from training.schema.config import ModelConfig
import yaml

MODEL = ModelConfig('pyramid', 'resnet18', [16, 16, 24, 32, 40], 2, 16, 8)


@pytest.fixture
def checkpoint(tmp_path) -> Path:
    save_checkpoint(tiny_checkpoint(MODEL), tmp_path / 'full.pt')
    return tmp_path / 'full.pt'


def pruned(capsys, *words: object) -> dict:
    return command_json(capsys, 'prune', *words)


def test_pruned_reference_networks_have_the_published_counts(capsys, tmp_path):
    classes = tuple(SemanticClass(f'class{i}', (i, i, i)) for i in range(150))
    config = ModelConfig('pyramid', 'resnet34', output_stride=8)
    save_checkpoint(tiny_checkpoint(config, classes=classes), tmp_path / 'full.pt')
    expected = {'first2': (20_857_526, 139.68), 'all': (6_010_806, 59.75)}
    for ratios, counts in expected.items():
        out = tmp_path / f'{ratios}.pt'
        exact = ['--ratios', ratios, '--multiple', 1, '--floor', 1]
        result = pruned(capsys, tmp_path / 'full.pt', '-o', out, *exact)
        counted = command_json(capsys, 'count', out)
        for figures in (result, counted):
            assert (figures['params'], round(figures['gmacs'], 2)) == counts
        assert result['widths']['encoder.stem.conv1'] == 32


def test_replaying_the_history_gives_the_pruned_checkpoint(capsys, tmp_path, checkpoint):
    out = tmp_path / 'pruned.pt'
    result = command_json(
        capsys, 'prune', checkpoint, '-o', out, '--ratio', 0.3, '--size', '96x64'
    )
    before, after = load_checkpoint(checkpoint), load_checkpoint(out)
    assert result['widths'] == layer_widths(after.weights)
    assert result['size'] == [64, 96]
    assert (after.miou, after.progress, before.miou) == (None, {}, 0.25)
    assert asdict(after.model) == asdict(before.model)
    network = before.network()
    replay(network, load_history(history_path(out)))
    weights = network.state_dict()
    assert weights.keys() == after.weights.keys()
    assert all(torch.equal(weights[name], value) for name, value in after.weights.items())


def test_arguments_override_the_file(capsys, tmp_path, checkpoint):
    out, other = tmp_path / 'a.pt', tmp_path / 'b.pt'
    tree = {'checkpoint': str(checkpoint), 'out': str(out), 'seed': 3}
    tree['prune'] = {'criterion': 'random', 'ratios': {'stage3': 0.5}, 'multiple': 1}
    config = tmp_path / 'prune.yaml'
    config.write_text(yaml.safe_dump(tree))
    words = ['--criterion', 'random', '--ratios', '{stage3: 0.5}', '--multiple', 1, '--seed', 3]
    assert pruned(capsys, config) == command_json(capsys, 'prune', checkpoint, '-o', other, *words)
    histories = [load_history(history_path(path)) for path in (out, other)]
    assert histories[0] == histories[1]
    assert pruned(capsys, config, '--ratios', 'all') != command_json(capsys, 'prune', config)


def test_context_criterion_uses_calibration_images(capsys, tmp_path, checkpoint, folder_root):
    data = ['--dataset', 'folder', '--root', folder_root, '--crop', 64, '--images', 4]
    outs = [tmp_path / name for name in ('a.pt', 'b.pt', 'c.pt')]
    for out, more in zip(outs, ([], [], ['--seed', 1]), strict=True):
        command_json(
            capsys, 'prune', checkpoint, '-o', out, '--criterion', 'context', *data, *more
        )
    first, again, other = (load_history(history_path(out)) for out in outs)
    assert first == again
    assert len(other.removals) == len(first.removals)


@pytest.mark.parametrize(
    ('words', 'text'),
    [
        (
            ['--criterion', 'context'],
            'criterion context needs channel statistics of encoder.stem.conv1',
        ),
        (['--ratios', 'first'], "did you mean 'first2'?"),
        (['--ratios', '{stage1'], 'cannot read the value of --ratios'),
        (['--dataset', 'warehouse'], 'its classes are not those of warehouse (3 and 8)'),
        (['-o', 'nowhere/out.pt'], 'folder not found: nowhere'),
        (['-o', 'out.onnx'], 'expected a .pt file other than the checkpoint'),
    ],
)
def test_mistakes_are_one_line(capsys, tmp_path, checkpoint, words, text):
    out = ['-o', str(tmp_path / 'out.pt')]
    assert main(['prune', str(checkpoint), *out, *words]) == 1
    error = capsys.readouterr().err.strip()
    assert text in error
    assert len(error.splitlines()) == 1
    assert not (tmp_path / 'out.pt').exists()


def test_checkpoint_is_never_overwritten(capsys, checkpoint):
    content = checkpoint.read_bytes()
    assert main(['prune', str(checkpoint), '-o', str(checkpoint)]) == 1
    assert 'other than the checkpoint' in capsys.readouterr().err
    assert main(['prune', str(checkpoint)]) == 1
    assert "out is 'missing'" in capsys.readouterr().err
    assert checkpoint.read_bytes() == content


@pytest.mark.parametrize(
    ('section', 'text'),
    [
        ({'prune': {'multple': 8}}, "did you mean 'multiple'"),
        ({'calibration': {'split': 'train'}}, 'calibration.dataset is'),
        ({'calibration': {'dataset': 'folder', 'images': 'all'}}, 'calibration.images is'),
        ({'weights': 'keep'}, "unknown key in the configuration 'weights'"),
    ],
)
def test_mistake_in_the_file_is_one_line(capsys, tmp_path, checkpoint, section, text):
    tree = {'checkpoint': str(checkpoint), 'out': str(tmp_path / 'out.pt'), **section}
    (tmp_path / 'prune.yaml').write_text(yaml.safe_dump(tree))
    assert main(['prune', str(tmp_path / 'prune.yaml')]) == 1
    error = capsys.readouterr().err.strip()
    assert text in error
    assert len(error.splitlines()) == 1
