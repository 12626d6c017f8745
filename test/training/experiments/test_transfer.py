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


"""Runs on a second data set with other classes: only the classifier is new."""

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
ARMS = {'pruned': {'weights': 'ft', 'pruning': 'all'}}
TRANSFER = {'train': OTHER, 'arms': {'random': None, 'full': 'dense', 'smaller': 'pruned'}}


@pytest.fixture(scope='module')
def task(tmp_path_factory):
    """Give the finished work: 3 classes on the first data set, 4 on the second."""
    base = tmp_path_factory.mktemp('transfer')
    root, other = write_folder(base / 'set'), write_folder(base / 'set_other')
    table = yaml.safe_load((other / 'classes.yaml').read_text())
    table['classes'].append({'name': 'more', 'rgb': [1, 2, 3]})
    (other / 'classes.yaml').write_text(yaml.safe_dump(table))
    torch.set_num_threads(1)
    work = tiny_seed_runs(root, base / 'runs', arms=ARMS, transfer=TRANSFER)
    for name in TRANSFER['arms']:
        finish_run(work, name)
    return work


@pytest.mark.parametrize(('name', 'source'), [('full', 'dense'), ('smaller', 'pruned')])
def test_all_but_the_classifier_comes_from_the_first_data_set(task, name, source):
    start = load_checkpoint(task.paths(name).initial_weights)
    before = load_checkpoint(task.paths(source).trained)
    changed = [
        key for key, value in before.weights.items() if not torch.equal(value, start.weights[key])
    ]
    assert changed == ['head.2.weight', 'head.2.bias']
    assert start.weights['head.2.weight'].shape[0] == 4
    trained = load_checkpoint(task.paths(name).trained)
    assert [item.name for item in trained.classes] == ['class0', 'class1', 'class2', 'more']


def test_full_from_random_has_nothing_of_the_first_data_set(task):
    paths = task.paths('random')
    assert not paths.initial_weights.exists()
    result = json.loads(paths.result.read_text())
    assert (result['source'], result['start_sha256']) == (None, None)
    assert list(result['iou']) == ['class0', 'class1', 'class2', 'more']


def test_a_pruned_network_stays_pruned(task):
    sizes = {
        name: json.loads(task.paths(name).result.read_text())['params']
        for name in ('random', 'full', 'smaller')
    }
    assert sizes['smaller'] < 0.5 * sizes['full']
    assert sizes['full'] == sizes['random']


@pytest.mark.parametrize(
    ('arms', 'words'),
    [
        ({'full': 'dens'}, "unknown value of transfer.arms.full 'dens'; did you mean 'dense'"),
        ({'pruned': 'dense'}, "transfer.arms is 'pruned', expected a name that no arm has"),
    ],
)
def test_sources_and_names_are_checked(arms, words):
    with pytest.raises((UnknownNameError, InvalidValueError), match=words):
        tiny_experiment(arms=ARMS, transfer={'train': OTHER, 'arms': arms})


@pytest.mark.parametrize(
    ('section', 'changes', 'words'),
    [
        ('model', {'features': 8}, 'transfer.train.model is .*expected that of dense'),
        ('train', {'amp': 'bf16'}, "transfer.train.train.amp is 'bf16', expected that of dense"),
    ],
)
def test_the_second_training_must_fit_the_first(section, changes, words):
    train = {**OTHER, section: {**OTHER[section], **changes}}
    with pytest.raises(InvalidValueError, match=words):
        tiny_experiment(arms=ARMS, transfer={'train': train, 'arms': {'full': 'dense'}})
