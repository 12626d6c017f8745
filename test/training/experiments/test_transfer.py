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


"""Runs on a second dataset with other classes: only the classifier is new."""

import json

from helpers.tiny_experiment import DENSE, tiny_experiment, tiny_seed_runs
from helpers.tiny_training import write_folder
import pytest
from swiftnet_ros.errors import InvalidValueError, UnknownNameError
import torch
from training.experiments.run import finish_run
from training.run.checkpoint import load_checkpoint
import yaml

OTHER = {**DENSE, 'train': {**DENSE['train'], 'epochs': 1}}
VARIANTS = {'pruned': {'weights': 'ft', 'pruning': 'all'}}
TRANSFER = {'train': OTHER, 'variants': {'random': None, 'full': 'dense', 'smaller': 'pruned'}}


@pytest.fixture(scope='module')
def runs(tmp_path_factory):
    """Return finished runs: 3 classes in the first dataset, 4 in the second."""
    base = tmp_path_factory.mktemp('transfer')
    root, other = write_folder(base / 'set'), write_folder(base / 'set_other')
    table = yaml.safe_load((other / 'classes.yaml').read_text())
    table['classes'].append({'name': 'more', 'rgb': [1, 2, 3]})
    (other / 'classes.yaml').write_text(yaml.safe_dump(table))
    torch.set_num_threads(1)
    runs = tiny_seed_runs(root, base / 'runs', variants=VARIANTS, transfer=TRANSFER)
    for name in TRANSFER['variants']:
        finish_run(runs, name)
    return runs


@pytest.mark.parametrize(('name', 'source'), [('full', 'dense'), ('smaller', 'pruned')])
def test_everything_but_the_classifier_comes_from_the_first_data_set(runs, name, source):
    start = load_checkpoint(runs.paths(name).initial_weights)
    before = load_checkpoint(runs.paths(source).trained)
    changed = [
        key for key, value in before.weights.items() if not torch.equal(value, start.weights[key])
    ]
    assert changed == ['head.2.weight', 'head.2.bias']
    assert start.weights['head.2.weight'].shape[0] == 4
    trained = load_checkpoint(runs.paths(name).trained)
    assert [item.name for item in trained.classes] == ['class0', 'class1', 'class2', 'more']


def test_run_from_random_weights_has_no_source(runs):
    paths = runs.paths('random')
    assert not paths.initial_weights.exists()
    result = json.loads(paths.result.read_text())
    assert (result['source'], result['start_sha256']) == (None, None)
    assert list(result['iou']) == ['class0', 'class1', 'class2', 'more']


def test_pruned_network_stays_pruned(runs):
    params = {
        name: json.loads(runs.paths(name).result.read_text())['params']
        for name in ('random', 'full', 'smaller')
    }
    assert params['smaller'] < 0.5 * params['full']
    assert params['full'] == params['random']


@pytest.mark.parametrize(
    ('variants', 'words'),
    [
        ({'full': 'dens'}, "unknown value of transfer.variants.full 'dens'; did you mean 'dense'"),
        (
            {'pruned': 'dense'},
            "transfer.variants is 'pruned', expected a name that no variant has",
        ),
    ],
)
def test_sources_and_names_are_checked(variants, words):
    with pytest.raises((UnknownNameError, InvalidValueError), match=words):
        tiny_experiment(variants=VARIANTS, transfer={'train': OTHER, 'variants': variants})


@pytest.mark.parametrize(
    ('section', 'changes', 'words'),
    [
        ('model', {'features': 8}, 'transfer.train.model is .*expected that of dense'),
        ('train', {'amp': 'bf16'}, "transfer.train.train.amp is 'bf16', expected that of dense"),
    ],
)
def test_second_training_must_fit_the_first(section, changes, words):
    train = {**OTHER, section: {**OTHER[section], **changes}}
    with pytest.raises(InvalidValueError, match=words):
        tiny_experiment(
            variants=VARIANTS, transfer={'train': train, 'variants': {'full': 'dense'}}
        )
