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

"""The terms of data reach the weights that are trained on it, and every file made of them."""

from dataclasses import replace

from helpers.tiny_training import (
    command_json,
    tiny_checkpoint,
    tiny_config,
    write_config,
    write_folder,
)
import pytest
from swiftnet_ros.errors import InvalidValueError
from swiftnet_ros.model_spec import read_spec
from training.__main__ import main
from training.datasets.class_table import read_class_table, shipped_class_table
from training.datasets.mixture import open_training_data
from training.datasets.terms import combined_terms, Terms, terms_of_data
from training.run.checkpoint import load_checkpoint, save_checkpoint
from training.run.folder import RunPaths
from training.schema.config import DataConfig, SourceConfig
from training.trainer.initial_weights import weights_origin

MINE = Terms('CC-BY-4.0', 'name the yard')
NONE = Terms()
OTHER = Terms('LicenseRef-Other AND MIT', 'ask')


@pytest.fixture
def licensed_root(tmp_path):
    """Return the folder of a tiny dataset whose class table states terms."""
    root = write_folder(tmp_path / 'data')
    with (root / 'classes.yaml').open('a') as file:
        file.write(f'license: {MINE.license}\nterms: {MINE.terms}\n')
    return root


def saved(path, terms=NONE, **changes):
    save_checkpoint(tiny_checkpoint(**terms._asdict(), **changes), path)
    return path


@pytest.mark.parametrize(
    ('given', 'expected'),
    [
        ([], Terms()),
        ([MINE, MINE], MINE),
        ([MINE, OTHER], Terms('CC-BY-4.0 AND LicenseRef-Other AND MIT', 'name the yard; ask')),
        ([OTHER, Terms('MIT', 'ask')], OTHER),
        ([MINE, Terms()], Terms('', 'name the yard')),
        ([Terms('A' * 150), Terms('B' * 150)], Terms()),
        ([Terms('MIT', 'a' * 300), Terms('MIT', 'b' * 300)], None),
    ],
)
def test_terms_of_several_sources_are_those_of_all(given, expected):
    found = combined_terms(given)
    if expected is None:
        assert found.license == 'MIT' and len(found.terms) <= 500 and '[...]' in found.terms
    else:
        assert found == expected


def test_terms_of_a_mixture_are_those_of_its_sources(licensed_root, tmp_path):
    other = write_folder(tmp_path / 'other')
    roots = (str(licensed_root), str(other))
    sources = [SourceConfig('folder', root=root) for root in roots]
    dataset, _ = open_training_data(DataConfig(sources=sources), None)
    assert terms_of_data(dataset) == Terms('', 'name the yard')
    dataset, _ = open_training_data(DataConfig(sources=sources[:1]), None)
    assert terms_of_data(dataset) == MINE


@pytest.mark.parametrize(
    ('key', 'value'), [('license', 'my own license'), ('license', '3'), ('terms', '[1, 2]')]
)
def test_a_class_table_with_invalid_terms_raises(licensed_root, key, value):
    path = licensed_root / 'classes.yaml'
    lines = [line for line in path.read_text().splitlines() if not line.startswith(key)]
    path.write_text('\n'.join([*lines, f'{key}: {value}']))
    with pytest.raises(InvalidValueError, match=f'{key} in .*classes.yaml is '):
        read_class_table(path)


def test_a_run_has_the_terms_of_its_data_initial_weights_and_teacher(licensed_root, tmp_path):
    first = saved(tmp_path / 'first.pt', OTHER)
    teacher = saved(tmp_path / 'teacher.pt', Terms('Apache-2.0', 'free'))
    config = tiny_config(distillation={'teacher': str(teacher)})
    dataset, _ = open_training_data(config.data, licensed_root)
    terms = weights_origin(config, dataset, first, None).terms
    assert terms.license == 'CC-BY-4.0 AND LicenseRef-Other AND MIT AND Apache-2.0'
    assert terms.terms == 'name the yard; ask; free'
    resumed = load_checkpoint(first)
    assert weights_origin(config, dataset, None, resumed).terms == OTHER


def test_a_trained_checkpoint_has_the_terms_of_its_data(licensed_root, tmp_path):
    config = write_config(tmp_path / 'tiny.yaml', train={'epochs': 1})
    words = ['train', config, '--root', licensed_root, '--out', tmp_path / 'run']
    assert main(list(map(str, words))) == 0
    checkpoint = load_checkpoint(RunPaths(tmp_path / 'run').trained)
    assert Terms(checkpoint.license, checkpoint.terms) == MINE


def test_a_checkpoint_of_an_earlier_version_has_the_terms_of_its_dataset(tmp_path):
    table = shipped_class_table('camvid')
    assert (table.license, bool(table.terms)) == ('CC-BY-NC-4.0', True)
    old = load_checkpoint(saved(tmp_path / 'old.pt', trained_on='camvid'))
    assert old.known_terms == Terms(table.license, table.terms)
    assert replace(old, license='MIT').known_terms == Terms('MIT', '')
    for name in ('folder', '../classes/camvid', 'nothing'):
        assert replace(old, trained_on=name).known_terms == Terms()


def test_pruning_export_quantization_and_fp16_keep_the_terms(folder_root, tmp_path, capsys):
    trained, pruned = saved(tmp_path / 'a.pt', MINE), tmp_path / 'pruned.pt'
    fp32, int8, fp16 = (tmp_path / f'x.{name}.onnx' for name in ('fp32', 'int8', 'fp16'))
    images = ['--images', folder_root / 'train' / 'images', '--count', 2, '--held-out', 1]
    for words in (
        ['prune', trained, '-o', pruned, '--ratios', 'all', '--ratio', 0.25, '--multiple', 1],
        ['export', pruned, '-o', fp32],
        ['quantize', fp32, '-o', int8, *images],
        ['fp16', fp32, '-o', fp16],
    ):
        assert main(list(map(str, words))) == 0
    for path in (fp32, int8, fp16):
        assert (read_spec(path).license, read_spec(path).terms) == MINE
    capsys.readouterr()
    data = ['--dataset', 'folder', '--root', folder_root]
    result = command_json(capsys, 'evaluate', int8, *data)
    assert (result['license'], result['terms']) == MINE


def test_average_has_the_terms_of_all_its_checkpoints(tmp_path):
    paths = [saved(tmp_path / f'{i}.pt', terms) for i, terms in enumerate((MINE, OTHER))]
    assert main(['average', *map(str, paths), '-o', str(tmp_path / 'mean.pt')]) == 0
    mean = load_checkpoint(tmp_path / 'mean.pt')
    assert mean.license == 'CC-BY-4.0 AND LicenseRef-Other AND MIT'


def test_export_states_other_terms(tmp_path, capsys):
    path, out = saved(tmp_path / 'a.pt', MINE), tmp_path / 'x.fp32.onnx'
    result = command_json(capsys, 'export', path, '-o', out, '--license', 'LicenseRef-Yard')
    assert result['license'] == 'LicenseRef-Yard'
    assert (read_spec(out).license, read_spec(out).terms) == ('LicenseRef-Yard', MINE.terms)
    assert main(['export', str(path), '-o', str(out), '--license', 'my license']) == 1
    assert "license is 'my license', expected SPDX identifiers" in capsys.readouterr().err
